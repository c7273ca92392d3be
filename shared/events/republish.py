"""Publishes a service's events and states once more, when Kafka has lost its data: `python -m <service> republish`.

First the events that the outbox still keeps are marked as unpublished, facts among them: a service that had handled one
skips it (`processed_events`, `sequence`), a service that had not handles it now. Then the current state of every
aggregate is recorded as one more event of it, under its row's lock, in portions: whatever a compacted topic held
before, the newest state is again the last of its key. A copy that is ahead of its source (`shared.database.copies`) is
replaced. The command may be stopped halfway and run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from shared.database import Aggregate, Session, repeat_if_lost, single_statements, transaction
from shared.database.tables import outbox
from shared.errors import Outage
from shared.events.event import Event, KafkaTopic
from shared.events.outbox import mark_unpublished, record_all, waiting
from shared.runtime import clock
from shared.runtime.spans import span

PORTION = 200
"""Aggregates per transaction: few enough that staff do not notice their locks."""
STALLED_SECONDS = 30.0
"""Seconds without any published event after which waiting for the relay ends with an error."""


class CurrentStates(Protocol):
    """Returns the next aggregates after an id, by id and locked, each with an event of its whole current state.

    The event is of a type that has no effect in a service that has this state already: nothing has changed. There is
    None instead of the event of an aggregate that cannot be read: it must not stop the others.
    """

    def __call__(
        self, session: Session, *, after: UUID, limit: int, now: datetime
    ) -> Sequence[tuple[Aggregate, Event | None]]: ...


@dataclass(frozen=True)
class RepublishResult:
    """The numbers of old events to be published again, of current states recorded, and of those that cannot be read."""

    kept: int
    states: int
    unreadable: int = 0


def republish(
    states: CurrentStates | None, *, portion: int = PORTION, progress: Callable[[int], None] | None = None
) -> RepublishResult:
    """Record everything that other services need; `states` is None for a service without aggregates of its own.

    Calls `progress` with the number of states recorded so far. The relay publishes them: see `wait_until_published`.
    """
    with single_statements() as executor:
        kept = mark_unpublished(executor)
    done, unreadable, after = 0, 0, UUID(int=0)
    while states is not None:
        with span("republish states"):
            found = repeat_if_lost(partial(_portion, states, after, portion))
        recorded = sum(is_recorded for _, is_recorded in found)
        done, unreadable = done + recorded, unreadable + len(found) - recorded
        if progress is not None:
            progress(done)
        if len(found) < portion:
            break
        after, _ = found[-1]
    return RepublishResult(kept, done, unreadable)


def _portion(states: CurrentStates, after: UUID, limit: int) -> list[tuple[UUID, bool]]:
    """The ids of the next aggregates, and whether the state of each was recorded."""
    with transaction() as session:
        found = states(session, after=after, limit=limit, now=clock.now())
        # the time is read while the locks are held: it is later than that of every earlier event
        _record(session, [(aggregate, event) for aggregate, event in found if event is not None], now=clock.now())
        return [(aggregate.id, event is not None) for aggregate, event in found]


def _record(session: Session, states: Sequence[tuple[Aggregate, Event]], *, now: datetime) -> None:
    for aggregate, _ in states:
        aggregate.sequence += 1
    session.flush()
    events = [(aggregate.id, aggregate.sequence, event) for aggregate, event in states]
    record_all(session, events, now=now, republished=True)


UnknownAggregate = Callable[[UUID], Event]
"""Returns the event which says that the service has no aggregate of this id, although Kafka has events about it."""


@dataclass(frozen=True)
class Snapshots:
    """The current public state of a service's aggregates: `republish` sends them once more."""

    topic: KafkaTopic
    read: CurrentStates
    unknown_aggregate: UnknownAggregate | None = None
    """Returns the event for an aggregate on that topic that the service does not have; None: it is only listed."""


def publish_unknown_aggregates(ids: Sequence[UUID], unknown_aggregate: UnknownAggregate) -> int:
    """Record for each of these ids that there is no such aggregate; returns their number.

    The sequence only has to be unused: republished events are compared by their time.
    """
    with span("publish unknown aggregates"):
        for first in range(0, len(ids), PORTION):
            repeat_if_lost(partial(_record_unknown, ids[first : first + PORTION], unknown_aggregate))
    return len(ids)


def _record_unknown(ids: Sequence[UUID], unknown_aggregate: UnknownAggregate) -> None:
    with transaction() as session:
        last = {row.key: row.last for row in session.execute(_NEWEST, {"ids": list(ids)})}
        events = [(id, last.get(id, 0) + 1, unknown_aggregate(id)) for id in ids]
        record_all(session, events, now=clock.now(), republished=True)


_NEWEST = (
    select(outbox.c.key, func.max(outbox.c.sequence).label("last"))
    .where(outbox.c.key == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .group_by(outbox.c.key)
)


def wait_until_published(progress: Callable[[int], None], *, stalled_seconds: float = STALLED_SECONDS) -> None:
    """Wait until all events recorded by now are on Kafka; raises `Unreachable` when the relay makes no progress.

    Calls `progress` with the number of events that still wait.
    """
    with transaction() as session:
        last = session.scalar(select(func.max(outbox.c.position))) or 0
    fewest, moved_at = _waiting_up_to(last), clock.monotonic()
    while fewest:
        progress(fewest)
        time.sleep(0.2)
        number = _waiting_up_to(last)
        if number < fewest:
            fewest, moved_at = number, clock.monotonic()
        elif clock.monotonic() - moved_at > stalled_seconds:
            raise Outage(
                "kafka.nothing_published",
                f"{number} events wait to be published, and no relay publishes them: is a worker running, and Kafka?",
            )
    progress(0)


def _waiting_up_to(position: int) -> int:
    with transaction() as session:
        return waiting(session, up_to=position)
