"""The fields of a therapist: what comes in and what goes out are derived from one list."""

from __future__ import annotations

from typing import Annotated, Final
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
from shared.values.identifiers import DiagnosisBlock, Language, PostalCode, PostalCodeOrBeginning
from shared.values.lists import Several
from shared.values.places import Latitude, Longitude
from shared.values.postal_codes import coordinates_problem
from shared.values.practice_enums import InactiveBy
from shared.values.readable import FOR_CALLERS, NamesFieldsOf
from shared.values.rules import rule_across, without_rule
from shared.values.schemas import Changed, Distinct, EntityView, QuerySchema, Schema
from shared.values.text import Line, Note, Reason
from shared.values.therapist_enums import RemovalOutcome, TherapistReference
from shared.values.weekly import WeeklyHours
from therapist_service.domain.capacity_schemas import Capacity
from therapist_service.domain.change_schemas import FieldOrigin
from therapist_service.domain.phone_hours import PhoneHoursCheck

PLACE = frozenset({"latitude", "longitude"})
"""The coordinates: they are protected, set aside and dropped together."""
ExternalId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""By what a source knows a therapist: no human text, so it stays as it is."""
Lines = Annotated[list[Line], Distinct(100)]


class Holiday(Schema):
    """Days on which the practice is closed, both inclusive."""

    from_: PlausibleDate = Field(alias="from")
    """First day."""
    to: PlausibleDate
    """Last day."""

    @rule_across("to")
    def _ends_after_it_starts(self) -> None:
        """`to` does not lie before `from`."""
        if self.to < self.from_:
            raise NotAcceptable("field.before_from")


STATUS = "POST /api/therapists/{id}/block, …/unblock, …/deactivate, …/reactivate"
"""What changes a status, beside imports."""
CAPACITY = "PUT /api/therapists/{id}/capacity"
"""What changes everything about places."""

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

    salutation: Annotated[Line, Field(examples=["Frau"])] | None = None
    """How the person is addressed, such as Frau or Herr."""
    title: Annotated[Line, Field(examples=["Dr."])] | None = None
    """An academic title."""
    first_name: Annotated[Line, Field(examples=["Mira"])] | None = None
    """First name or names."""
    last_name: Annotated[Line, Field(examples=["Sonnentau"])]
    """Last name."""
    gender: Gender = Gender.UNKNOWN
    """Gender, where it is known."""
    street: Annotated[Line, Field(examples=["Musterweg"])] | None = None
    """Street of the practice, without the house number."""
    house_number: Annotated[Line, Field(examples=["1a"])] | None = None
    """House number of the practice."""
    postal_code: PostalCode | None = None
    """German postal code of the practice."""
    city: Annotated[Line, Field(examples=["Aachen"])] | None = None
    """Town of the practice."""
    latitude: Latitude | None = None
    """Where the practice is; without coordinates the place of the address is looked up."""
    longitude: Longitude | None = None
    """Where the practice is; goes with the latitude."""
    phone: PhoneNumber | None = None
    """Number of the practice."""
    mobile: PhoneNumber | None = None
    """Mobile number."""
    fax: PhoneNumber | None = None
    """Fax number."""
    email: EmailAddress | None = None
    """Where inquiries go; several therapists may share an address."""
    website: Annotated[Line, Field(examples=["https://praxis.example.org"])] | None = None
    """Address of the web page."""
    accreditation: Accreditation = Accreditation.UNKNOWN
    """Who may be treated at whose expense."""
    procedures: Annotated[list[Procedure], Distinct(50)] = []
    """Procedures that are offered."""
    age_groups: Annotated[list[AgeGroup], Distinct(50)] = []
    """Age groups that are treated."""
    settings: Annotated[list[TherapySetting], Distinct(50)] = []
    """Individual or group therapy."""
    languages: Annotated[list[Language], Distinct(50)] = []
    """Languages in which therapy is offered."""
    qualifications: Lines = []
    """Further qualifications, as the source names them."""
    offers: Lines = []
    """Further offers, as the source names them."""
    phone_hours: WeeklyHours = None
    """When somebody answers the phone."""

    @rule_across("latitude", "longitude")
    def _has_both_coordinates_or_none(self) -> None:
        """`latitude` and `longitude` go together."""
        if (self.latitude is None) != (self.longitude is None):
            raise NotAcceptable("field.half_a_place")

    @rule_across("latitude", "longitude")
    def _has_coordinates_that_can_be_right(self) -> None:
        """They lie within 30 km of the postal code, or in its region, or without one in Germany."""
        why_not = coordinates_problem(self.postal_code, self.latitude, self.longitude)
        if why_not is not None:
            raise NotAcceptable("field.wrong_place", why=why_not)


class Preferences(Schema):
    """Whom a practice prefers to treat: it ranks a therapist higher and excludes nobody."""

    diagnoses: Annotated[list[DiagnosisBlock], Distinct(50)] = []
    """Groups of diagnoses that the practice treats by preference."""
    min_age: Annotated[int, Field(ge=0, le=120)] | None = None
    """From this age on."""
    max_age: Annotated[int, Field(ge=0, le=120)] | None = None
    """Up to and with this age."""
    genders: Annotated[list[Gender], Distinct(50)] = []
    """Patients of these genders; empty: of any."""

    @rule_across("max_age")
    def _has_ages_in_order(self) -> None:
        """`max_age` is not below `min_age`."""
        if self.min_age is not None and self.max_age is not None and self.max_age < self.min_age:
            raise NotAcceptable("field.below_min_age")


class TherapistFields(ImportedFields):
    """The fields that staff can write."""

    seat_share: Annotated[float, Field(ge=0.25, le=1)] | None = None
    """Share of a statutory seat."""
    working_hours: WeeklyHours = None
    """When there are sessions."""
    holidays: Annotated[list[Holiday], Field(max_length=100)] = []
    """Days on which the practice is closed."""
    potentially_available_note: Annotated[Note | None, FOR_CALLERS] = None
    """What is known about a place that may be free."""
    call_note: Annotated[Note | None, FOR_CALLERS] = None
    """What people who call the practice should know."""
    preferences: Annotated[Preferences | None, FOR_CALLERS] = None
    """Whom the practice prefers to treat."""
    contact_preference: Annotated[ContactPreference, FOR_CALLERS] = ContactPreference.ANY
    """How the practice wants to be asked."""
    email_opt_out: Annotated[bool, FOR_CALLERS] = False
    """Whether the practice wants no e-mails."""


NAMES_FIELDS: Final = NamesFieldsOf(TherapistFields)


class NewTherapist(TherapistFields):
    """What creates a therapist."""


class RegistrationQuery(QuerySchema):
    """`force=true`: another therapist may be the same, and is somebody else."""

    force: bool = False
    """Enter the therapist although somebody alike is known."""


class ChangedTherapist(TherapistFields):
    """What PATCH may change: the fields, and which of them imports leave alone."""

    protected_fields: Annotated[list[Annotated[Line, Field(examples=["phone"])]], Distinct(100)] = []
    """Names of the fields that imports leave alone."""


class Block(Schema):
    """Why and since when a therapist must not be contacted, and who said so."""

    reason: str
    """Why nobody may contact the therapist."""
    since: IsoDate
    """First day of the block."""
    until: IsoDate | None = None
    """Last day of the block; null: it ends when somebody removes it."""
    blocked_by: UUID | None = None
    """The account of who blocked."""


class NewBlock(Schema):
    """What blocks a therapist: a reason, and the last day of the block where it ends by itself."""

    reason: Note
    """Why nobody may contact the therapist."""
    until: PlausibleDate | None = None
    """Last day of the block; without one it ends when somebody removes it."""


class Activity(Schema):
    """Why a therapist becomes inactive, or active again."""

    reason: Reason | None = None
    """Why; the history shows it."""


class Source(Schema):
    """Where imports know the therapist from."""

    name: str
    """Name of the source."""
    external_id: str
    """By what the source knows the therapist."""
    last_seen_at: Instant | None = None
    """When an import last named the therapist."""


class SourceEntry(Source):
    """One of perhaps several entries of sources that are a therapist."""

    gone_at: Instant | None = None
    """When the source said that it does not have this entry any more."""


class TherapistView(TherapistFields, EntityView):
    """A therapist as clients see it: as it is stored, whatever a newer table of postal codes says."""

    status: Annotated[TherapistStatus, Changed(by=STATUS)]
    """Whether the therapist may be contacted."""
    block: Annotated[Block | None, FOR_CALLERS] = None
    """Why not, where they are blocked."""
    inactive_by: Annotated[InactiveBy | None, Changed(by="POST /api/therapists/{id}/deactivate, …/reactivate")] = None
    """Who made them inactive; of one who is blocked, that they will be when the block ends."""
    capacity: Annotated[Capacity, FOR_CALLERS, Changed(by=CAPACITY)] = Capacity()
    """Whether there are places, and who said so last."""
    free_individual_from: Annotated[IsoDate | None, Changed(by=CAPACITY)] = None
    """From which day there is a place in individual therapy: `from` of the capacity; of a place that is free without
    such a day, the day on which that was said."""
    free_group_from: Annotated[IsoDate | None, Changed(by=CAPACITY)] = None
    """The same of a place in a group."""
    potentially_available: Annotated[bool, Changed(by=CAPACITY)] = False
    """Whether a place may be free: in a setting that is free, or whose `from` has come."""
    phone_hours_check: PhoneHoursCheck | None = None
    """How far the phone hours reach the legal minimum; null without a statutory seat."""
    last_asked_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    """Day on which staff last decided to ask them for a patient, or of a contact that staff entered by hand."""
    last_email_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    """Day of the last e-mail to them."""
    last_call_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    """Day of the last call to them."""
    last_conversation_on: Annotated[IsoDate | None, FOR_CALLERS] = None
    """Day on which somebody was last reached on the phone."""
    protected_fields: Annotated[list[str], NAMES_FIELDS] = []
    """Fields that people have set, which imports leave as they are."""
    protected_by: Annotated[dict[str, UUID | None], NAMES_FIELDS] = {}
    """Who set each protected field last."""
    registered_by: UUID | None = None
    """Who entered them by hand."""
    source: Source | None = None
    """Where imports know the therapist from, the newest of several; null where people entered them."""
    sources: list[SourceEntry] = []
    """All entries of sources that are this therapist, the newest first."""
    field_origins: Annotated[dict[str, FieldOrigin], NAMES_FIELDS] = {}
    """Who or which file set each field last; a field that was never set is not among them."""

    _has_coordinates_that_can_be_right = without_rule()


class TherapistRemoval(Schema):
    """What became of a therapist whom staff removed."""

    id: UUID
    """Identifies the therapist."""
    outcome: RemovalOutcome
    """Whether they are no more, or inactive."""
    references: list[TherapistReference]
    """What refers to them, so that they are inactive."""


class TherapistMerge(Schema):
    """Which entry is the same therapist."""

    duplicate_id: UUID
    """The therapist who is merged into this one."""


class TherapistLabel(Schema):
    """What names a therapist."""

    id: UUID
    """Identifies the therapist."""
    name: str
    """Title, first and last name."""
    city: str | None
    """Town of the practice."""


class TherapistFilter(QuerySchema):
    """Which therapists to list."""

    q: (
        Annotated[
            Line,
            Field(
                description="Words, at most ten, with each of which a word of the name or place begins (`ä` is `ae` or"
                " `a`, `ß` is `ss`), or the beginning of a phone number or e-mail address, or the whole `external_id`"
                " of a source. One letter counts only alone, and Dr., Prof., Frau and Herr do not. Who was merged into"
                " another is found as the kept one. Of more than 200 found, always the same 200 are shown, by name, and"
                " `total` counts no further.",
                examples=["Sonnentau"],
            ),
        ]
        | None
    ) = None
    postal_code: Several[PostalCodeOrBeginning] = []
    """Only those with one of these postal codes, or with one that begins so: `52*`."""
    city: Annotated[Line, Field(examples=["Aachen"])] | None = None
    """Only those in this town, however it is written: MUENCHEN and Munchen find München."""
    within_km: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Only those within so many kilometres of `of_postal_code`, as the crow flies. A practice without coordinates is
    where its postal code is; one without both is not found."""
    of_postal_code: PostalCode | None = None
    """From where `within_km` is measured."""
    procedure: Several[Procedure] = []
    """Only those who offer one of these procedures."""
    gender: Several[Gender] = []
    """Only those of one of these genders."""
    status: Several[TherapistStatus] = []
    """Only those with one of these statuses."""
    accreditation: Several[Accreditation] = []
    """Only those with one of these accreditations."""
    potentially_available: bool | None = None
    """Only those who may have a place, or only the others."""
    free: bool | None = None
    """Only those who have a place today, in individual therapy or a group (`free_*_from`), or only the others."""
    has_phone_hours: bool | None = None
    """Only those whose phone hours are known, or only the others."""
    has_email: bool | None = None
    """Only those with an e-mail address, or only the others."""

    @rule_across("within_km", "of_postal_code")
    def _measures_from_somewhere(self) -> None:
        """`within_km` and `of_postal_code` go together."""
        if (self.within_km is None) != (self.of_postal_code is None):
            raise NotAcceptable("field.half_a_distance")
