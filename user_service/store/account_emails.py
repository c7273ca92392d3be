"""E-mails with links that are to go out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import new_id
from user_service.store.tables import AccountEmail


def add(session: Session, *, account_id: UUID | None = None, email_key: str | None = None, now: datetime) -> None:
    """Let an e-mail go out; where one is waiting already, that is the one."""
    row = {
        "id": new_id(),
        "account_id": account_id,
        "email_key": email_key,
        "requested_at": now,
        "due_at": now,
        "attempts": 0,
    }
    session.execute(insert(AccountEmail).values(row).on_conflict_do_nothing())


def next_due(session: Session, *, now: datetime) -> AccountEmail | None:
    """The e-mail that is due first, locked; one that another worker looks at is left to that."""
    return session.scalar(
        select(AccountEmail)
        .where(AccountEmail.due_at <= now)
        .order_by(AccountEmail.due_at, AccountEmail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def remove(session: Session, id: UUID, *, attempt: int) -> None:
    """Remove an e-mail, unless a later attempt has begun."""
    session.execute(delete(AccountEmail).where(AccountEmail.id == id, AccountEmail.attempts == attempt))


def postpone(session: Session, id: UUID, *, attempt: int, until: datetime) -> None:
    """Let an e-mail be due later, unless a later attempt has begun."""
    session.execute(
        update(AccountEmail).where(AccountEmail.id == id, AccountEmail.attempts == attempt).values(due_at=until)
    )
