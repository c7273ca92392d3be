"""The days without another e-mail to a therapist or an address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from communication_service.store.tables import (
    Gate,
)


class ActiveCooldown(NamedTuple):
    """A gate that another letter holds: for whom, and its first day after."""

    subject: str
    opens_on: date


def active(session: Session, subjects: Sequence[str], *, today: date) -> list[ActiveCooldown]:
    """Gates of these subjects that are closed today or later, those that open last first, a therapist's first."""
    rows = (
        select(Gate.subject, func.upper(Gate.during).label("opens_on"))
        .where(Gate.subject.in_(subjects), func.upper(Gate.during) > today)
        .order_by(text("opens_on DESC"), Gate.subject.desc())
    )
    return [ActiveCooldown(*row) for row in session.execute(rows)]


def start(session: Session, email_id: UUID, subjects: Sequence[str], *, first: date, opens_on: date) -> bool:
    """Close the gates of all these subjects for this letter, or of none; False where another letter holds one.

    Waits for a transaction that is taking the same one. The exclusion constraint decides, not a look before.
    """
    rows = [{"subject": s, "during": Range(first, opens_on), "email_id": email_id} for s in sorted(set(subjects))]
    taken = session.scalars(insert(Gate).on_conflict_do_nothing().returning(Gate.id), rows).all()
    if len(taken) == len(rows):
        return True
    end(session, email_id)
    return False


def count_until(session: Session, email_id: UUID, *, opens_on: date) -> None:
    """Let this letter's gates open on that day."""
    session.execute(
        update(Gate)
        .where(Gate.email_id == email_id)
        .values(during=func.daterange(func.lower(Gate.during), opens_on))
        .execution_options(synchronize_session=False)
    )


def end(session: Session, email_id: UUID) -> None:
    """Open what this letter had closed."""
    session.execute(delete(Gate).where(Gate.email_id == email_id))
