"""The fields of a therapist: what comes in and what goes out are derived from one list."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from shared.values.contacts import EmailAddress, PhoneNumber
from shared.values.datetimes import Instant, IsoDate, PlausibleDate
from shared.values.enums import (
    Accreditation,
    AgeGroup,
    ContactPreference,
    Gender,
    Procedure,
    TherapistStatus,
    TherapySetting,
)
from shared.values.errors import NotAcceptable
from shared.values.identifiers import Language, PostalCode
from shared.values.places import Latitude, Longitude
from shared.values.postal_codes import coordinates_problem
from shared.values.readable import FOR_CALLERS
from shared.values.rules import rule_across, without_rule
from shared.values.schemas import Distinct, EntityView, Page, PageQuery, Schema
from shared.values.text import Line, Note
from shared.values.weekly import WeeklyHours

PLACE = frozenset({"latitude", "longitude"})
"""The coordinates: they are protected, set aside and dropped together."""
ExternalId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""By what a source knows a therapist: no human text, so it stays as it is."""
Lines = Annotated[list[Line], Distinct(100)]


class Holiday(Schema):
    """Days on which the practice is closed, both inclusive."""

    from_: PlausibleDate = Field(alias="from")
    to: PlausibleDate

    @rule_across("to")
    def _ends_after_it_starts(self) -> None:
        """`to` does not lie before `from`."""
        if self.to < self.from_:
            raise NotAcceptable("must not lie before from")


BOTH_OR_NONE: JsonDict = {
    "anyOf": [
        {"properties": {"latitude": {"type": "null"}, "longitude": {"type": "null"}}},
        {
            "required": ["latitude", "longitude"],
            "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}},
        },
    ]
}


class ImportedFields(Schema):
    """The fields that an import record can hold."""

    model_config = ConfigDict(json_schema_extra=BOTH_OR_NONE)

    salutation: Line | None = None
    title: Line | None = None
    first_name: Line | None = None
    last_name: Line
    gender: Gender = Gender.UNKNOWN
    street: Line | None = None
    house_number: Line | None = None
    postal_code: PostalCode | None = None
    city: Line | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: PhoneNumber | None = None
    mobile: PhoneNumber | None = None
    fax: PhoneNumber | None = None
    email: EmailAddress | None = None
    website: Line | None = None
    accreditation: Accreditation = Accreditation.UNKNOWN
    procedures: Annotated[list[Procedure], Distinct(50)] = []
    age_groups: Annotated[list[AgeGroup], Distinct(50)] = []
    settings: Annotated[list[TherapySetting], Distinct(50)] = []
    languages: Annotated[list[Language], Distinct(50)] = []
    qualifications: Lines = []
    offers: Lines = []
    phone_hours: WeeklyHours = None

    @rule_across("latitude", "longitude")
    def _has_both_coordinates_or_none(self) -> None:
        """`latitude` and `longitude` go together."""
        if (self.latitude is None) != (self.longitude is None):
            raise NotAcceptable("latitude and longitude go together")

    @rule_across("latitude", "longitude")
    def _has_coordinates_that_can_be_right(self) -> None:
        """They lie within 30 km of the postal code, or in its region, or without one in Germany."""
        why_not = coordinates_problem(self.postal_code, self.latitude, self.longitude)
        if why_not is not None:
            raise NotAcceptable(f"the coordinates {why_not}")


class TherapistFields(ImportedFields):
    """The fields that staff can write."""

    seat_share: Annotated[float, Field(ge=0.25, le=1)] | None = None
    working_hours: WeeklyHours = None
    holidays: Annotated[list[Holiday], Field(max_length=100)] = []
    free_individual_from: PlausibleDate | None = None
    free_group_from: PlausibleDate | None = None
    potentially_available: bool = False
    potentially_available_note: Annotated[Note | None, FOR_CALLERS] = None
    contact_preference: Annotated[ContactPreference, FOR_CALLERS] = ContactPreference.ANY
    email_opt_out: Annotated[bool, FOR_CALLERS] = False


class NewTherapist(TherapistFields):
    """What creates a therapist."""


class ChangedTherapist(TherapistFields):
    """What PATCH may change: the fields, and which of them imports leave alone."""

    protected_fields: Annotated[list[Line], Distinct(100)] = []


class Block(Schema):
    """Why and since when a therapist must not be contacted, and who said so."""

    reason: str
    since: IsoDate
    until: IsoDate | None = None
    blocked_by: UUID | None = None


class NewBlock(Schema):
    """What blocks a therapist: a reason, and the last day of the block where it ends by itself."""

    reason: Note
    until: PlausibleDate | None = None


class Source(Schema):
    """Where imports know the therapist from."""

    name: str
    external_id: str
    last_seen_at: Instant | None = None


class TherapistView(TherapistFields, EntityView):
    """A therapist as clients see it: as it is stored, whatever a newer table of postal codes says."""

    status: TherapistStatus
    block: Annotated[Block | None, FOR_CALLERS] = None
    last_email_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    last_call_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    last_conversation_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    protected_fields: list[str] = []
    protected_by: Annotated[dict[str, UUID | None], Field(description="who set each protected field last")] = {}
    registered_by: Annotated[UUID | None, Field(description="who entered them by hand")] = None
    source: Source | None = None

    _has_coordinates_that_can_be_right = without_rule()


class TherapistFilter(PageQuery):
    """Which therapists to list."""

    q: (
        Annotated[
            Line,
            Field(
                description="Words, at most ten, with each of which a word of the name or place begins (`ä` is `ae`,"
                " `ß` is `ss`), or the beginning of a phone number. One letter counts only alone. Of more than 200"
                " found, always the same 200 are shown, by name, and `total` counts no further."
            ),
        ]
        | None
    ) = None
    postal_code: PostalCode | None = None
    city: Line | None = None
    procedure: Procedure | None = None
    gender: Gender | None = None
    status: TherapistStatus | None = None
    accreditation: Accreditation | None = None
    potentially_available: bool | None = None


TherapistPage = Page[TherapistView]
