"""The days without another e-mail to a therapist or an address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from communication_service.store.tables import EmailCooldown


class ActiveCooldown(NamedTuple):
    """A cooldown that another e-mail began: for whom, the first day after it, and its first one."""

    subject: str
    ends_on: date
    begins_on: date


def active(session: Session, subjects: Collection[str], *, today: date) -> list[ActiveCooldown]:
    """Cooldowns of these subjects that last today or longer, those that end last first, a therapist's first."""
    rows = (
        select(
            EmailCooldown.subject,
            func.upper(EmailCooldown.during).label("ends_on"),
            func.lower(EmailCooldown.during),
        )
        .where(EmailCooldown.subject.in_(subjects), func.upper(EmailCooldown.during) > today)
        .order_by(text("ends_on DESC"), EmailCooldown.subject.desc())
    )
    return [ActiveCooldown(*row) for row in session.execute(rows)]


def start_all(session: Session, subjects: Mapping[UUID, Collection[str]], *, first: date, ends_on: date) -> set[UUID]:
    """Begin the cooldowns of all subjects of each e-mail, or of none where one of another e-mail is on.

    Returns the ids of the e-mails that have theirs; of two of these with one subject the earlier one. Waits for a
    transaction that is taking the same one, in one order of subjects. The exclusion constraint decides, not a look
    before.
    """
    wanted = sorted((subject, place, id) for place, (id, some) in enumerate(subjects.items()) for subject in {*some})
    rows = [{"subject": subject, "during": Range(first, ends_on), "email_id": id} for subject, _, id in wanted]
    if not rows:
        return set()
    begun = insert(EmailCooldown).on_conflict_do_nothing().returning(EmailCooldown.email_id)
    taken = Counter(session.scalars(begun, rows))
    complete = {id for id, some in subjects.items() if taken[id] == len({*some})}
    if unfinished := taken.keys() - complete:
        session.execute(delete(EmailCooldown).where(EmailCooldown.email_id.in_(unfinished)))
    return complete


def count_until(session: Session, email_ids: Collection[UUID], *, ends_on: date) -> None:
    """Let these e-mails' cooldowns end before that day."""
    session.execute(
        update(EmailCooldown)
        .where(EmailCooldown.email_id.in_(email_ids))
        .values(during=func.daterange(func.lower(EmailCooldown.during), ends_on))
        .execution_options(synchronize_session=False)
    )


def end(session: Session, email_id: UUID) -> None:
    """End the cooldowns of this e-mail."""
    session.execute(delete(EmailCooldown).where(EmailCooldown.email_id == email_id))
