"""Closed cases that were kept for long enough: it is proposed to erase them, and people do (GDPR Art. 5 (1) e)."""

from __future__ import annotations

from datetime import date, datetime

from patient_service.domain.states import CLOSED
from patient_service.store import erasures as store
from shared.database import Session
from shared.values.datetimes import berlin_day, start_of_berlin_day


def propose(session: Session, *, years: int, now: datetime, at_most: int = 200) -> int:
    """Propose to erase patients whose case was closed so many whole calendar years ago; returns their number.

    A case that is opened again is not proposed any more.
    """
    closed = store.closed_before(session, end_of_retention(years, now), CLOSED, limit=at_most)
    for patient in closed:
        patient.erasure_proposed_on, patient.updated_at = berlin_day(now), now
    return len(closed)


def end_of_retention(years: int, now: datetime) -> datetime:
    """A case that was closed before this instant is kept no longer: the years count from the end of its own year."""
    return start_of_berlin_day(date(berlin_day(now).year - years, 1, 1))
