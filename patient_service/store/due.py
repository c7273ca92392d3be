"""Named questions of jobs: which patients are due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, LargeBinary, and_, column, select, values
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from patient_service.store.tables import Patient


def pauses_that_passed(
    session: Session, *, today: date, without: Collection[UUID] = (), limit: int
) -> Sequence[Patient]:
    """Paused patients whose last day of pause lies before today, locked; those another worker holds are left out."""
    return session.scalars(
        select(Patient)
        .where(Patient.status == "paused", Patient.paused_until < today, Patient.id.not_in(without))
        .options(selectinload(Patient.consents))
        .order_by(Patient.paused_until, Patient.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def patients_who_grew_older(
    session: Session, latest_birthdays: Sequence[tuple[bytes, date]], *, without: Collection[UUID] = (), limit: int
) -> Sequence[Patient]:
    """Patients whose latest birthday is after the day of the last published age, locked; skips what others hold.

    `latest_birthdays`: for every day of the year its blind index and when it was celebrated last.
    """
    return _published_before(session, Patient.birthday_index, latest_birthdays, without=without, limit=limit)


def patients_whose_therapy_passed(
    session: Session, ends: Sequence[tuple[bytes, date]], *, without: Collection[UUID] = (), limit: int
) -> Sequence[Patient]:
    """Patients who were last published before the day on which their prior therapy ceased to count, locked; skips
    what others hold.

    `ends`: for each such day its blind index and the day.
    """
    # most rows have none of these indexes, and the column has no tree: with a set they are left out before the join
    had_one = Patient.prior_therapy_index.in_([index for index, _ in ends])
    return _published_before(session, Patient.prior_therapy_index, ends, had_one, without=without, limit=limit)


def _published_before(
    session: Session,
    index: InstrumentedAttribute[Any],
    days: Sequence[tuple[bytes, date]],
    *conditions: ColumnElement[bool],
    without: Collection[UUID],
    limit: int,
) -> Sequence[Patient]:
    changed = values(column("index", LargeBinary), column("day", Date), name="changed").data(list(days))
    return session.scalars(
        select(Patient)
        .join(changed, and_(index == changed.c.index, Patient.age_published_on < changed.c.day))
        .where(*conditions, Patient.id.not_in(without))
        .options(selectinload(Patient.consents))
        .order_by(Patient.id)
        .limit(limit)
        .with_for_update(of=Patient, skip_locked=True)
    ).all()
