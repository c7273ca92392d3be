"""The listeners of a service: the projections and effects that its `listeners.py` declares.

Projections come first, each with all its events at once, then the effects in order, each once, since
`processed_events` is written in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from inspect import signature
from typing import Any, Protocol, TypeVar

from sqlalchemy import Uuid, text
from sqlalchemy.orm import Session

from shared.events.event import Event, EventEnvelope
from shared.runtime import metrics
from shared.runtime.spans import Span, span

# one parameter however many events: the statement is compiled once and not for every length of a poll
MARK_PROCESSED = text(
    "INSERT INTO processed_events (event_id) SELECT unnest(CAST(:ids AS uuid[]))"
    " ON CONFLICT DO NOTHING RETURNING event_id"
).columns(event_id=Uuid())

EventType = TypeVar("EventType", bound=Event, contravariant=True)


class Projection(Protocol[EventType]):
    """Keeps a copy; it gets all of a poll's events of its types at once, in order."""

    def __call__(self, session: Session, events: Sequence[EventType], *, now: datetime) -> None: ...


class Effect(Protocol[EventType]):
    """Acts once for each event."""

    def __call__(self, session: Session, event: EventType, *, now: datetime) -> None: ...


Lock = Callable[[Session, Sequence[Event]], None]


@dataclass
class Listeners:
    """The listeners of a service by event type; decorators in its `listeners.py` register them."""

    projections: dict[type[Event], list[Callable[..., None]]] = field(default_factory=lambda: defaultdict(list))
    effects: dict[type[Event], list[Callable[..., None]]] = field(default_factory=lambda: defaultdict(list))
    locks: list[Lock] = field(default_factory=list)

    def locks_first(self, function: Lock) -> Lock:
        """Register a function that locks, before any listener runs, the rows that several listeners of a poll change.

        A poll's events name rows in any order; two workers that lock them in different orders wait for each other.
        """
        self.locks.append(function)
        return function

    def projection(self, *types: type[Event]) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register a function `(session, events, *, now)` that keeps copies of the data in these events."""
        return self._register(self.projections, types)

    def effect(self, *types: type[Event]) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register a function `(session, event, *, now)` that is called once for each of these events."""
        return self._register(self.effects, types)

    @staticmethod
    def _register(
        kind: dict[type[Event], list[Callable[..., None]]], types: Iterable[type[Event]]
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def register(function: Callable[..., None]) -> Callable[..., None]:
            for event_type in types:
                kind[event_type].append(function)
            return function

        return register

    def handled_types(self) -> set[type[Event]]:
        """Returns every event type that has a listener."""
        return {t for kind in (self.projections, self.effects) for t, functions in kind.items() if functions}

    def topics(self) -> list[str]:
        """Returns the topics to subscribe to."""
        return sorted({event_type.topic.name for event_type in self.handled_types()})

    def only_projections(self) -> Listeners:
        """Returns the same listeners without effects, for a rebuild."""
        return Listeners(projections=self.projections, locks=self.locks)

    def given(self, dependencies: object) -> Listeners:
        """Returns the same listeners, where a function with a parameter `dependencies` is given these."""
        # one object for each function, whatever its types: a projection is called once for all of a poll
        bound = cache(partial(_bound, dependencies))
        projections, effects = (
            {event_type: [bound(each) for each in functions] for event_type, functions in kind.items()}
            for kind in (self.projections, self.effects)
        )
        return Listeners(projections, effects, self.locks)

    def apply(self, session: Session, events: Sequence[Event], *, now: datetime) -> None:
        """Give the events to their listeners inside this session's transaction."""
        for lock in self.locks:
            lock(session, events)
        # in the order of their declaration, not of the events: two workers must not write to tables in different orders
        by_function: dict[Callable[..., None], list[Event]] = {
            function: [] for functions in self.projections.values() for function in functions
        }
        for event in events:
            for function in self.projections.get(type(event), ()):
                by_function[function].append(event)
        for function, its_events in by_function.items():
            if not its_events:
                continue
            with _span_of_batch(its_events):
                function(session, its_events, now=max(now, max(e.envelope.time for e in its_events)))
        self._apply_effects(session, [e for e in events if self.effects.get(type(e))], now)

    def _apply_effects(self, session: Session, events: Sequence[Event], now: datetime) -> None:
        fresh = mark_processed(session, events)
        for event in events:
            if event.envelope.id not in fresh:
                metrics.events_repeated.inc()
                continue
            fresh.remove(event.envelope.id)
            with _span_of(event.envelope):
                for function in self.effects[type(event)]:
                    function(session, event, now=max(now, event.envelope.time))


def _bound(dependencies: object, function: Callable[..., None]) -> Callable[..., None]:
    return partial(function, dependencies=dependencies) if _wants_dependencies(function) else function


@cache
def _wants_dependencies(function: Callable[..., None]) -> bool:
    return "dependencies" in signature(function).parameters


def mark_processed(session: Session, events: Sequence[Event]) -> set[Any]:
    """Store the ids of these events in `processed_events`; returns those that were not stored yet.

    Another worker that handles the same event waits here until our transaction ends.
    """
    if not events:
        return set()
    # in one order everywhere, or two workers could wait for each other
    ids = sorted({str(event.envelope.id) for event in events})
    return set(session.scalars(MARK_PROCESSED, {"ids": ids}))


def _span_of(envelope: EventEnvelope) -> AbstractContextManager[Span]:
    """The span of handling one event; its parent is the span in which the event was recorded."""
    return span(
        f"handle {envelope.type}",
        "consumer",
        correlation_id=envelope.correlation_id,
        traceparent=envelope.traceparent,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.message.id": str(envelope.id),
        },
    )


def _span_of_batch(events: Sequence[Event]) -> AbstractContextManager[Span]:
    """The span of handling several events; its parent is the span that recorded them, where they share one."""
    envelopes = {event.envelope.traceparent: event.envelope for event in events}
    if len(envelopes) == 1:
        return _span_of(events[0].envelope)
    correlation_ids = {envelope.correlation_id for envelope in envelopes.values()}
    return span(
        "handle events together",
        "consumer",
        correlation_id=correlation_ids.pop() if len(correlation_ids) == 1 else None,
        attributes={"messaging.system": "kafka", "messaging.batch.message_count": len(events)},
        links=list(envelopes),
    )
