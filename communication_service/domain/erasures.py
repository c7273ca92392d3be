"""Erasing what is kept of a patient here: the copy, the texts, and every mention in what has not gone out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import patient_keys
from communication_service.store import erasures as store
from communication_service.store import schedule
from communication_service.store.tables import PatientPseudonym
from shared.database import Session
from shared.database.copies import erase_copies
from shared.events.catalogue import PatientErasedFromCommunication
from shared.events.erasures import confirm, note_erased
from shared.events.event import EventEnvelope


def erase_patients(session: Session, envelopes: Sequence[EventEnvelope], *, now: datetime) -> None:
    """Erase what there is of the subjects of these events; doing it again changes nothing.

    Whatever has not gone out to a practice is planned anew at once, and then for the others alone: of an erased patient
    there is no copy, and so nothing to ask. Matching ends their requests.
    """
    erase_copies(session, PatientPseudonym, [{"id": each.subject, **each.position()} for each in envelopes])
    patients = sorted({each.subject for each in envelopes})
    note_erased(session, patients, now=now)
    for patient_id in patients:
        patient_keys.forget(session, patient_id)
    schedule.add(session, schedule.of_patients(patients), at=now)


def confirm_erasures(session: Session, *, now: datetime, at_most: int = 100) -> int:
    """Confirm erasures of patients of whom nothing speaks any more that may yet go out; returns their number."""
    done = store.patients_not_spoken_of(session, limit=at_most)
    confirm(session, done, _erased, now=now)
    return len(done)


def _erased(patient_id: UUID) -> PatientErasedFromCommunication:
    return PatientErasedFromCommunication(patient_id=patient_id)
