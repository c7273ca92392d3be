"""Closed cases that were kept for long enough: it is proposed to erase them, and people approve that or decline it
(GDPR Art. 5 (1) e).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from patient_service.domain import accesses, crisis, history
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt, get_patient, view
from patient_service.domain.schemas import DeclinedErasure, PatientFile, PatientView
from patient_service.domain.states import CLOSED
from patient_service.store import erasures as store
from patient_service.store.tables import Patient
from shared.database import Session
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day, start_of_berlin_day


def propose(session: Session, *, years: int, now: datetime, at_most: int = 200) -> int:
    """Propose to erase patients whose case was closed so many whole calendar years ago; returns their number.

    A case that is opened again is not proposed any more, and one that staff keep not before that is over.
    """
    today = berlin_day(now)
    closed = store.closed_before(session, end_of_retention(years, now), CLOSED, today=today, limit=at_most)
    for patient in closed:
        patient.erasure_proposed_on, patient.updated_at = today, now
    return len(closed)


def end_of_retention(years: int, now: datetime) -> datetime:
    """A case that was closed before this instant is kept no longer: the years count from the end of its own year."""
    return start_of_berlin_day(date(berlin_day(now).year - years, 1, 1))


def refusal(patient: Patient) -> RevealingConflict | None:
    """Why nobody decides whether to erase this patient: because that is not proposed; None where it is."""
    is_proposed = patient.erasure_proposed_on is not None
    return None if is_proposed else RevealingConflict([patient.id], "patient.erasure_not_proposed")


def decline(
    session: Session, keys: Keys, patient_id: UUID, new: DeclinedErasure, *, days: int, reader: Reader, now: datetime
) -> PatientView:
    """Keep a patient whose erasure is proposed: that is not proposed again for so many days.

    Raises `NotFound`, and `Conflict` where it is not proposed.
    """
    patient, file = decline_unnoted(session, keys, patient_id, new.reason, days=days, reader=reader, now=now)
    accesses.record(session, keys, [patient], reader, "changed", now=now)
    return view(patient, file, today=berlin_day(now))


def decline_unnoted(
    session: Session, keys: Keys, patient_id: UUID, reason: str, *, days: int, reader: Reader, now: datetime
) -> tuple[Patient, PatientFile]:
    """The same for a caller who notes it. Raises as `decline`."""
    patient = get_patient(session, patient_id, lock=True)
    if (refused := refusal(patient)) is not None:
        raise refused
    file = crisis.raised_by(reason, keys, patient, decrypt(keys, patient), by=reader.id, now=now)
    patient.erasure_proposed_on = None
    until = berlin_day(now) + timedelta(days=days)
    history.record_kept(session, keys, patient, until=until, reason=reason, by=reader.id, now=now)
    patient.count_change(by=reader.id, now=now)
    return patient, file
