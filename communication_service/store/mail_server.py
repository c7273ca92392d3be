"""What all workers together know of the mail server: one row, and none while nothing was ever wrong with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from communication_service.store.tables import MailServerState

THE_ONE = 1


def state(session: Session) -> MailServerState | None:
    """What is known now."""
    return session.get(MailServerState, THE_ONE, populate_existing=True)


def state_for_change(session: Session) -> MailServerState:
    """What is known now, locked."""
    session.execute(insert(MailServerState).values(id=THE_ONE).on_conflict_do_nothing())
    return session.get_one(MailServerState, THE_ONE, with_for_update=True, populate_existing=True)


def take_probe(session: Session, *, now: datetime, next_at: datetime) -> bool:
    """Whether this transaction is the one that may try the server in trouble now; the next may at `next_at`."""
    taken = update(MailServerState).where(MailServerState.next_try_at <= now).values(next_try_at=next_at)
    result = session.execute(taken.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount > 0


def state_with_failures(session: Session) -> MailServerState | None:
    """What is known now, locked; None, and nothing is locked, while there is nothing against the server."""
    against_it = (MailServerState.troubles > 0, MailServerState.not_taken > 0, MailServerState.refused != [])
    known = select(MailServerState).where(or_(*against_it))
    return session.scalar(known.with_for_update().execution_options(populate_existing=True))
