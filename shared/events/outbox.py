"""Recording an event in the transaction of the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared.database import Aggregate, Executor, new_id
from shared.database.tables import outbox, recording
from shared.events.event import LARGEST_EVENT, Event, source_of
from shared.runtime.tracing import TraceContext, current_trace_context

_RECORD = recording()


def record(session: Session, aggregate: Aggregate, event: Event, *, now: datetime) -> None:
    """Tell the world of a change to this aggregate once its transaction commits.

    The aggregate's row must be new or locked in this session, so that its events keep the order of its changes.
    Flushes the session. Raises `ValueError` for an event too large for the broker.
    """
    if aggregate.id is None:
        aggregate.id = new_id()
    aggregate.sequence = (aggregate.sequence or 0) + 1
    session.flush()
    record_all(session, [(aggregate.id, aggregate.sequence, event)], now=now)


def record_all(
    session: Session, events: Sequence[tuple[UUID, int, Event]], *, now: datetime, republished: bool = False
) -> None:
    """Record many events in one statement: `(aggregate id, new sequence, event)`; the caller stores the sequences."""
    if events:
        session.execute(_RECORD, {"events": as_rows(events, now=now, republished=republished)})


def as_rows(events: Sequence[tuple[UUID, int, Event]], *, now: datetime, republished: bool = False) -> str:
    """The events `(aggregate id, new sequence, event)` as the parameter of `recording`, caused by the present work.

    `republished` states say what is, and overrule copies that are ahead of their source (`shared.database.copies`).
    Raises `ValueError` for an event too large for the broker.
    """
    cause = current_trace_context()
    marks = {"republished": True} if republished else {}
    same = {kind: _alike(kind, cause, now, marks) for kind in {type(event) for _, _, event in events}}
    rows = [_row(subject, sequence, event, same[type(event)]) for subject, sequence, event in events]
    return f"[{','.join(rows)}]"


def _alike(kind: type[Event], cause: TraceContext, now: datetime, marks: dict[str, bool]) -> str:
    """The members of an envelope that all events of a kind share within one call, written once."""
    members = {
        "specversion": "1.0",
        "source": source_of(kind),
        "type": kind.name,
        "time": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "correlationid": cause.correlation_id,
        "traceparent": cause.traceparent,
        **marks,
    }
    return json.dumps(members)[1:-1]


def _row(subject: UUID, sequence: int, event: Event, alike: str) -> str:
    """The event's row in the outbox as JSON; ids and numbers need no escaping."""
    id = new_id()
    value = (
        f'{{{alike}, "id": "{id}", "subject": "{subject}", "sequence": {sequence}, "data": {event.model_dump_json()}}}'
    )
    if len(value) * 4 > LARGEST_EVENT and len(value.encode()) > LARGEST_EVENT:
        raise ValueError(f"{event.name} is too large for an event")
    return f'{{"event_id":"{id}","topic":"{event.topic.name}","key":"{subject}","sequence":{sequence},"value":{value}}}'


def waiting(session: Session, *, up_to: int | None = None) -> int:
    """How many events are not yet published, of all or of those up to a position."""
    unpublished = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return session.scalar(unpublished if up_to is None else unpublished.where(outbox.c.position <= up_to)) or 0


def mark_unpublished(executor: Executor, *, published_after: datetime | None = None) -> int:
    """Let published events wait for the relay once more, all or those published after an instant; how many those are.

    In one statement: in portions, the relay could publish a later event of an aggregate before an earlier one.
    """
    is_published = outbox.c.published_at.is_not(None)
    meant = is_published if published_after is None else outbox.c.published_at > published_after
    return executor.execute(update(outbox).where(meant).values(published_at=None)).rowcount  # type: ignore[attr-defined, no-any-return]


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
