"""From Kafka to listeners: every event has its effect exactly once, a bad one is parked, an outage is waited out.

Bad is what cannot be read, what its listeners refuse three times, and what is still refused after a minute although
the database answers: nothing is tried for ever, and whatever a message holds, its partition moves on.

A poll of events is handled in one transaction: first the projections, each with all its events at once, then the
effects in order, each once, since `seen` is written in the same transaction. Offsets are committed afterwards: a crash
in between repeats events, which projections (stored sequence) and effects (`seen`) then skip.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from sqlalchemy import Uuid, text
from sqlalchemy.orm import Session

from shared import clock, metrics
from shared.db import database_answers, is_trouble, repeat_if_lost, transaction
from shared.duties import LASTING_SECONDS, Duty, kind_of
from shared.events.event import Envelope, Event, Unreadable
from shared.events.parking import set_aside
from shared.events.reading import Received, read_message
from shared.events.relay import Backoff
from shared.logs import logger
from shared.spans import Hop, hop

log = logger(__name__)

TRIES = 3
STEADY_SECONDS = 10.0
"""A consumer with nothing to do for so long after its start works: before, its partitions may not be there yet."""

# one parameter however many events: nothing to compile anew for every length of a poll
SEE = text(
    "INSERT INTO seen (event_id) SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING event_id"
).columns(event_id=Uuid())

EventType = TypeVar("EventType", bound=Event, contravariant=True)


class Projection(Protocol[EventType]):
    """Keeps a copy: given all of a poll's events of its types, in order."""

    def __call__(self, session: Session, events: Sequence[EventType], *, now: datetime) -> None: ...


class Effect(Protocol[EventType]):
    """Does something once for one event."""

    def __call__(self, session: Session, event: EventType, *, now: datetime) -> None: ...


Lock = Callable[[Session, Sequence[Event]], None]


@dataclass
class Listeners:
    """What a service does about which events: filled by decorators in its `listeners.py`."""

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
        """Register a function `(session, events, *, now)` that keeps copies of what these events tell."""
        return self._into(self.projections, types)

    def effect(self, *types: type[Event]) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register a function `(session, event, *, now)` that happens once for each of these events."""
        return self._into(self.effects, types)

    @staticmethod
    def _into(
        kind: dict[type[Event], list[Callable[..., None]]], types: Iterable[type[Event]]
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def register(function: Callable[..., None]) -> Callable[..., None]:
            for event_type in types:
                kind[event_type].append(function)
            return function

        return register

    def heard(self) -> set[type[Event]]:
        """Every event type that some listener wants."""
        return {t for kind in (self.projections, self.effects) for t, functions in kind.items() if functions}

    def topics(self) -> list[str]:
        """The topics to subscribe to."""
        return sorted({event_type.topic.name for event_type in self.heard()})

    def only_projections(self) -> Listeners:
        """The same without effects: what a rebuild runs."""
        return Listeners(projections=self.projections, locks=self.locks)

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
            with _together(its_events):
                function(session, its_events, now=max(now, max(e.envelope.time for e in its_events)))
        self._apply_effects(session, [e for e in events if self.effects.get(type(e))], now)

    def _apply_effects(self, session: Session, events: Sequence[Event], now: datetime) -> None:
        fresh = newly_seen(session, events)
        for event in events:
            if event.envelope.id not in fresh:
                metrics.events_repeated.inc()
                continue
            fresh.remove(event.envelope.id)
            with _after(event.envelope):
                for function in self.effects[type(event)]:
                    function(session, event, now=max(now, event.envelope.time))


def newly_seen(session: Session, events: Sequence[Event]) -> set[Any]:
    """Write down these events as seen; the ids of those that had not been.

    Another worker that handles the same event waits here until our transaction ends.
    """
    if not events:
        return set()
    # in one order everywhere, or two workers could wait for each other
    ids = sorted({str(event.envelope.id) for event in events})
    return set(session.scalars(SEE, {"ids": ids}))


def _after(envelope: Envelope) -> AbstractContextManager[Hop]:
    """The hop that follows the one in which the event was recorded."""
    return hop(
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


def _together(events: Sequence[Event]) -> AbstractContextManager[Hop]:
    """The hop that follows all these events: their cause where they have one in common, else one of its own."""
    causes = {event.envelope.traceparent: event.envelope for event in events}
    if len(causes) == 1:
        return _after(events[0].envelope)
    correlation_ids = {envelope.correlation_id for envelope in causes.values()}
    return hop(
        "handle events together",
        "consumer",
        correlation_id=correlation_ids.pop() if len(correlation_ids) == 1 else None,
        attributes={"messaging.system": "kafka", "messaging.batch.message_count": len(events)},
        links=list(causes),
    )


@dataclass
class _InHand:
    """The messages of a poll, of which the first ones may be done."""

    messages: list[Message]
    done: int = 0

    def undone(self) -> list[Message]:
        return self.messages[self.done :]


class Consumer:
    """One member of a service's consumer group."""

    def __init__(
        self,
        service: str,
        kafka: dict[str, Any],
        listeners: Listeners,
        *,
        batch_size: int = 1000,
        group: str | None = None,
        duty: Duty | None = None,
        patience: float = LASTING_SECONDS,
    ) -> None:
        """`patience`: seconds after which what the database refuses is no longer taken for its trouble alone."""
        self.listeners = listeners
        self.batch_size = batch_size
        self.duty = duty or Duty("consumer")
        self.patience = patience
        self.heard = listeners.heard()
        self.configuration = {
            **kafka,
            "group.id": group or service,
            "client.id": service,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "max.poll.interval.ms": 600_000,
            "allow.auto.create.topics": False,
            "queued.max.messages.kbytes": 16_384,
        }

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; what is in hand is finished, and its offsets committed, before it returns."""
        if not self.heard:
            stop.wait()
            return
        consumer = KafkaConsumer(self.configuration)
        began = clock.monotonic()
        try:
            consumer.subscribe(self.listeners.topics(), on_revoke=self._give_up)
            while not stop.is_set():
                messages = self._poll(consumer)
                if messages:
                    if self._handle_through_outages(consumer, messages, stop):
                        self._remember_offsets(consumer, messages)
                        self.duty.worked()
                elif clock.monotonic() - began > STEADY_SECONDS:
                    self.duty.worked()
        finally:
            self._give_back(consumer)
            consumer.close()

    def _poll(self, consumer: KafkaConsumer) -> list[Message]:
        first = consumer.poll(0.1)
        if first is None:
            return []
        # `consume(n, t)` would wait for n; this takes what has arrived
        messages = [first, *consumer.consume(self.batch_size - 1, 0)] if self.batch_size > 1 else [first]
        return [m for m in messages if not self._is_error(m)]

    @staticmethod
    def _is_error(message: Message) -> bool:
        problem = message.error()
        if problem is None:
            return False
        # such as a group that a Kafka without its data does not know: this consumer is over, a new one may join
        if problem.fatal() or problem.code() == KafkaError._FATAL:
            raise KafkaException(problem)
        if problem.code() != KafkaError._PARTITION_EOF:
            log.warning("consumer.kafka_trouble", error=str(problem))
        return True

    @staticmethod
    def _remember_offsets(consumer: KafkaConsumer, messages: Sequence[Message]) -> None:
        try:
            for message in {(m.topic(), m.partition()): m for m in messages}.values():
                consumer.store_offsets(message=message)
            consumer.commit(asynchronous=True)
        except KafkaException as problem:
            # a partition we lost meanwhile, or a broker that is away: the events come again and are skipped
            log.info("consumer.offsets_not_committed", error=str(problem.args[0]))

    @classmethod
    def _give_up(cls, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Before partitions go to another worker, or because they have gone."""
        cls._give_back(consumer)
        # librdkafka remembers a pause beyond the loss of a partition: it would stand still when it comes back to us
        consumer.resume(partitions)

    @staticmethod
    def _give_back(consumer: KafkaConsumer) -> None:
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError._NO_OFFSET:
                log.info("consumer.offsets_not_committed", error=str(problem.args[0]))

    def _handle_through_outages(self, consumer: KafkaConsumer, messages: list[Message], stop: threading.Event) -> bool:
        """Handle the messages for as long as it takes; False when `stop` came first and nothing must be committed.

        Adds to `messages` what arrives meanwhile all the same.
        """
        wait, began = Backoff(), clock.monotonic()
        hand, paused = _InHand(messages), False
        while True:
            try:
                if clock.monotonic() - began < self.patience:
                    self.handle(hand.undone())
                elif not self._handle_each(consumer, hand, stop):
                    return False
                if paused:
                    consumer.resume(consumer.assignment())
                return True
            except Exception as problem:
                if not is_trouble(problem):
                    raise
                metrics.consumer_retries.inc()
                self.duty.waits(problem)
                log.warning("consumer.database_trouble", error=kind_of(problem))
            if stop.wait(wait.next()):
                return False
            paused = True
            self._stay_a_member(consumer, hand)

    def _stay_a_member(self, consumer: KafkaConsumer, hand: _InHand) -> None:
        # a paused poll keeps our membership alive without fetching anything
        consumer.pause(consumer.assignment())
        if (unasked := consumer.poll(0)) is not None and not self._is_error(unasked):
            hand.messages.append(unasked)

    def _handle_each(self, consumer: KafkaConsumer, hand: _InHand, stop: threading.Event) -> bool:
        """Handle message by message, since one of them may be the trouble; False when `stop` came first.

        Raises when the database is in trouble.
        """
        while undone := hand.undone():
            received = read_message(undone[0], self.heard, clock.now())
            if received is not None and not self._handle_by_itself(received, stop):
                return False
            hand.done += 1
            self._stay_a_member(consumer, hand)
        return True

    def _handle_by_itself(self, received: Received, stop: threading.Event) -> bool:
        """Handle one message; what is trouble three times while the database answers is the message's own."""
        problem: Exception
        for _ in range(TRIES):
            try:
                self._handle([received])
                return True
            except Exception as again:
                if not (is_trouble(again) and database_answers()):
                    raise
                problem = again
                self.duty.waits(problem)
            if stop.wait(1):
                return False
        set_aside(received, problem)
        return True

    def handle(self, messages: Sequence[Message]) -> None:
        """Every listener's work for these messages; raises only when the database is in trouble."""
        now = clock.now()
        received = [r for m in messages if (r := read_message(m, self.heard, now)) is not None]
        self._handle(received)

    def _handle(self, received: Sequence[Received]) -> None:
        if not received:
            return
        readable = [r.event for r in received if r.event is not None]
        try:
            if len(readable) < len(received) and len(received) > 1:
                raise Unreadable("one of them")
            if received[0].problem is not None:
                raise received[0].problem
            self._in_one_transaction(readable)
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(received) > 1:
                # halving finds the bad one in a few steps; one by one would cost every good one a transaction
                middle = len(received) // 2
                self._handle(received[:middle])
                self._handle(received[middle:])
            else:
                self._try_again_or_park(received[0], problem)

    def _in_one_transaction(self, events: Sequence[Event]) -> None:
        repeat_if_lost(lambda: self._apply(events))
        now = clock.now()
        for name, number in Counter(event.name for event in events).items():
            metrics.events_handled.labels(name).inc(number)
        oldest = min(event.envelope.time for event in events)
        metrics.event_age_seconds.observe(max(0.0, (now - oldest).total_seconds()))

    def _apply(self, events: Sequence[Event]) -> None:
        with transaction() as session:
            self.listeners.apply(session, events, now=clock.now())

    def _try_again_or_park(self, received: Received, problem: Exception) -> None:
        for _ in range(TRIES - 1 if received.event is not None else 0):
            try:
                self._in_one_transaction([received.event])  # type: ignore[list-item]
                return
            except Exception as again:
                if is_trouble(again):
                    raise
                problem = again
        set_aside(received, problem)
