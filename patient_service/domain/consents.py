"""What a patient has agreed to, and has taken back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from patient_service.domain.files import opened, tell
from patient_service.domain.patients import known
from patient_service.domain.schemas import ConsentView, NewConsent
from patient_service.domain.searches import pause_without_mandate
from patient_service.store import queries
from patient_service.store.tables import Consent, Patient
from shared.crypto import Keys
from shared.db import Session, new_id
from shared.errors import Conflict, FieldProblem, NotFound
from shared.events.catalogue import PatientUpdated
from shared.values.moments import berlin_day
from shared.values.schemas import InvalidFields


def get(session: Session, patient_id: UUID, consent_id: UUID) -> ConsentView:
    """One consent of a patient; raises `NotFound`."""
    consent = queries.consent(session, patient_id, consent_id)
    if consent is None:
        raise NotFound("consent")
    return ConsentView.of(consent)


def give(session: Session, keys: Keys, patient_id: UUID, new: NewConsent, *, now: datetime) -> ConsentView:
    """Record a consent; raises `NotFound`, and `InvalidFields` for one given in the future."""
    if new.given_on > berlin_day(now):
        raise InvalidFields([FieldProblem("given_on", "must not lie in the future")])
    patient = known(session, patient_id, lock=True)
    consent = Consent(id=new_id(), patient_id=patient.id, withdrawn_on=None, recorded_at=now, **new.model_dump())
    patient.consents.append(consent)
    _changed(session, keys, patient, now)
    return ConsentView.of(consent)


def withdraw(session: Session, keys: Keys, patient_id: UUID, consent_id: UUID, *, now: datetime) -> ConsentView:
    """Take a consent back from today on; a search whose mandate is withdrawn pauses until staff resume it.

    Raises `NotFound`, and `Conflict` when that was done before.
    """
    patient = known(session, patient_id, lock=True)
    consent = next((each for each in patient.consents if each.id == consent_id), None)
    if consent is None:
        raise NotFound("consent")
    if consent.withdrawn_on is not None:
        raise Conflict("consent.withdrawn_before", "This consent was withdrawn before.")
    consent.withdrawn_on = berlin_day(now)
    if not pause_without_mandate(session, keys, patient, now=now):
        _changed(session, keys, patient, now)
    return ConsentView.of(consent)


def _changed(session: Session, keys: Keys, patient: Patient, now: datetime) -> None:
    patient.version += 1
    patient.updated_at = now
    # what practices may be told of the diagnosis depends on it
    tell(session, patient, opened(keys, patient), PatientUpdated, now=now)
