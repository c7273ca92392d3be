"""Records events in the outbox, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared.database import Aggregate, Executor, new_id, transaction
from shared.database.bulk import COPIED_FROM, copy_lines
from shared.database.copy_text import escaped, lines
from shared.database.tables import RECORDED, outbox, record_statement
from shared.events.event import LARGEST_EVENT, Event, is_about, source_of
from shared.runtime.tracing import TraceContext, current_trace_context, new_trace_context, use_trace_context

_RECORD = record_statement()


def record(session: Session, aggregate: Aggregate, event: Event, *, now: datetime) -> None:
    """Record an event about a change to this aggregate; the relay publishes it after the transaction commits.

    The aggregate's row must be new or locked in this session, so that its events keep the order of its changes.
    Flushes the session. Raises `ValueError` for an event too large for the broker, and one about another aggregate.
    """
    if aggregate.id is None:
        aggregate.id = new_id()
    aggregate.sequence = (aggregate.sequence or 0) + 1
    session.flush()
    record_all(session, [(aggregate.id, aggregate.sequence, event)], now=now)


def record_each(session: Session, events: Sequence[tuple[Aggregate, Event, str | None]], *, now: datetime) -> None:
    """The same of several aggregates in one statement, each event with the correlation id of what caused it.

    None: what is done now. The aggregates have ids; the caller flushes the session.
    """
    recorded = []
    for aggregate, event, cause in events:
        aggregate.sequence = (aggregate.sequence or 0) + 1
        with use_trace_context(new_trace_context(cause) if cause else current_trace_context()):
            recorded.append(as_rows([(aggregate.id, aggregate.sequence, event)], now=now, republished=False)[1:-1])
    if recorded:
        session.execute(_RECORD, {"events": f"[{','.join(recorded)}]"})


def record_all(
    session: Session, events: Sequence[tuple[UUID, int, Event]], *, now: datetime, republished: bool = False
) -> None:
    """Record many events in one statement: `(aggregate id, new sequence, event)`; the caller stores the sequences.

    Raises `ValueError` for an event too large for the broker.
    """
    if len(events) >= COPIED_FROM:
        rows = _rows(events, now=now, republished=republished)
        *others, values = zip(*rows, strict=True)
        copy_lines(session, outbox.name, RECORDED, lines([*others, escaped(values)]))
    elif events:
        session.execute(_RECORD, {"events": as_rows(events, now=now, republished=republished)})


def as_rows(events: Sequence[tuple[UUID, int, Event]], *, now: datetime, republished: bool = False) -> str:
    """Returns events `(aggregate id, new sequence, event)` as the parameter of `record_statement`, in this trace.

    `republished` events carry the current state and replace copies that are ahead of it (`shared.database.copies`).
    Raises `ValueError` for an event too large for the broker, and for one about another aggregate, which no reader
    would accept.
    """
    # ids, names of topics and numbers need no escaping
    rows = [
        f'{{"event_id":"{id}","topic":"{topic}","key":"{key}","sequence":{sequence},"value":{value}}}'
        for id, topic, key, sequence, value in _rows(events, now=now, republished=republished)
    ]
    return f"[{','.join(rows)}]"


def _rows(events: Sequence[tuple[UUID, int, Event]], *, now: datetime, republished: bool) -> list[tuple[str, ...]]:
    """The columns `RECORDED` of these events, as texts."""
    context = current_trace_context()
    flags = {"republished": True} if republished else {}
    same = {kind: _common_members(kind, context, now, flags) for kind in {type(event) for _, _, event in events}}
    return [_row(subject, sequence, event, same[type(event)]) for subject, sequence, event in events]


def _common_members(kind: type[Event], context: TraceContext, now: datetime, flags: dict[str, bool]) -> str:
    """The members of an envelope that are the same for all events of a type within one call, serialised once."""
    members = {
        "specversion": "1.0",
        "source": source_of(kind),
        "type": kind.name,
        "time": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "correlationid": context.correlation_id,
        "traceparent": context.traceparent,
        **flags,
    }
    return json.dumps(members)[1:-1]


def _row(subject: UUID, sequence: int, event: Event, common: str) -> tuple[str, ...]:
    if not is_about(event, subject):
        raise ValueError(f"{event.name} is about another aggregate than its subject")
    id, key = str(new_id()), str(subject)
    value = f'{{{common}, "id": "{id}", "subject": "{key}", "sequence": {sequence}, "data": {event.model_dump_json()}}}'
    if len(value) * 4 > LARGEST_EVENT and len(value.encode()) > LARGEST_EVENT:
        raise ValueError(f"{event.name} is too large for an event")
    return id, event.topic.name, key, str(sequence), value


def waiting(session: Session, *, up_to: int | None = None) -> int:
    """Returns the number of events not yet published, of all or of those up to a position."""
    unpublished = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return session.scalar(unpublished if up_to is None else unpublished.where(outbox.c.position <= up_to)) or 0


def count_waiting() -> int:
    """Returns the number of events not yet published, read in a transaction of its own."""
    with transaction() as session:
        return waiting(session)


def mark_unpublished(executor: Executor, *, published_after: datetime | None = None) -> int:
    """Mark published events as unpublished, all or those published after an instant; returns their number.

    The relay publishes them once more. In one statement: in portions, the relay could publish a later event of an
    aggregate before an earlier one.
    """
    is_published = outbox.c.published_at.is_not(None)
    wanted = is_published if published_after is None else outbox.c.published_at > published_after
    return executor.execute(update(outbox).where(wanted).values(published_at=None)).rowcount  # type: ignore[attr-defined, no-any-return]


def prune(session: Session, *, now: datetime, keep: timedelta, at_most: int = 5000) -> int:
    """Delete published events older than `keep`; returns their number.

    At most `at_most` at once, so that no lock is held for long.
    """
    old = (
        select(outbox.c.position)
        .where(outbox.c.published_at < now - keep)
        .order_by(outbox.c.position)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    return session.execute(delete(outbox).where(outbox.c.position.in_(old))).rowcount  # type: ignore[attr-defined, no-any-return]
