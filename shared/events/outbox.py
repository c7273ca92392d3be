"""Recording an event in the transaction of the change it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from shared.db import Aggregate, new_id
from shared.events.event import Envelope, Event, encode, source_of
from shared.events.tables import outbox
from shared.tracing import current_cause

LARGEST_EVENT = 900_000
"""Bytes; the broker refuses a message of 1 MiB, and one refused event would hold up every later one."""


def record(session: Session, aggregate: Aggregate, event: Event, *, now: datetime) -> None:
    """Tell the world of a change to this aggregate once its transaction commits.

    The aggregate's row must be new or locked in this session, so that its events keep the order of its changes.
    Flushes the session. Raises `ValueError` for an event too large for the broker.
    """
    if aggregate.id is None:
        aggregate.id = new_id()
    aggregate.sequence = (aggregate.sequence or 0) + 1
    session.flush()
    session.execute(insert(outbox), [_row(aggregate.id, aggregate.sequence, event, now)])


def record_all(session: Session, events: Sequence[tuple[UUID, int, Event]], *, now: datetime) -> None:
    """Record many events in one statement: `(aggregate id, new sequence, event)`; the caller stores the sequences."""
    if events:
        session.execute(insert(outbox), [_row(subject, sequence, event, now) for subject, sequence, event in events])


def _row(subject: UUID, sequence: int, event: Event, now: datetime) -> dict[str, object]:
    cause = current_cause()
    envelope = Envelope(
        id=new_id(),
        type=event.name,
        source=source_of(event),
        subject=subject,
        sequence=sequence,
        time=now,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    value = encode(event, envelope)
    if len(value) * 4 > LARGEST_EVENT and len(value.encode()) > LARGEST_EVENT:
        raise ValueError(f"{event.name} is too large for an event")
    return {
        "event_id": envelope.id,
        "topic": event.topic.name,
        "key": subject,
        "sequence": sequence,
        "value": value,
    }


def waiting(session: Session) -> int:
    """How many events are not yet published."""
    return session.scalar(select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))) or 0


def prune(session: Session, *, now: datetime, keep: timedelta, at_most: int = 5000) -> int:
    """Forget published events older than `keep`, at most so many at once, so that no lock is held long; the count."""
    old = (
        select(outbox.c.position)
        .where(outbox.c.published_at < now - keep)
        .order_by(outbox.c.position)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    return session.execute(delete(outbox).where(outbox.c.position.in_(old))).rowcount  # type: ignore[attr-defined, no-any-return]
