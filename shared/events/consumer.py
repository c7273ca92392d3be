"""Consumes events from Kafka: every event has its effect exactly once, a bad one becomes a dead letter, and during an
outage the consumer retries until it is over.

An event is bad when it cannot be read, when its listeners fail three times, or when they still fail after a minute
although the database answers: nothing is retried for ever, and whatever a message holds, its partition moves on.

A poll of events is handled in one transaction: first the projections, each with all its events at once, then the
effects in order, each once, since `processed_events` is written in the same transaction. Offsets are committed
afterwards: a crash in between repeats events, which projections (stored sequence) and effects (`processed_events`) then
skip.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from shared.database import database_answers, is_trouble, repeat_if_lost, transaction
from shared.errors import Unreachable
from shared.events.batches import FETCH_LIMITS, end_of_batch, is_unreadable, skip
from shared.events.dead_letters import set_aside, set_aside_batch
from shared.events.event import Event, UnreadableEvent
from shared.events.listeners import Listeners
from shared.events.message_reader import ReceivedMessage, read_message
from shared.runtime import clock, metrics
from shared.runtime.duties import LASTING_SECONDS, Duty, kind_of
from shared.runtime.logs import logger
from shared.runtime.retries import Backoff

log = logger(__name__)

TRIES = 3
ALL_PARTITIONS = -1
"""The partition number that Kafka's client gives in errors about a whole topic, or the group."""
COMMIT_ENDS_SECONDS = 0.5
"""How often the ends of partitions are committed when there is nothing else to commit."""
RECOMMIT_SECONDS = 15.0
"""How often the last offsets are committed again without new ones: an asynchronous commit can fail unnoticed."""
STARTUP_SECONDS = 10.0
"""A consumer without any message counts as working only after this time: before it may not have partitions yet."""


@dataclass
class _InFlight:
    """The messages of a poll, of which the first ones may be handled already."""

    messages: list[Message]
    done: int = 0

    def remaining(self) -> list[Message]:
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
        retry_seconds: float = LASTING_SECONDS,
    ) -> None:
        """`retry_seconds`: for how long a poll is retried as a whole before its messages are tried one by one.

        After the same time an error of Kafka that lasts ends `run`, so that a new consumer starts.
        """
        self.listeners = listeners
        self.batch_size = batch_size
        self.duty = duty or Duty("consumer")
        self.retry_seconds = retry_seconds
        self.handled_types = listeners.handled_types()
        self._kafka_errors: dict[tuple[str | None, int | None], tuple[KafkaError, float]] = {}
        """Errors that Kafka reported and since when, by topic and partition: it reports each only once."""
        self._ends: dict[tuple[str | None, int | None], int] = {}
        """Ends of partitions that were reached and are to be committed, by topic and partition."""
        self._unreadable: dict[tuple[str | None, int | None], Message] = {}
        """The message that reports an unreadable batch, by topic and partition, until the batch is skipped."""
        self._committed_at = 0.0
        self.configuration = {
            **kafka,
            **FETCH_LIMITS,
            "group.id": group or service,
            "client.id": service,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "max.poll.interval.ms": 600_000,
            "allow.auto.create.topics": False,
        }

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set, then handle the in-flight messages and commit their offsets before returning."""
        if not self.handled_types:
            stop.wait()
            return
        consumer = KafkaConsumer(self.configuration)
        self._kafka_errors.clear()
        self._ends.clear()
        self._unreadable.clear()
        began = clock.monotonic()
        try:
            consumer.subscribe(self.listeners.topics(), on_revoke=self._on_revoke)
            while not stop.is_set():
                messages = self._poll(consumer)
                if messages and not self._handle_through_outages(consumer, messages, stop):
                    break
                self._commit(consumer, messages)
                self._skip_unreadable(consumer)
                if messages or clock.monotonic() - began > STARTUP_SECONDS:
                    self._report_to_duty()
        finally:
            self._commit_stored(consumer)
            consumer.close()

    def _poll(self, consumer: KafkaConsumer) -> list[Message]:
        first = consumer.poll(0.1)
        if first is None:
            return []
        # `consume(n, t)` would wait for n; this takes what has arrived
        messages = [first, *consumer.consume(self.batch_size - 1, 0)] if self.batch_size > 1 else [first]
        return [m for m in messages if not self._note_error(m)]

    def _report_to_duty(self) -> None:
        """Record for readiness that the consumer works, or the oldest error of Kafka; raises an error that lasts."""
        if not self._kafka_errors:
            if not self._unreadable:
                self.duty.record_success()
            return
        problem, since = min(self._kafka_errors.values(), key=lambda error: error[1])
        self.duty.record_wait(KafkaException(problem))
        if clock.monotonic() - since > self.retry_seconds:
            raise KafkaException(problem)

    def _note_error(self, message: Message) -> bool:
        """Note the error or the end of a partition that a message reports; returns whether it reports one."""
        problem, place = message.error(), (message.topic(), message.partition())
        if problem is None:
            if self._kafka_errors:
                self._clear_errors(place, (message.topic(), ALL_PARTITIONS), (None, ALL_PARTITIONS))
            if self._ends:
                self._ends.pop(place, None)
            return False
        if problem.code() == KafkaError._PARTITION_EOF:
            self._ends[place] = message.offset() or 0
            return True
        # such as a group that a Kafka without its data does not know: this consumer cannot go on, a new one may join
        if problem.fatal() or problem.code() == KafkaError._FATAL:
            raise KafkaException(problem)
        if is_unreadable(message):
            self._unreadable[place] = message
            return True
        log.warning("consumer.kafka_trouble", error=str(problem))
        self._kafka_errors.setdefault(place, (problem, clock.monotonic()))
        return True

    def _commit(self, consumer: KafkaConsumer, messages: Sequence[Message]) -> None:
        """Commit the offsets after the handled messages, and the ends of partitions that were reached.

        The last offsets may be a transaction's markers, which are never delivered: without the ends they would count
        as unread for ever.
        """
        if not messages and clock.monotonic() - self._committed_at < self._pause_between_commits():
            return
        ends, self._ends, self._committed_at = self._ends, {}, clock.monotonic()
        for message in {(m.topic(), m.partition()): m for m in messages}.values():
            ends.setdefault((message.topic(), message.partition()), (message.offset() or 0) + 1)
        for place, end in ends.items():
            self._store(consumer, TopicPartition(*place, end))  # type: ignore[arg-type]
        try:
            consumer.commit(asynchronous=True)
        except KafkaException as problem:  # no broker answers: the events are delivered again and skipped
            log.info("consumer.offsets_not_committed", error=str(problem.args[0]))

    def _pause_between_commits(self) -> float:
        return COMMIT_ENDS_SECONDS if self._ends else RECOMMIT_SECONDS

    @staticmethod
    def _store(consumer: KafkaConsumer, offset: TopicPartition) -> None:
        try:
            consumer.store_offsets(offsets=[offset])
        except KafkaException as problem:  # it was revoked: its new owner continues from the last commit
            log.info("consumer.offset_not_stored", error=str(problem.args[0]))

    def _skip_unreadable(self, consumer: KafkaConsumer) -> None:
        """Store each unreadable batch as a dead letter and continue after it; a failure is retried later."""
        for place, batch in list(self._unreadable.items()):
            try:
                end = end_of_batch(self.configuration, batch)
                set_aside_batch(batch, end)
                skip(consumer, batch, end)
            except Exception as problem:
                if not (is_trouble(problem) or isinstance(problem, KafkaException | Unreachable)):
                    raise
                self.duty.record_wait(problem)
                log.warning("consumer.batch_not_skipped", topic=place[0], partition=place[1], error=kind_of(problem))
            else:
                del self._unreadable[place]

    def _clear_errors(self, *places: tuple[str | None, int | None]) -> None:
        for place in places:
            self._kafka_errors.pop(place, None)

    def _on_revoke(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Kafka calls this before partitions go to another worker, or when they were lost."""
        for each in partitions:
            self._clear_errors((each.topic, each.partition))
            self._ends.pop((each.topic, each.partition), None)
            self._unreadable.pop((each.topic, each.partition), None)
        self._commit_stored(consumer)
        # librdkafka keeps a partition paused after its loss: nothing would be read when it is assigned again
        consumer.resume(partitions)

    @staticmethod
    def _commit_stored(consumer: KafkaConsumer) -> None:
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError._NO_OFFSET:
                log.info("consumer.offsets_not_committed", error=str(problem.args[0]))

    def _handle_through_outages(self, consumer: KafkaConsumer, messages: list[Message], stop: threading.Event) -> bool:
        """Handle the messages, however long it takes; False when `stop` was set first and nothing must be committed.

        Messages that arrive meanwhile although the partitions are paused are appended to `messages`.
        """
        wait, began = Backoff(), clock.monotonic()
        in_flight, paused = _InFlight(messages), False
        while True:
            try:
                if clock.monotonic() - began < self.retry_seconds:
                    self.handle(in_flight.remaining())
                elif not self._handle_each(consumer, in_flight, stop):
                    return False
                if paused:
                    consumer.resume(consumer.assignment())
                return True
            except Exception as problem:
                if not is_trouble(problem):
                    raise
                metrics.consumer_retries.inc()
                self.duty.record_wait(problem)
                log.warning("consumer.database_trouble", error=kind_of(problem))
            if stop.wait(wait.next()):
                return False
            paused = True
            self._keep_membership(consumer, in_flight)

    def _keep_membership(self, consumer: KafkaConsumer, in_flight: _InFlight) -> None:
        # a poll with paused partitions keeps our membership without fetching anything
        consumer.pause(consumer.assignment())
        if (message := consumer.poll(0)) is not None and not self._note_error(message):
            in_flight.messages.append(message)

    def _handle_each(self, consumer: KafkaConsumer, in_flight: _InFlight, stop: threading.Event) -> bool:
        """Handle message by message, since one of them may cause the trouble; False when `stop` was set first.

        Raises when the database is in trouble.
        """
        while remaining := in_flight.remaining():
            received = read_message(remaining[0], self.handled_types, clock.now())
            if received is not None and not self._handle_alone(received, stop):
                return False
            in_flight.done += 1
            self._keep_membership(consumer, in_flight)
        return True

    def _handle_alone(self, received: ReceivedMessage, stop: threading.Event) -> bool:
        """Handle one message; it becomes a dead letter when it fails three times while the database answers."""
        problem: Exception
        for _ in range(TRIES):
            try:
                self._handle([received])
                return True
            except Exception as again:
                if not (is_trouble(again) and database_answers()):
                    raise
                problem = again
                self.duty.record_wait(problem)
            if stop.wait(1):
                return False
        set_aside(received, problem)
        return True

    def handle(self, messages: Sequence[Message]) -> None:
        """Give these messages to their listeners; raises only when the database is in trouble."""
        now = clock.now()
        received = [r for m in messages if (r := read_message(m, self.handled_types, now)) is not None]
        self._handle(received)

    def _handle(self, received: Sequence[ReceivedMessage]) -> None:
        if not received:
            return
        readable = [r.event for r in received if r.event is not None]
        try:
            if len(readable) < len(received) and len(received) > 1:
                raise UnreadableEvent("one of several messages")
            if received[0].problem is not None:
                raise received[0].problem
            self._in_one_transaction(readable)
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(received) > 1:
                # halving finds the bad message in a few steps; one by one would cost a transaction for every good one
                middle = len(received) // 2
                self._handle(received[:middle])
                self._handle(received[middle:])
            else:
                self._retry_or_set_aside(received[0], problem)

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

    def _retry_or_set_aside(self, received: ReceivedMessage, problem: Exception) -> None:
        for _ in range(TRIES - 1 if received.event is not None else 0):
            try:
                self._in_one_transaction([received.event])  # type: ignore[list-item]
                return
            except Exception as again:
                if is_trouble(again):
                    raise
                problem = again
        set_aside(received, problem)
