"""What a patient has agreed to, and has taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, get_patient, last_withdrawal, publish
from patient_service.domain.schemas import ConsentView, NewConsent
from patient_service.domain.searches import pause_if_unready
from patient_service.store.tables import Consent, Patient
from shared.database import Session, new_id
from shared.errors import FieldProblem, NotFound
from shared.events.catalogue import PatientUpdated
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.enums import ConsentPurpose
from shared.values.schemas import InvalidFields


def get(
    session: Session, keys: Keys, patient_id: UUID, consent_id: UUID, *, reader: Reader, now: datetime
) -> ConsentView:
    """One consent of a patient; records the read in the access log. Raises `NotFound`."""
    return ConsentView.of(_consent_of(accesses.read_patient(session, keys, patient_id, reader, now=now), consent_id))


def give(
    session: Session, keys: Keys, patient_id: UUID, new: NewConsent, *, reader: Reader, now: datetime
) -> ConsentView:
    """Record a consent.

    Raises `NotFound`, and `InvalidFields` for one that was given in the future, or before the patient withdrew one to
    the same purpose: the withdrawal came later and stands.
    """
    if new.given_on > berlin_day(now):
        raise InvalidFields([FieldProblem.of("given_on", "field.in_the_future")])
    patient = get_patient(session, patient_id, lock=True)
    withdrawn_on = last_withdrawal(patient, new.purpose)
    if withdrawn_on is not None and new.given_on < withdrawn_on:
        raise InvalidFields([FieldProblem.of("given_on", "field.before_withdrawal", withdrawn_on=withdrawn_on)])
    recorded = {"created_at": now, "recorded_by": reader.id}
    consent = Consent(id=new_id(), patient_id=patient.id, withdrawn_on=None, **recorded, **new.model_dump())
    patient.consents.append(consent)
    _changed(session, keys, patient, by=reader.id, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return ConsentView.of(consent)


def withdraw(
    session: Session, keys: Keys, patient_id: UUID, consent_id: UUID, *, reader: Reader, now: datetime
) -> ConsentView:
    """Take back from today on what the patient agreed to: every consent to this one's purpose ends.

    The same consent may be recorded twice, and a patient who withdraws it means both. A search whose mandate is
    withdrawn pauses until staff resume it. Raises `NotFound`, and `Conflict` when that was done before.
    """
    patient = get_patient(session, patient_id, lock=True)
    consent = _consent_of(patient, consent_id)
    if consent.withdrawn_on is not None:
        raise RevealingConflict([patient.id], "consent.withdrawn_before")
    for each in patient.consents:
        if each.purpose == consent.purpose and each.withdrawn_on is None:
            each.withdrawn_on, each.withdrawn_by = berlin_day(now), reader.id
    if not pause_if_unready(session, keys, patient, decrypt(keys, patient), by=reader.id, now=now):
        _changed(session, keys, patient, by=reader.id, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return ConsentView.of(consent)


def follow_withdrawals(one: Patient, other: Patient, *, by: UUID | None) -> None:
    """End what the patient agreed to in either file and withdrew in the other, on the same day or later.

    Who recorded a consent did not know of a withdrawal in the other file, so of one day the withdrawal stands. Within
    one file, where it was known, a consent may be given again on that day.
    """
    # both are looked at before either changes: what ends in one file was not withdrawn there
    for consent, withdrawn_on in [*_withdrawn_in(other, one), *_withdrawn_in(one, other)]:
        consent.withdrawn_on, consent.withdrawn_by = withdrawn_on, by


def _withdrawn_in(knows: Patient, other: Patient) -> Iterator[tuple[Consent, date]]:
    """The consents of the other file that stand there and end, each with the day of the last withdrawal."""
    for each in other.consents:
        withdrawn_on = last_withdrawal(knows, ConsentPurpose(each.purpose))
        if each.withdrawn_on is None and withdrawn_on is not None and each.given_on <= withdrawn_on:
            yield each, withdrawn_on


def _consent_of(patient: Patient, consent_id: UUID) -> Consent:
    for consent in patient.consents:
        if consent.id == consent_id:
            return consent
    raise NotFound("consent")


def _changed(session: Session, keys: Keys, patient: Patient, *, by: UUID | None, now: datetime) -> None:
    patient.count_change(by=by, now=now)
    # what practices may know of the diagnosis depends on it
    publish(session, patient, decrypt(keys, patient), PatientUpdated, now=now)
