"""Events of therapist_service."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.events.catalogue.payloads import Count, Holidays, Latitude, Longitude, Payload, Texts, Weekly
from shared.events.event import StateEvent
from shared.values.datetimes import PlausibleDate

SeatShare = Annotated[float, Field(ge=0, le=1)]
NoteText = Annotated[str, Field(max_length=4000)]
"""As long as the service accepts notes; no index has them."""


class PublicCapacityStatement(Payload):
    """What was said last of places in one setting."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    state: str = "unknown"
    from_: PlausibleDate | None = Field(default=None, alias="from")
    stated_on: PlausibleDate | None = None
    source: str | None = None
    expires_on: PlausibleDate | None = None


class PublicCapacity(Payload):
    """Whether there are places, from when, who said so and until when it counts."""

    individual: PublicCapacityStatement = PublicCapacityStatement()
    group: PublicCapacityStatement = PublicCapacityStatement()


class PublicPreferences(Payload):
    """Whom a practice prefers to treat; it excludes nobody."""

    diagnoses: Texts = []
    """Blocks of ICD-10-GM, such as F30-F39."""
    min_age: Count | None = None
    max_age: Count | None = None
    genders: Texts = []


class PublicTherapist(Payload):
    """All data of a therapist, which other services may keep."""

    id: UUID
    salutation: str | None = None
    title: str | None = None
    first_name: str | None = None
    last_name: str
    gender: str = "unknown"
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    phone: str | None = None
    mobile: str | None = None
    email: str | None = None
    accreditation: str = "unknown"
    seat_share: SeatShare | None = None
    procedures: Texts = []
    age_groups: Texts = []
    settings: Texts = []
    languages: Texts = []
    phone_hours: Weekly | None = None
    working_hours: Weekly | None = None
    holidays: Holidays = []
    capacity: PublicCapacity | None = None
    """None: nobody has said anything yet."""
    free_individual_from: PlausibleDate | None = None
    free_group_from: PlausibleDate | None = None
    potentially_available: bool = False
    potentially_available_note: NoteText | None = None
    call_note: NoteText | None = None
    """What people who call the practice should know."""
    preferences: PublicPreferences | None = None
    """None: the practice has named none."""
    contact_preference: str = "any"
    email_opt_out: bool = False
    status: str = "active"
    blocked_until: PlausibleDate | None = None


class TherapistRegistered(StateEvent, name="therapist.registered"):
    """A therapist was registered."""

    therapist: PublicTherapist


class TherapistUpdated(StateEvent, name="therapist.updated"):
    """A therapist's data changed."""

    therapist: PublicTherapist


class TherapistBlocked(StateEvent, name="therapist.blocked"):
    """A therapist must not be contacted."""

    therapist: PublicTherapist


class TherapistUnblocked(StateEvent, name="therapist.unblocked"):
    """A therapist may be contacted again."""

    therapist: PublicTherapist


class TherapistMerged(StateEvent, name="therapist.merged"):
    """Two entries were of one therapist, and the other one is kept; of this one a copy keeps nothing but that.

    Their open requests are the kept one's, and the days without another e-mail to either count for the kept one.
    """

    therapist_id: UUID
    merged_into: UUID
    """The therapist who is kept; where that one is merged later, this one is published once more."""


class TherapistRemoved(StateEvent, name="therapist.removed"):
    """A therapist to whom nothing referred is no more; a copy keeps nothing of them.

    Only where somebody was to be asked at the same moment another state follows: they are inactive instead.
    """

    therapist_id: UUID


class TherapistDeactivated(StateEvent, name="therapist.deactivated"):
    """A therapist is no longer in the source or was taken out by staff."""

    therapist: PublicTherapist
