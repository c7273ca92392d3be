"""The throughput of events: the relay and its two halves alone, effects and bare statements, copies, memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import psutil
import psycopg2
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from benchmarks.figures import Figure, at_least, at_most, share_at_least
from chaos import witness
from operations.process_environment import of_python_process
from shared import database
from shared.database import read_rows, transaction
from shared.events.consumer import Consumer
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.events.outbox import record_all
from shared.events.relay import WAITING, Relay, Row
from testkit.private_platform import PrivatePlatform

EVENTS = 60_000
ROUNDS = 3
FLAT_EVENTS = 1_000_000
COUNTERS = 1000


class OnlyDatabase(Relay):
    """A relay that reads and marks events, and sends nothing."""

    def _publish(self, rows: list[Row]) -> None:
        """Sends nothing."""


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure relay, effects and memory, on tables and topics of the witness."""
    # it would relay and consume the measured events
    platform.process("witness.0").stop()
    settings = witness.Settings()
    database.connect(settings.database_url, pool_size=4)
    return [*_relay(settings), *_effects(platform, settings)]


def _fill(number: int, subjects: list[object]) -> None:
    """Record that many events, of a thousand counters in turns."""
    now = datetime.now(UTC)
    for begin in range(0, number, 5000):
        events = [
            (subjects[n % COUNTERS], 1 + n // COUNTERS, witness.Counted(counter_id=subjects[n % COUNTERS]))
            for n in range(begin, min(begin + 5000, number))
        ]
        with transaction() as session:
            record_all(session, events, now=now)  # type: ignore[arg-type]


def _subjects() -> list[object]:
    return [uuid4() for _ in range(COUNTERS)]


def _relay(settings: witness.Settings) -> Iterator[Figure]:
    """The round in the middle: a machine that is slow for a second must not decide which half is the baseline."""
    rounds = sorted((_relay_round(settings.kafka_client()) for _ in range(ROUNDS)), key=lambda each: each.share)
    whole, slower = rounds[ROUNDS // 2]
    yield at_least("relay, events of 0.5 kB", whole, "events/s", 20_000, baseline=slower)
    yield share_at_least("relay against the slower of its halves alone", whole, "events/s", 0.5, baseline=slower)


class RelayRound(NamedTuple):
    """Events per second of the whole relay and of the slower of its halves, measured one after the other."""

    whole: float
    slower: float

    @property
    def share(self) -> float:
        """The whole as a share of its slower half."""
        return self.whole / self.slower


def _relay_round(kafka: dict[str, str | int]) -> RelayRound:
    _fill(EVENTS, _subjects())
    database = _drain(OnlyDatabase("witness", kafka, lease_seconds=1))
    _fill(EVENTS, _subjects())
    rows = _rows()
    time.sleep(1.2)
    kafka_alone = _produce(Relay("witness-alone", kafka), rows)
    whole = _drain(Relay("witness", kafka, lease_seconds=1))
    return RelayRound(whole, min(database, kafka_alone))


def _drain(relay: Relay) -> float:
    """Returns the events per second from the first batch to the last."""
    while not relay.step():
        time.sleep(0.05)
    moved, started = 0, time.perf_counter()
    while portion := relay.step():
        moved += portion
    took = time.perf_counter() - started
    relay._release_lease()
    return moved / took


def _rows() -> list[Row]:
    return [Row(*row) for row in read_rows(WAITING, {"most": EVENTS})]


def _produce(relay: Relay, rows: list[Row]) -> float:
    relay.producer = relay._fencing_producer()
    relay._publish(rows[: relay.batch_size])
    started = time.perf_counter()
    for begin in range(relay.batch_size, len(rows), relay.batch_size):
        relay._publish(rows[begin : begin + relay.batch_size])
    return (len(rows) - relay.batch_size) / (time.perf_counter() - started)


def _effects(platform: PrivatePlatform, settings: witness.Settings) -> Iterator[Figure]:
    bare = _bare_effects(settings)
    # the events that the relay's measurement published are on the topic
    _forget_effects()
    one = _consume(settings, EVENTS)
    yield share_at_least("effects, one worker, against bare statements", one, "effects/s", 0.6, baseline=bare)
    three = _three_workers(platform)
    yield share_at_least("effects, three workers, against bare statements", three, "effects/s", 0.6, baseline=bare)
    yield at_most("memory a worker gains over 1,000,000 events", _growth(settings), "MB", 30)


def _bare_effects(settings: witness.Settings) -> float:
    """Returns effects per second as two statements in one transaction each, through the same PgBouncer."""
    connection = psycopg2.connect(
        host=settings.database_host,
        port=settings.database_port,
        dbname=settings.database_name,
        user="witness",
        password=settings.database_password.get_secret_value(),
    )
    done, started = 0, time.perf_counter()
    with connection.cursor() as cursor:
        while time.perf_counter() - started < 5:
            event = str(uuid4())
            cursor.execute("INSERT INTO processed_events (event_id) VALUES (%s)", (event,))
            cursor.execute("INSERT INTO ledger (event_id, subject, by) VALUES (%s, %s, 'bare')", (event, event))
            connection.commit()
            done += 1
    connection.close()
    return done / (time.perf_counter() - started)


def _forget_effects() -> None:
    with transaction() as session:
        session.execute(text("DELETE FROM processed_events"))
        session.execute(text("DELETE FROM ledger"))


def _written() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(witness.ledger)) or 0


def _listeners() -> Listeners:
    listeners = Listeners()
    listeners.effect(witness.Counted)(witness.write_down)
    return listeners


def _consume(settings: witness.Settings, number: int) -> float:
    """Returns the effects per second of one consumer, from its first effect to its last."""
    consumer = Consumer("witness", settings.kafka_client(), _listeners(), group=f"bench-{uuid4()}")
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    rate = _rate_until(number)
    stop.set()
    thread.join()
    return rate


def _rate_until(number: int) -> float:
    deadline = time.monotonic() + 300
    begun = 0.0
    while (written := _written()) < number:
        if written and not begun:
            begun, first = time.perf_counter(), written
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {written} of {number} effects")
        time.sleep(0.02)
    return (number - first) / (time.perf_counter() - begun)


def run_worker(group: str) -> None:
    """Consume as one of several workers of a group, with the settings of the environment, until it is killed."""
    settings = witness.Settings()
    database.connect(settings.database_url, pool_size=2)
    Consumer("witness", settings.kafka_client(), _listeners(), group=group).run(threading.Event())


def _three_workers(platform: PrivatePlatform) -> float:
    _forget_effects()
    group = f"bench-{uuid4()}"
    code = f"from {__name__} import {run_worker.__name__}; {run_worker.__name__}({group!r})"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=of_python_process(witness.Settings, platform.settings) | {"WITNESS_PORT": "1"},
        )
        for _ in range(3)
    ]
    try:
        return _rate_until(EVENTS)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _growth(settings: witness.Settings) -> float:
    """Returns the MB of memory that this process gains over a million events, after a first twentieth of them."""
    listeners = Listeners()
    listeners.projection(witness.Counted)(_keep_nothing)
    consumer = Consumer("witness", settings.kafka_client(), listeners)
    with transaction() as session:
        values = [row[0].encode() for row in session.execute(text("SELECT value FROM outbox LIMIT 1000"))]
    messages = [_Message(value) for value in values]
    for _ in range(FLAT_EVENTS // 20 // len(messages)):
        consumer.handle(messages)  # type: ignore[arg-type]
    early = _resident_megabytes()
    for _ in range(FLAT_EVENTS // len(messages)):
        consumer.handle(messages)  # type: ignore[arg-type]
    return _resident_megabytes() - early


def _keep_nothing(session: Session, events: Sequence[Event], *, now: datetime) -> None:
    """Keeps no copy: reading, validation and dispatch are measured."""


class _Message:
    """A message whose bytes were read before: the handling is measured, not Kafka."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        """Returns the event."""
        return self._value

    def timestamp(self) -> tuple[int, int]:
        """Returns that there is no timestamp of the broker."""
        return TIMESTAMP_NOT_AVAILABLE, 0


def _resident_megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 1024 / 1024
