"""How long after its commit an event has its effect in another process, at a steady 200 a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import Producer
from sqlalchemy.orm import Session

from benchmarks.figures import Figure, at_most, quantile
from operations.platform import Platform
from shared import db
from shared.db import new_id, transaction
from shared.events.catalogue import RequestHeld
from shared.events.consumer import Consumer, Listeners
from shared.events.event import Event
from shared.events.outbox import record_all

RATE, SECONDS = 200, 20
IDLE_EVENTS = 60


class Measuring(Consumer):
    """A consumer that notes how old each of our events is when its transaction has committed."""

    def __init__(self, kafka: dict[str, Any], listeners: Listeners, subject: UUID) -> None:
        super().__init__("matching_service", kafka, listeners, group=f"bench-{uuid4()}")
        self.configuration["auto.offset.reset"] = "latest"
        self.subject = subject
        self.milliseconds: list[float] = []

    def _in_one_transaction(self, events: Sequence[Event]) -> None:
        super()._in_one_transaction(events)
        now = datetime.now(UTC)
        self.milliseconds += [
            (now - event.envelope.time).total_seconds() * 1000
            for event in events
            if event.envelope.subject == self.subject
        ]


def measure(_: Platform) -> list[Figure]:
    """Commit to effect, idle and at 200 events a second, beside Kafka alone."""
    from matching_service.settings import Settings

    settings = Settings()
    db.connect(settings.database_url, pool_size=4)
    listeners, subject = Listeners(), new_id()

    @listeners.effect(RequestHeld)
    def nothing_but_seen(session: Session, event: RequestHeld, *, now: datetime) -> None:
        """The effect is the row in `seen`, written by the consumer."""

    consumer = Measuring(settings.kafka_client(), listeners, subject)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    _until_it_hears(consumer, subject)
    idle = _at(consumer, subject, rate=4, number=IDLE_EVENTS)
    busy = _at(consumer, subject, rate=RATE, number=RATE * SECONDS)
    stop.set()
    thread.join()
    bare = _kafka_alone(settings.kafka_client())
    return [
        at_most("commit to effect, idle, p50", quantile(idle, 0.5), "ms", 100, baseline=quantile(bare, 0.5)),
        at_most("commit to effect, idle, p99", quantile(idle, 0.99), "ms", 100, baseline=quantile(bare, 0.99)),
        at_most("commit to effect at 200/s, p50", quantile(busy, 0.5), "ms", 100, baseline=quantile(bare, 0.5)),
        at_most("commit to effect at 200/s, p99", quantile(busy, 0.99), "ms", 100, baseline=quantile(bare, 0.99)),
    ]


_sequence = iter(range(1, 10**9))


def _tell(subject: UUID) -> None:
    event = RequestHeld(placement_request_id=subject, patient_id=subject, therapist_id=subject, hold="search_paused")
    with transaction() as session:
        record_all(session, [(subject, next(_sequence), event)], now=datetime.now(UTC))


def _until_it_hears(consumer: Measuring, subject: UUID) -> None:
    deadline = time.monotonic() + 60
    while not consumer.milliseconds:
        if time.monotonic() > deadline:
            raise RuntimeError("no event arrived")
        _tell(subject)
        time.sleep(0.5)
    time.sleep(2)


def _at(consumer: Measuring, subject: UUID, *, rate: int, number: int) -> list[float]:
    """The ages, in ms, of that many events committed at that rate."""
    begin = len(consumer.milliseconds)
    started = time.perf_counter()
    for turn in range(number):
        time.sleep(max(0.0, started + turn / rate - time.perf_counter()))
        _tell(subject)
    deadline = time.monotonic() + 30
    while len(consumer.milliseconds) < begin + number:
        if time.monotonic() > deadline:
            raise RuntimeError("not every event arrived")
        time.sleep(0.1)
    return consumer.milliseconds[begin:]


def _kafka_alone(kafka: dict[str, Any]) -> list[float]:
    """Milliseconds from produce to poll at the same rate, with neither database nor transactions."""
    producer = Producer({**kafka, "linger.ms": 0})
    reader = KafkaConsumer({**kafka, "group.id": f"bench-{uuid4()}", "auto.offset.reset": "latest"})
    reader.subscribe(["import.events"])
    mark, ages, stop = uuid4().bytes, [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            message = reader.poll(0.1)
            if message is not None and message.error() is None and message.key() == mark:
                ages.append((time.time() - float(message.value() or b"0")) * 1000)

    thread = threading.Thread(target=read)
    thread.start()
    while not ages:
        producer.produce("import.events", key=mark, value=str(time.time()))
        producer.flush()
        time.sleep(0.5)
    ages.clear()
    started = time.perf_counter()
    for turn in range(RATE * 5):
        time.sleep(max(0.0, started + turn / RATE - time.perf_counter()))
        producer.produce("import.events", key=mark, value=str(time.time()))
        producer.poll(0)
    producer.flush()
    time.sleep(1)
    stop.set()
    thread.join()
    reader.close()
    return ages
