"""The time from an event's commit to its effect in another process, at a steady 200 events a second."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from sqlalchemy.orm import Session

from benchmarks.figures import Figure, at_most, quantile
from chaos import witness
from operations.process_environment import of_python_process
from shared import database
from shared.database import new_id, transaction
from shared.events.consumer import Consumer
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.events.outbox import record_all
from testkit.private_platform import PrivatePlatform

RATE, SECONDS = 200, 20
IDLE_EVENTS = 60
PROBE = "bench.probe"


class Measuring(Consumer):
    """A consumer that records the age of each of our events when its transaction has committed."""

    def __init__(self, kafka: dict[str, Any], listeners: Listeners, subject: UUID) -> None:
        super().__init__("witness", kafka, listeners, group=f"bench-{uuid4()}")
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


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure commit to effect, idle and at 200 events a second, and Kafka alone: events go from one process through
    the witness's relay in a second one to an effect in this one."""
    settings = witness.Settings()
    database.connect(settings.database_url, pool_size=4)
    listeners, subject = Listeners(), new_id()

    @listeners.effect(witness.Counted)
    def no_other_effect(session: Session, event: witness.Counted, *, now: datetime) -> None:
        """The effect is the row in `processed_events`, written by the consumer."""

    consumer = Measuring(settings.kafka_client(), listeners, subject)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    _commit_and_wait(platform, consumer, rate=2, number=20)
    idle = _commit_and_wait(platform, consumer, rate=4, number=IDLE_EVENTS)
    busy = _commit_and_wait(platform, consumer, rate=RATE, number=RATE * SECONDS)
    stop.set()
    thread.join()
    bare = _kafka_alone(settings.kafka_client())
    return [
        at_most("commit to effect, idle, p50", quantile(idle, 0.5), "ms", 100, baseline=quantile(bare, 0.5)),
        at_most("commit to effect, idle, p99", quantile(idle, 0.99), "ms", 100, baseline=quantile(bare, 0.99)),
        at_most("commit to effect at 200/s, p50", quantile(busy, 0.5), "ms", 100, baseline=quantile(bare, 0.5)),
        at_most("commit to effect at 200/s, p99", quantile(busy, 0.99), "ms", 100, baseline=quantile(bare, 0.99)),
    ]


def _commit_and_wait(platform: PrivatePlatform, consumer: Measuring, *, rate: int, number: int) -> list[float]:
    """Returns the ages, in ms, of that many events that another process commits at that rate."""
    begin = len(consumer.milliseconds)
    first = next(_sequences) * 1_000_000
    code = (
        f"from benchmarks.events import commit_events; commit_events('{consumer.subject}', {first}, {rate}, {number})"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env=of_python_process(witness.Settings, platform.settings) | {"WITNESS_PORT": "1"},
        check=True,
    )
    deadline = time.monotonic() + 30
    # the first events may be committed before the consumer has its partitions
    while len(consumer.milliseconds) < begin + number - (0 if begin else number - 1):
        if time.monotonic() > deadline:
            raise RuntimeError("not every event arrived")
        time.sleep(0.1)
    return consumer.milliseconds[begin:]


_sequences = count(1)


def commit_events(subject: str, first: int, rate: int, number: int) -> None:
    """Commit that many events of one aggregate at that rate (a second)."""
    settings, counter = witness.Settings(), UUID(subject)
    database.connect(settings.database_url, pool_size=1)
    started = time.perf_counter()
    for turn in range(number):
        time.sleep(max(0.0, started + turn / rate - time.perf_counter()))
        with transaction() as session:
            event = witness.Counted(counter_id=counter)
            record_all(session, [(counter, first + turn, event)], now=datetime.now(UTC))


def _kafka_alone(kafka: dict[str, Any]) -> list[float]:
    """Returns the milliseconds from produce to poll at the same rate, with neither database nor transactions."""
    admin = AdminClient(kafka)
    admin.create_topics([NewTopic(PROBE, 1, 1)])[PROBE].result(10)
    producer = Producer({**kafka, "linger.ms": 0})
    reader = KafkaConsumer({**kafka, "group.id": f"bench-{uuid4()}", "auto.offset.reset": "latest"})
    reader.subscribe([PROBE])
    mark, ages, stop = uuid4().bytes, [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            message = reader.poll(0.1)
            if message is not None and message.error() is None and message.key() == mark:
                ages.append((time.time() - float(message.value() or b"0")) * 1000)

    thread = threading.Thread(target=read)
    thread.start()
    while not ages:
        producer.produce(PROBE, key=mark, value=str(time.time()))
        producer.flush()
        time.sleep(0.5)
    ages.clear()
    started = time.perf_counter()
    for turn in range(RATE * 5):
        time.sleep(max(0.0, started + turn / RATE - time.perf_counter()))
        producer.produce(PROBE, key=mark, value=str(time.time()))
        producer.poll(0)
    producer.flush()
    time.sleep(1)
    stop.set()
    thread.join()
    reader.close()
    return ages
