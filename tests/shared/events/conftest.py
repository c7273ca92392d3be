"""The event spine on real parts: commits are real here, so each test cleans the event tables it wrote to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as KafkaConsumer

from shared.events.consumer import Consumer
from shared.events.event import EventEnvelope, decode_envelope
from shared.events.listeners import Listeners
from testkit.private_platform import PrivatePlatform, private_platform
from tests.infrastructure import Infrastructure

RunsInBackground = Callable[[Callable[[threading.Event], None]], Any]


@pytest.fixture
def kafka(infrastructure: Infrastructure) -> dict[str, Any]:
    """The client configuration of a real broker on which all topics exist."""
    return infrastructure.kafka_client()


@pytest.fixture(scope="session")
def spare_broker() -> Iterator[PrivatePlatform]:
    """A second broker with all topics, where no relay reports: tests kill it, leave transactions open, delete topics.

    Each leaves it running, with all topics and nothing in them that other tests' readers would stumble over.
    """
    with private_platform() as platform:
        platform.up(["kafka", "topics"])
        yield platform


@pytest.fixture
def committing(real_commits: None) -> None:
    """Transactions that really commit; what they wrote is removed afterwards."""


@pytest.fixture
def log(kafka: dict[str, Any]) -> Callable[[str, Any], list[EventEnvelope]]:
    """Reads a topic to its end, as committed, and returns the envelopes of one aggregate."""

    def read(topic: str, subject: Any) -> list[EventEnvelope]:
        reader = KafkaConsumer(
            {**kafka, "group.id": f"reader-{uuid4()}", "auto.offset.reset": "earliest", "enable.partition.eof": True,
             "isolation.level": "read_committed"}
        )  # fmt: skip
        reader.subscribe([topic])
        found: list[EventEnvelope] = []
        ended: set[int | None] = set()
        while len(ended) < 12:
            message = reader.poll(10)
            assert message is not None, "the topic did not end"
            if message.error() is not None:
                ended.add(message.partition())
                continue
            value = message.value()
            try:
                envelope, _ = decode_envelope(value or b"")
            except ValueError:
                continue
            if envelope.subject == subject:
                found.append(envelope)
        reader.close()
        return found

    return read


@contextmanager
def consuming(kafka: dict[str, Any], listeners: Listeners, group: str) -> Iterator[None]:
    """A consumer at work in the background."""
    with at_work(Consumer("therapist_service", kafka, listeners, group=group).run):
        yield


@contextmanager
def at_work(duty: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """A duty of a worker in the background, stopped and finished at the end of the block."""
    stop = threading.Event()
    problems: list[BaseException] = []

    def run() -> None:
        try:
            duty(stop)
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive(), "it did not stop"
    assert not problems, problems


def until(holds: Callable[[], bool], seconds: float = 150) -> None:
    """Wait for something another thread brings about, for as long as it takes on a machine that does much else."""
    deadline, pause = time.monotonic() + seconds, 0.05
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(pause)
        pause = min(1.2 * pause, 0.25)  # who waits for long must not keep those busy whom they wait for
