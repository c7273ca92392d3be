"""From Kafka to listeners: every event has its effect exactly once, a bad one is set aside, an outage is waited out.

Bad is what cannot be read, what its listeners refuse three times, and what is still refused after a minute although
the database answers: nothing is tried for ever, and whatever a message holds, its partition moves on.

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
from shared.events.batches import BOUNDED, end_of_batch, is_unreadable, skip
from shared.events.dead_letters import set_aside, set_aside_batch
from shared.events.event import Event, UnreadableEvent
from shared.events.listeners import Listeners
from shared.events.reading import ReceivedMessage, read_message
from shared.events.relay import Backoff
from shared.runtime import clock, metrics
from shared.runtime.duties import LASTING_SECONDS, Duty, kind_of
from shared.runtime.logs import logger

log = logger(__name__)

TRIES = 3
OF_ALL = -1
"""As Kafka's client says which partition a complaint about a whole topic, or the group, is about."""
ENDS_EVERY_SECONDS = 1.0
"""Where nothing else is to be committed, ends are, no more often than this."""
AGAIN_EVERY_SECONDS = 15.0
"""Where nothing happens: a commit that failed unheard is made again, and one that did not costs nothing."""
STEADY_SECONDS = 10.0
"""A consumer with nothing to do for so long after its start works: before, its partitions may not be there yet."""


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
        retry_seconds: float = LASTING_SECONDS,
    ) -> None:
        """`retry_seconds`: seconds after which what the database refuses is no longer taken for its trouble alone.

        After the same time what Kafka refuses ends `run`, so that a new consumer asks again.
        """
        self.listeners = listeners
        self.batch_size = batch_size
        self.duty = duty or Duty("consumer")
        self.retry_seconds = retry_seconds
        self.handled_types = listeners.handled_types()
        self._complaints: dict[tuple[str | None, int | None], tuple[KafkaError, float]] = {}
        """What Kafka refuses, by topic and partition, and since when: it says so once and then stays silent."""
        self._ends: dict[tuple[str | None, int | None], int] = {}
        """The ends that were reached, by topic and partition, and are to be committed."""
        self._unreadable: dict[tuple[str | None, int | None], Message] = {}
        """What stands for a batch that cannot be read, by topic and partition, until it is skipped."""
        self._committed_at = 0.0
        self.configuration = {
            **kafka,
            **BOUNDED,
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
        """Consume until `stop` is set; what is in hand is finished, and its offsets committed, before it returns."""
        if not self.handled_types:
            stop.wait()
            return
        consumer = KafkaConsumer(self.configuration)
        self._complaints.clear()
        self._ends.clear()
        self._unreadable.clear()
        began = clock.monotonic()
        try:
            consumer.subscribe(self.listeners.topics(), on_revoke=self._give_up)
            while not stop.is_set():
                messages = self._poll(consumer)
                if messages and not self._handle_through_outages(consumer, messages, stop):
                    break
                self._remember_offsets(consumer, messages)
                self._skip_unreadable(consumer)
                if messages or clock.monotonic() - began > STEADY_SECONDS:
                    self._is_steady()
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

    def _is_steady(self) -> None:
        """The duty works, unless Kafka refuses a part of it; raises what it has refused for long."""
        if not self._complaints:
            if not self._unreadable:
                self.duty.record_success()
            return
        problem, since = min(self._complaints.values(), key=lambda complaint: complaint[1])
        self.duty.record_wait(KafkaException(problem))
        if clock.monotonic() - since > self.retry_seconds:
            raise KafkaException(problem)

    def _is_error(self, message: Message) -> bool:
        problem, place = message.error(), (message.topic(), message.partition())
        if problem is None:
            if self._complaints:
                self._forget(place, (message.topic(), OF_ALL), (None, OF_ALL))
            if self._ends:
                self._ends.pop(place, None)
            return False
        if problem.code() == KafkaError._PARTITION_EOF:
            self._ends[place] = message.offset() or 0
            return True
        # such as a group that a Kafka without its data does not know: this consumer is over, a new one may join
        if problem.fatal() or problem.code() == KafkaError._FATAL:
            raise KafkaException(problem)
        if is_unreadable(message):
            self._unreadable[place] = message
            return True
        log.warning("consumer.kafka_trouble", error=str(problem))
        self._complaints.setdefault(place, (problem, clock.monotonic()))
        return True

    def _remember_offsets(self, consumer: KafkaConsumer, messages: Sequence[Message]) -> None:
        """Commit what was handled, and the ends that were reached.

        The last offsets may be a transaction's markers, which are never delivered: they would look unread for ever.
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
        except KafkaException as problem:  # a broker that is away: the events come again and are skipped
            log.info("consumer.offsets_not_committed", error=str(problem.args[0]))

    def _pause_between_commits(self) -> float:
        return ENDS_EVERY_SECONDS if self._ends else AGAIN_EVERY_SECONDS

    @staticmethod
    def _store(consumer: KafkaConsumer, read: TopicPartition) -> None:
        try:
            consumer.store_offsets(offsets=[read])
        except KafkaException as problem:  # a partition that we lost meanwhile: others read on from its last commit
            log.info("consumer.offset_not_stored", error=str(problem.args[0]))

    def _skip_unreadable(self, consumer: KafkaConsumer) -> None:
        """Note as a dead letter what Kafka's client cannot read, and go on behind it; what fails is tried again."""
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

    def _forget(self, *places: tuple[str | None, int | None]) -> None:
        for place in places:
            self._complaints.pop(place, None)

    def _give_up(self, consumer: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Before partitions go to another worker, or because they have gone."""
        for each in partitions:
            self._forget((each.topic, each.partition))
            self._ends.pop((each.topic, each.partition), None)
            self._unreadable.pop((each.topic, each.partition), None)
        self._give_back(consumer)
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
                if clock.monotonic() - began < self.retry_seconds:
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
                self.duty.record_wait(problem)
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
            received = read_message(undone[0], self.handled_types, clock.now())
            if received is not None and not self._handle_by_itself(received, stop):
                return False
            hand.done += 1
            self._stay_a_member(consumer, hand)
        return True

    def _handle_by_itself(self, received: ReceivedMessage, stop: threading.Event) -> bool:
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
                self.duty.record_wait(problem)
            if stop.wait(1):
                return False
        set_aside(received, problem)
        return True

    def handle(self, messages: Sequence[Message]) -> None:
        """Every listener's work for these messages; raises only when the database is in trouble."""
        now = clock.now()
        received = [r for m in messages if (r := read_message(m, self.handled_types, now)) is not None]
        self._handle(received)

    def _handle(self, received: Sequence[ReceivedMessage]) -> None:
        if not received:
            return
        readable = [r.event for r in received if r.event is not None]
        try:
            if len(readable) < len(received) and len(received) > 1:
                raise UnreadableEvent("one of them")
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
                self._try_again_or_set_aside(received[0], problem)

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

    def _try_again_or_set_aside(self, received: ReceivedMessage, problem: Exception) -> None:
        for _ in range(TRIES - 1 if received.event is not None else 0):
            try:
                self._in_one_transaction([received.event])  # type: ignore[list-item]
                return
            except Exception as again:
                if is_trouble(again):
                    raise
                problem = again
        set_aside(received, problem)
