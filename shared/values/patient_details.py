"""Who a patient is, as the patient service says it to a service that writes a letter; kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from shared.values.datetimes import Instant
from shared.values.enums import ContactRelation, Gender
from shared.values.mail_enums import IdentityRefusal
from shared.values.schemas import RecordSchema


class ContactPersonDetails(RecordSchema):
    """Somebody to turn to beside the patient."""

    name: str
    relation: ContactRelation = ContactRelation.OTHER
    phone: str | None = None
    email: str | None = None


class PatientDetails(RecordSchema):
    """Who it is: for a practice how to reach them, for an e-mail to them how to address them."""

    first_name: str
    last_name: str
    title: str | None = None
    salutation: str | None = None
    gender: Gender = Gender.UNKNOWN
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    phone: str | None = None
    email: str | None = None
    contact_persons: Sequence[ContactPersonDetails] = ()
    consented_at: Instant | None = None
    """When the newest consent to be written to was recorded, for an e-mail to them."""


class PatientDetailsAnswer(RecordSchema):
    """Who it is, or why that is not said."""

    refusal: IdentityRefusal | None
    details: PatientDetails | None
