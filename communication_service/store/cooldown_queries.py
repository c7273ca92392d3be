"""The days without another e-mail to a therapist or an address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from communication_service.store.tables import EmailCooldown


class ActiveCooldown(NamedTuple):
    """A cooldown that another e-mail began: for whom, and the first day after it."""

    subject: str
    ends_on: date


def active(session: Session, subjects: Sequence[str], *, today: date) -> list[ActiveCooldown]:
    """Cooldowns of these subjects that last today or longer, those that end last first, a therapist's first."""
    rows = (
        select(EmailCooldown.subject, func.upper(EmailCooldown.during).label("ends_on"))
        .where(EmailCooldown.subject.in_(subjects), func.upper(EmailCooldown.during) > today)
        .order_by(text("ends_on DESC"), EmailCooldown.subject.desc())
    )
    return [ActiveCooldown(*row) for row in session.execute(rows)]


def start(session: Session, email_id: UUID, subjects: Sequence[str], *, first: date, ends_on: date) -> bool:
    """Begin the cooldowns of all these subjects for this e-mail, or of none; False where one of another e-mail is on.

    Waits for a transaction that is taking the same one. The exclusion constraint decides, not a look before.
    """
    rows = [{"subject": s, "during": Range(first, ends_on), "email_id": email_id} for s in sorted(set(subjects))]
    taken = session.scalars(insert(EmailCooldown).on_conflict_do_nothing().returning(EmailCooldown.id), rows).all()
    if len(taken) == len(rows):
        return True
    end(session, email_id)
    return False


def count_until(session: Session, email_id: UUID, *, ends_on: date) -> None:
    """Let this e-mail's cooldowns end before that day."""
    session.execute(
        update(EmailCooldown)
        .where(EmailCooldown.email_id == email_id)
        .values(during=func.daterange(func.lower(EmailCooldown.during), ends_on))
        .execution_options(synchronize_session=False)
    )


def end(session: Session, email_id: UUID) -> None:
    """End the cooldowns of this e-mail."""
    session.execute(delete(EmailCooldown).where(EmailCooldown.email_id == email_id))
