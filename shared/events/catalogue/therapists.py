"""Events of therapist_service."""

from __future__ import annotations

from uuid import UUID

from shared.events.catalogue.payloads import Holidays, Latitude, Longitude, Payload, Texts, Weekly
from shared.events.event import StateEvent
from shared.values.datetimes import PlausibleDate


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
    procedures: Texts = []
    age_groups: Texts = []
    settings: Texts = []
    languages: Texts = []
    phone_hours: Weekly | None = None
    working_hours: Weekly | None = None
    holidays: Holidays = []
    potentially_available: bool = False
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


class TherapistDeactivated(StateEvent, name="therapist.deactivated"):
    """A therapist is no longer in the source or was taken out by staff."""

    therapist: PublicTherapist
