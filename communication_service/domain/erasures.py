"""Erasing what is kept of a patient here beside the copy: the texts, and every mention in what has not gone out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.store import erasures as store
from shared.database import Session, patient_keys
from shared.events.catalogue import PatientErasedFromCommunication
from shared.events.erasures import confirm, record_erased


def erase_patients(session: Session, patient_ids: Sequence[UUID], *, now: datetime) -> None:
    """Erase what there is of these patients beside their copies (`copies.keep_patients`); again, it changes nothing.

    Of an erased patient there is no copy, so that whatever is planned from now on is for the others alone. Matching
    ends their requests.
    """
    patients = sorted(set(patient_ids))
    record_erased(session, patients, now=now)
    for patient_id in patients:
        patient_keys.destroy(session, patient_id)


def confirm_erasures(session: Session, *, now: datetime, at_most: int = 100) -> int:
    """Confirm erasures of patients of whom nothing speaks any more that may yet go out; returns their number."""
    done = store.patients_not_spoken_of(session, limit=at_most)
    confirm(session, done, _erased, now=now)
    return len(done)


def _erased(patient_id: UUID) -> PatientErasedFromCommunication:
    return PatientErasedFromCommunication(patient_id=patient_id)
