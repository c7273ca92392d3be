"""Who a patient is: it leaves this service for a practice that accepted, and for e-mails to the patient.

Nothing about health is among it, so that no letter can say both (docs/domain.md#contact-rule-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader
from patient_service.domain.files import consented_at, consents_to, decrypt, has_withdrawn
from patient_service.domain.intake_schemas import ContactPersonView, ShownPhone
from patient_service.domain.schemas import PatientFile
from patient_service.store import offers, queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.security.encryption import Keys
from shared.values.account_enums import Scope
from shared.values.contacts import writable_address
from shared.values.datetimes import Instant
from shared.values.enums import ConsentPurpose, Gender
from shared.values.mail_enums import IdentityRefusal
from shared.values.readable import ReadableBy
from shared.values.schemas import QuerySchema, Schema

TO_PRACTICES = ReadableBy(Scope.PATIENT_IDENTITIES_READ)
TO_PATIENTS = ReadableBy(Scope.PATIENT_ADDRESSES_READ)


class IdentityQuery(QuerySchema):
    """Who offers the place."""

    placement_request_id: UUID
    """The placement request that the practice has accepted."""


class IdentityDetails(Schema):
    """Who a patient is, and how a practice reaches them."""

    title: str | None
    """Academic title."""
    first_name: str
    """First name."""
    last_name: str
    """Last name."""
    street: str | None
    """Street."""
    house_number: str | None
    """House number."""
    postal_code: str | None
    """Postal code."""
    city: str | None
    """Town."""
    phone: ShownPhone | None
    """Phone number."""
    email: str | None
    """E-mail address."""
    contact_persons: Sequence[ContactPersonView]
    """Guardians and others to turn to."""


class PatientIdentity(Schema):
    """Who a patient is, or why that is not said."""

    patient_id: UUID
    """The patient."""
    refusal: IdentityRefusal | None
    """Why it is not said; null: it is."""
    identity: Annotated[IdentityDetails | None, TO_PRACTICES]
    """Who it is."""


class Addressee(Schema):
    """How a patient is addressed and written to."""

    salutation: str | None
    """How the patient wants to be addressed."""
    title: str | None
    """Academic title."""
    first_name: str
    """First name."""
    last_name: str
    """Last name."""
    gender: Gender
    """Gender."""
    email: str
    """Where to write to."""
    consented_at: Instant | None
    """When the newest consent to be written to was recorded."""


class PatientAddress(Schema):
    """How a patient is written to, or why that is not said."""

    patient_id: UUID
    """The patient."""
    refusal: IdentityRefusal | None
    """Why it is not said; null: it is."""
    addressee: Annotated[Addressee | None, TO_PATIENTS]
    """Who is written to."""


def read_identity(
    session: Session, keys: Keys, patient_id: UUID, placement_request_id: UUID, *, reader: Reader, now: datetime
) -> PatientIdentity:
    """Who a patient is, for the practice that offers a place with this request; noted as read where it is said.

    Raises `UnreadableFile`.
    """
    patient = _known(session, patient_id)
    refusal = _no_identity(session, patient, placement_request_id)
    if refusal is not None or patient is None:
        return PatientIdentity(patient_id=patient_id, refusal=refusal, identity=None)
    shown = IdentityDetails.of({name: getattr(decrypt(keys, patient), name) for name in IdentityDetails.model_fields})
    accesses.record(session, keys, [patient], reader, "read", now=now)
    return PatientIdentity(patient_id=patient_id, refusal=None, identity=shown)


def _known(session: Session, patient_id: UUID) -> Patient | None:
    return next((each for each in queries.patients_with_ids(session, [patient_id]) if _stands(each)), None)


def _stands(patient: Patient) -> bool:
    return patient.erased_at is None and patient.merged_into is None


def _no_identity(session: Session, patient: Patient | None, placement_request_id: UUID) -> IdentityRefusal | None:
    if patient is None:
        return IdentityRefusal.NOT_KNOWN
    if has_withdrawn(patient, ConsentPurpose.MANDATE):
        return IdentityRefusal.NO_CONSENT
    # that a practice has accepted is known here from matching, and is not believed of who asks
    has_offer = offers.has_offer(session, placement_request_id, patient.id)
    return None if has_offer else IdentityRefusal.NO_OFFER


def read_address(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> PatientAddress:
    """How a patient is written to who consents to that; noted as read where it is said. Raises `UnreadableFile`."""
    patient = _known(session, patient_id)
    if patient is None:
        return PatientAddress(patient_id=patient_id, refusal=IdentityRefusal.NOT_KNOWN, addressee=None)
    if not consents_to(patient, ConsentPurpose.PATIENT_MAIL):
        return PatientAddress(patient_id=patient_id, refusal=IdentityRefusal.NO_CONSENT, addressee=None)
    file: PatientFile = decrypt(keys, patient)
    if writable_address(file.email) is None:
        return PatientAddress(patient_id=patient_id, refusal=IdentityRefusal.NO_ADDRESS, addressee=None)
    accesses.record(session, keys, [patient], reader, "read", now=now)
    names = Addressee.model_fields.keys() - {"consented_at"}
    since = consented_at(patient, ConsentPurpose.PATIENT_MAIL)
    shown = Addressee.of({name: getattr(file, name) for name in names} | {"consented_at": since})
    return PatientAddress(patient_id=patient_id, refusal=None, addressee=shown)
