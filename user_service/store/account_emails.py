"""E-mails of accounts that are to go out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.values.account_enums import AccountEmailKind
from user_service.store.tables import AccountEmail

ONE_INVITATION: dict[str, Any] = {"index_elements": ["account_id"], "index_where": text("kind = 'invitation'")}
"""The index by which a person has one invitation at most; other e-mails with an account have no limit."""


def add(
    session: Session,
    kind: AccountEmailKind,
    *,
    account_id: UUID | None = None,
    email_key: str | None = None,
    address: str | None = None,
    now: datetime,
) -> None:
    """Let an e-mail go out.

    Where an invitation or a reset is waiting already, that is the one. Where it is on its way, nobody knows what
    becomes of it: the attempt loses its lease, so it cannot remove the row, and another e-mail goes.

    `address`: where it goes, if not to the account's address of the moment when it is sent.
    """
    row = {
        "id": new_id(),
        "kind": kind.value,
        "account_id": account_id,
        "email_key": email_key,
        "address": address,
        "requested_at": now,
        "due_at": now,
        "attempts": 0,
    }
    asked_again = {"requested_at": now, "leased_until": None, "attempts": AccountEmail.attempts + 1}
    conflict = {"index_elements": ["email_key"]} if account_id is None else ONE_INVITATION
    session.execute(insert(AccountEmail).values(row).on_conflict_do_update(**conflict, set_=asked_again))


def next_due(session: Session, *, now: datetime) -> AccountEmail | None:
    """The e-mail that is due first, locked; one that another worker has is left to that."""
    return session.scalar(
        select(AccountEmail)
        .where(AccountEmail.due_at <= now, or_(AccountEmail.leased_until.is_(None), AccountEmail.leased_until <= now))
        .order_by(AccountEmail.due_at, AccountEmail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def of_attempt(session: Session, id: UUID, *, attempt: int) -> AccountEmail | None:
    """An e-mail as it is now; None where this attempt is not the last one (any more)."""
    found = session.get(AccountEmail, id, populate_existing=True)
    return found if found and found.attempts == attempt else None


def remove(session: Session, id: UUID, *, attempt: int) -> None:
    """Remove an e-mail, unless a later attempt has begun, or it was asked for again."""
    session.execute(delete(AccountEmail).where(AccountEmail.id == id, AccountEmail.attempts == attempt))


def postpone(session: Session, id: UUID, *, attempt: int, until: datetime, held_up_by: str | None) -> None:
    """Let an e-mail be due later, unless a later attempt has begun, or it was asked for again."""
    row = update(AccountEmail).where(AccountEmail.id == id, AccountEmail.attempts == attempt)
    session.execute(row.values(due_at=until, leased_until=None, held_up_by=held_up_by))


def longest_held_up(session: Session) -> AccountEmail | None:
    """The e-mail that waits longest for the mail server."""
    return session.scalar(
        select(AccountEmail).where(AccountEmail.held_up_by.is_not(None)).order_by(AccountEmail.requested_at).limit(1)
    )


def release_held_up(session: Session, *, now: datetime) -> None:
    """Let all those go now that waited for the mail server."""
    held_up = select(AccountEmail.id).where(AccountEmail.held_up_by.is_not(None)).order_by(AccountEmail.id)
    unlocked: Any = held_up.with_for_update(skip_locked=True)
    session.execute(update(AccountEmail).where(AccountEmail.id.in_(unlocked)).values(due_at=now, held_up_by=None))
