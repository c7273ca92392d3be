"""What is on the sheet of a call: whom one calls, what may be said of patients, and what was said before."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.values.datetimes import Instant
from shared.values.enums import CallResult, Channel, Direction
from shared.values.schemas import Schema
from shared.values.weekly import WeeklyHours


class CalledTherapist(Schema):
    """Whom a caller phones."""

    name: str
    """The name with titles, as one addresses the person."""
    phone: str | None
    """The phone number of the practice."""
    mobile: str | None
    """The mobile number."""
    phone_hours: WeeklyHours
    """When the practice answers the phone."""
    note: str | None
    """What people who call this practice should know: `call_note` of the therapist."""


class CalledAboutPatient(Schema):
    """What a caller may say of a patient: a pseudonym."""

    placement_request_id: UUID
    """The placement request that the practice is asked about."""
    reference: str
    """By what practice and caller name the patient."""
    other_references: list[str]
    """By what the practice may know the patient too, such as from an earlier letter."""
    age: int | None
    """Age in years."""
    gender: str
    """Gender."""
    insurance_type: str | None
    """How the patient is insured."""
    diagnosis_group: str | None
    """The group of the diagnoses, in words; null without consent to name it."""
    practice_summary: str | None
    """What else the practice may know, while the call is planned and the patient consents; as it is at this moment."""
    availability: WeeklyHours
    """When the patient has time for sessions."""
    prior_therapy_within_two_years: bool | None
    """Whether there was a psychotherapy in the last two years; null: not known."""


class IdentifiedPatient(Schema):
    """Who a patient is, for a practice that offers a place; nothing about health."""

    placement_request_id: UUID
    """The placement request that the practice has accepted."""
    reference: str
    """By what the practice knows the patient."""
    name: str
    """Title and name."""
    address: str | None
    """Postal address."""
    phone: str | None
    """Phone number."""
    email: str | None
    """E-mail address."""
    contact_persons: list[str]
    """Guardians and others to turn to, each with how to reach them."""


class LastContact(Schema):
    """An e-mail or a call with a practice."""

    channel: Channel
    """E-mail or phone."""
    direction: Direction
    """Who contacted whom: we the practice or the practice us."""
    at: Instant
    """When it happened."""
    status: str
    """The status of the e-mail or of the call."""
    result: Annotated[CallResult | None, Field(description="what came of a call")]
    email_id: UUID | None
    """The e-mail."""
    phone_call_id: UUID | None
    """The call."""
