"""Counters of attempts to sign in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from user_service.store.portions import remove_portion
from user_service.store.tables import SignInThrottle


def lock(session: Session, keys: Sequence[bytes], *, now: datetime) -> Sequence[SignInThrottle]:
    """The counters with these keys, locked, always in the order of their keys; those that were missing are at 0."""
    wanted = sorted(keys)
    new = [{"key": key, "attempts": 0, "last_at": now, "next_at": now} for key in wanted]
    # one statement, which also writes what was there: `prune` cannot remove it before it is locked
    locked = (
        insert(SignInThrottle)
        .values(new)
        .on_conflict_do_update(index_elements=[SignInThrottle.key], set_={"attempts": SignInThrottle.attempts})
    )
    return session.scalars(locked.returning(SignInThrottle), execution_options={"populate_existing": True}).all()


def save(session: Session, attempts: Mapping[bytes, int], next_at: Mapping[bytes, datetime], *, now: datetime) -> None:
    """Write these locked counters, each whether it changed or not, so that the time for it reveals nothing."""
    rows = [{"key": key, "attempts": attempts[key], "last_at": now, "next_at": next_at[key]} for key in attempts]
    session.execute(update(SignInThrottle), rows)


def clear(session: Session, keys: Iterable[bytes], *, now: datetime) -> None:
    """Set these counters back to 0."""
    for key in sorted(keys):
        session.execute(update(SignInThrottle).where(SignInThrottle.key == key).values(attempts=0, next_at=now))


def take_back(session: Session, delayed_until: Mapping[bytes, datetime], *, now: datetime) -> None:
    """Count one attempt less; the delay that it made ends, one that a later attempt made does not."""
    less = func.greatest(SignInThrottle.attempts - 1, 0)
    for key, mine in sorted(delayed_until.items()):
        next_at = case((SignInThrottle.next_at == mine, now), else_=SignInThrottle.next_at)
        session.execute(update(SignInThrottle).where(SignInThrottle.key == key).values(attempts=less, next_at=next_at))


def prune(session: Session, *, before: datetime) -> int:
    """Remove a portion of the counters without an attempt since then; returns their number."""
    return remove_portion(session, SignInThrottle.key, SignInThrottle.last_at < before)
