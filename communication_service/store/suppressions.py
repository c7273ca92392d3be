"""Named questions about addresses that get no inquiries, and about those who asked for that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import delete, false, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from communication_service.store.tables import Email, EmailSuppression, PracticeCopy
from shared.database.listing import Found, Listing
from shared.database.rows import find_row
from shared.database.sets import is_among
from shared.values.lists import Part


class OptOut(NamedTuple):
    """A therapist who wants no e-mails, and the mailbox that this covers, if they have one."""

    therapist_id: UUID
    email: str | None
    email_key: str | None


STANDS = EmailSuppression.removed_at.is_(None)
"""One that staff took back counts no more."""


def is_suppressed(session: Session, email_key: str) -> bool:
    """Whether this address gets no inquiries: one reason is enough."""
    return bool(suppressed_among(session, [email_key]))


def suppressed_among(session: Session, email_keys: Collection[str]) -> set[str]:
    """Those of these addresses that get no inquiries."""
    found = select(EmailSuppression.email_key).where(EmailSuppression.email_key.in_(email_keys), STANDS)
    return set(session.scalars(found)) if email_keys else set()


def add(session: Session, rows: Sequence[dict[str, Any]]) -> list[EmailSuppression]:
    """Add suppressions of addresses that have none of the same source yet; those that were added."""
    if not rows:
        return []
    # locks what is there already, so that nobody removes it while we rely on it
    statement = insert(EmailSuppression).on_conflict_do_update(
        index_elements=["email_key", "source"],
        index_where=STANDS,
        set_={"email_key": EmailSuppression.email_key},
        where=false(),
    )
    # in one order, or two workers could wait for each other
    ordered = sorted(rows, key=lambda row: (str(row["email_key"]), str(row["source"])))
    return list(session.scalars(statement.returning(EmailSuppression), ordered))


def opt_outs(session: Session, therapist_ids: Collection[UUID]) -> set[OptOut]:
    """Those of these therapists who want no e-mails, as the copies say."""
    rows = select(PracticeCopy.id, PracticeCopy.email, PracticeCopy.email_key).where(
        is_among(PracticeCopy.id, therapist_ids),
        PracticeCopy.email_opt_out,
    )
    return {OptOut(*row) for row in session.execute(rows)}


def no_contact_since(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each of these therapists last answered an e-mail by wanting no contact at all."""
    stopped = select(Email.therapist_id, func.max(Email.stopped_at)).where(
        is_among(Email.therapist_id, therapist_ids), Email.stopped_at.is_not(None)
    )
    found = session.execute(stopped.group_by(Email.therapist_id))
    return {id: at for id, at in found if id is not None and at is not None}


def therapists_at(session: Session, email_keys: Collection[str]) -> set[UUID]:
    """Everybody who has one of these addresses."""
    return (
        set(session.scalars(select(PracticeCopy.id).where(PracticeCopy.email_key.in_(email_keys))))
        if email_keys
        else set()
    )


def remove_opt_outs_of_nobody(session: Session, email_keys: Collection[str]) -> list[str]:
    """Remove suppressions of these addresses that stand for an opt-out which nobody there maintains; which."""
    if not email_keys:
        return []
    # two statements: the second one sees what those did who held a lock until now
    of_opt_outs = (EmailSuppression.email_key.in_(email_keys), EmailSuppression.source == "opt_out", STANDS)
    locked = select(EmailSuppression.id).where(*of_opt_outs)
    session.execute(locked.order_by(EmailSuppression.email_key).with_for_update()).all()
    still = select(PracticeCopy.id).where(
        PracticeCopy.email_key == EmailSuppression.email_key, PracticeCopy.email_opt_out
    )
    gone = (
        delete(EmailSuppression)
        .where(*of_opt_outs, ~still.exists())
        .returning(EmailSuppression.email_key)
        .execution_options(synchronize_session=False)
    )
    return sorted(session.scalars(gone))


def remove_refusal(session: Session, email_key: str) -> bool:
    """Remove what the mail server said of this address; False where it said nothing."""
    said = delete(EmailSuppression).where(
        EmailSuppression.email_key == email_key, EmailSuppression.source == "mail_server", STANDS
    )
    gone = said.returning(EmailSuppression.id).execution_options(synchronize_session=False)
    return session.scalar(gone) is not None


def suppression(session: Session, suppression_id: UUID, *, lock: bool = False) -> EmailSuppression | None:
    """One suppression that stands; with `lock`, as it is now."""
    known = find_row(session, EmailSuppression, suppression_id, lock=lock)
    return known if known is not None and known.removed_at is None else None


SUPPRESSIONS: Final = Listing(
    sorts={"created_at": (EmailSuppression.created_at, EmailSuppression.id)},
    default="-created_at",
    identity=EmailSuppression.id,
    counts={"source": EmailSuppression.source},
)


def read_part(session: Session, part: Part) -> Found[EmailSuppression]:
    """A part of the suppressed addresses."""
    return SUPPRESSIONS.read(session, select(EmailSuppression).where(STANDS), part)
