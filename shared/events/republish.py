"""Telling the world anew what is, for when Kafka has lost its data: `python -m <service> republish`.

First the events that the outbox still keeps wait for the relay once more, facts among them: who had one skips it
(`processed_events`, `sequence`), and who had not now gets it. Then the present state of every aggregate is recorded as
one more event of it, under its row's lock, in portions: whatever lay in a compacted topic before, the newest state is
again the last of its key. A copy that is ahead of its source (`shared.database.copies`) gives way to it. An end halfway
does no harm, nor does a second run.
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
from shared.errors import Unreachable
from shared.events.event import Event, Topic
from shared.events.outbox import mark_unpublished, record_all, waiting
from shared.runtime import clock
from shared.runtime.spans import span

PORTION = 200
"""Aggregates per transaction: few enough that staff do not notice their locks."""
SILENCE = 30.0
"""Seconds in which no event is published before waiting for the relay is given up."""


class States(Protocol):
    """The next aggregates after an id, by id and locked, each with the event that tells its whole present state.

    The event is of a type that has no effects where what it says is known: nothing has happened.
    """

    def __call__(
        self, session: Session, *, after: UUID, limit: int, now: datetime
    ) -> Sequence[tuple[Aggregate, Event]]: ...


@dataclass(frozen=True)
class Republished:
    """What was recorded to be published: kept events once more, and present states."""

    kept: int
    states: int


def republish(
    states: States | None, *, portion: int = PORTION, progress: Callable[[int], None] | None = None
) -> Republished:
    """Let everything be published that the others need to have; `None` for a service without states.

    `progress` hears how many states are recorded so far. The relay publishes: `until_published` waits for it.
    """
    with single_statements() as executor:
        kept = mark_unpublished(executor)
    done, after = 0, UUID(int=0)
    while states is not None:
        with span("republish states"):
            told = repeat_if_lost(partial(_portion, states, after, portion))
        done += len(told)
        if progress is not None:
            progress(done)
        if len(told) < portion:
            break
        after = told[-1]
    return Republished(kept, done)


def _portion(states: States, after: UUID, limit: int) -> list[UUID]:
    with transaction() as session:
        found = states(session, after=after, limit=limit, now=clock.now())
        # the locks are held: what happened before has its time, and this comes later
        return _record(session, found, now=clock.now())


def _record(session: Session, told: Sequence[tuple[Aggregate, Event]], *, now: datetime) -> list[UUID]:
    for aggregate, _ in told:
        aggregate.sequence += 1
    session.flush()
    events = [(aggregate.id, aggregate.sequence, event) for aggregate, event in told]
    record_all(session, events, now=now, republished=True)
    return [aggregate.id for aggregate, _ in told]


Denial = Callable[[UUID], Event]
"""What a service says of an aggregate that it does not have, though Kafka says something of it."""


@dataclass(frozen=True)
class Snapshots:
    """The current public state of a service's aggregates: what `republish` sends, and where it lies on Kafka."""

    topic: Topic
    read: States
    unknown: Denial | None = None
    """What is said of an aggregate on that topic that the service does not have; None: nothing, it is only shown."""


def deny(ids: Sequence[UUID], denial: Denial) -> int:
    """Record of each of these that there is no such aggregate; returns the number of them.

    Its sequence only has to be free: like every republished event it counts by its time.
    """
    with span("deny strangers"):
        for first in range(0, len(ids), PORTION):
            repeat_if_lost(partial(_deny, ids[first : first + PORTION], denial))
    return len(ids)


def _deny(ids: Sequence[UUID], denial: Denial) -> None:
    with transaction() as session:
        said = {row.key: row.last for row in session.execute(_NEWEST, {"ids": list(ids)})}
        record_all(session, [(id, said.get(id, 0) + 1, denial(id)) for id in ids], now=clock.now(), republished=True)


_NEWEST = (
    select(outbox.c.key, func.max(outbox.c.sequence).label("last"))
    .where(outbox.c.key == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .group_by(outbox.c.key)
)


def until_published(progress: Callable[[int], None], *, silence: float = SILENCE) -> None:
    """Return when all that is recorded now lies on Kafka; raises `Unreachable` where the relay does not get on.

    `progress` hears how many events still wait.
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
        elif clock.monotonic() - moved_at > silence:
            raise Unreachable(
                "kafka.nothing_published",
                f"{number} events are recorded and wait, but nobody publishes them: is a worker running, and Kafka?",
            )
    progress(0)


def _waiting_up_to(position: int) -> int:
    with transaction() as session:
        return waiting(session, up_to=position)
