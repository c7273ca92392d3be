"""From outbox to Kafka: one active relay per schema, in order, one Kafka transaction per batch.

Two things keep a second relay harmless. The lease row says who may publish; the transactional id makes Kafka refuse
("fence") the former holder as soon as the new one has called `init_transactions`. Rows are marked only after the
broker's commit: a crash between the two repeats events in the log and never loses one.

A broker acknowledges from memory. After a trouble with Kafka, and when a relay takes over from one that did not hand
over, what was published in the minute before is sent again: listeners skip what they know.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from sqlalchemy import Text, TextClause, bindparam, cast, select, text

from shared.database import is_trouble, new_id, single_statements
from shared.database.tables import outbox
from shared.events.event import LARGEST_MESSAGE
from shared.events.outbox import mark_unpublished
from shared.runtime import clock, metrics
from shared.runtime.duties import Duty, kind_of
from shared.runtime.logs import logger
from shared.runtime.spans import span

log = logger(__name__)

TAKE_LEASE = text("""
      WITH former AS (SELECT nullif(expires_at, '-infinity') AS broke_off_at FROM relay_lease WHERE name = 'relay')
    INSERT INTO relay_lease (name, holder, term, expires_at)
    VALUES ('relay', :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder, term = relay_lease.term + 1, expires_at = excluded.expires_at
     WHERE relay_lease.expires_at < clock_timestamp()
    RETURNING term, (SELECT broke_off_at FROM former) AS broke_off_at""")
KEEP_LEASE = text("""
    UPDATE relay_lease SET expires_at = clock_timestamp() + make_interval(secs => :seconds)
     WHERE name = 'relay' AND holder = :holder AND term = :term RETURNING term""")
HAND_OVER_LEASE = text("""
    UPDATE relay_lease SET expires_at = '-infinity' WHERE name = 'relay' AND holder = :holder AND term = :term""")
BREAK_OFF_LEASE = text("""
    UPDATE relay_lease SET expires_at = coalesce(:doubtful_since, clock_timestamp())
     WHERE name = 'relay' AND holder = :holder AND term = :term""")
WAITING = (
    select(outbox.c.position, outbox.c.topic, cast(outbox.c.key, Text), outbox.c.value)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.position)
    .limit(bindparam("most"))
)
# a mark lost in a crash only repeats events, which consumers skip: no need to wait for the disk
MARK = text("""
      WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE outbox SET published_at = clock_timestamp() FROM unhurried
     WHERE position = ANY (CAST(:positions AS bigint[])) AND published_at IS NULL""")

DOUBTFUL = timedelta(seconds=60)
"""What was published so long before a trouble is sent again: twice the longest that a transaction may last."""
QUIET_SECONDS = 2.0
"""After this long without an event the relay looks less often."""
QUIET_FACTOR = 2.5


class Row(NamedTuple):
    """One waiting event as it lies in the outbox."""

    position: int
    topic: str
    key: str
    value: str


class LeaseLost(Exception):
    """Another relay has taken over."""


@dataclass
class Relay:
    """Publishes one service's outbox for as long as it holds the lease; stands by otherwise."""

    service: str
    kafka: dict[str, Any] = field(repr=False)
    batch_size: int = 1000
    poll_seconds: float = 0.02
    lease_seconds: float = 10
    duty: Duty = field(default_factory=lambda: Duty("relay"), repr=False)
    producer_timeout: float = 30
    """Seconds to wait for Kafka's transaction coordinator before the lease is offered to others."""

    def __post_init__(self) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
        self.term: int | None = None
        self.producer: Producer | None = None
        self.renewed = 0.0
        self.busy = 0.0
        self.doubtful_since: datetime | None = None
        """When the trouble began, since when nothing was published: Kafka may have forgotten what came before."""

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set, through every outage of the database and of Kafka."""
        wait = Backoff(longest=min(5.0, self.lease_seconds))
        while not stop.is_set():
            try:
                moved = self.step()
            except LeaseLost:
                log.warning("relay.lease_lost", holder=self.holder)
                self._drop_producer()
            except KafkaException as problem:
                metrics.consumer_retries.inc()
                self.duty.record_wait(problem)
                log.warning("relay.kafka_trouble", error=str(problem.args[0]))
                self._drop_producer()
                stop.wait(wait.next())
            except Exception as problem:
                if not is_trouble(problem):
                    raise
                metrics.consumer_retries.inc()
                self.duty.record_wait(problem)
                log.warning("relay.database_trouble", error=kind_of(problem))
                stop.wait(wait.next())
            else:
                wait.reset()
                self.duty.record_success()
                if moved:
                    self.busy = clock.monotonic()
                else:
                    stop.wait(self._pause() if self.term else self.lease_seconds / 5)
        self._leave()

    def _pause(self) -> float:
        """How long to wait before looking again: where little happens, looking is most of an idle worker's work."""
        return self.poll_seconds * (QUIET_FACTOR if clock.monotonic() - self.busy > QUIET_SECONDS else 1)

    def step(self) -> int:
        """Publish one batch and return its size; 0 when nothing waits or another relay holds the lease."""
        if self.term is None and not self._take_lease():
            return 0
        if self.producer is None:
            self.producer = self._fencing_producer()
        self.producer.poll(0)  # what it complains of is heard now
        doubtful_since = self.doubtful_since
        if doubtful_since is not None:
            self._send_again(doubtful_since)
        rows = self._read()
        if rows:
            with span("relay a batch", "producer", attributes={"messaging.batch.message_count": len(rows)}):
                self._publish(rows)
                self._mark([row.position for row in rows])
            metrics.events_published.inc(len(rows))
        if self.doubtful_since == doubtful_since:
            self.doubtful_since = None
        return len(rows)

    def _take_lease(self) -> bool:
        mine = {"holder": self.holder, "seconds": self.lease_seconds}
        with single_statements() as executor:
            taken = executor.execute(TAKE_LEASE, mine).one_or_none()
        if taken is None:
            return False
        self.term, self.doubtful_since = taken.term, taken.broke_off_at
        self.renewed = clock.monotonic()
        log.info("relay.lease_taken", term=self.term, is_handed_over=taken.broke_off_at is None)
        return True

    def _fencing_producer(self) -> Producer:
        producer = Producer(
            {
                **self.kafka,
                "error_cb": self._hear,
                "transactional.id": f"{self.service}-relay",
                "transaction.timeout.ms": 30_000,
                "compression.type": "zstd",
                "linger.ms": 0,
                "batch.size": LARGEST_MESSAGE,  # before it is packed
                "allow.auto.create.topics": False,
            }
        )
        producer.init_transactions(self.producer_timeout)
        # the wait for the broker may have outlived the lease
        self.renewed = 0.0
        return producer

    def _hear(self, problem: KafkaError) -> None:
        if problem.code() == KafkaError._ALL_BROKERS_DOWN and self.doubtful_since is None:
            self.doubtful_since = clock.now()

    def _send_again(self, trouble_began: datetime) -> None:
        with single_statements() as executor:
            again = mark_unpublished(executor, published_after=trouble_began - DOUBTFUL)
        log.info("relay.resend", events=again)

    def _read(self) -> list[Row]:
        with single_statements() as executor:
            if clock.monotonic() - self.renewed > self.lease_seconds / 3:
                started = clock.monotonic()
                mine = {"holder": self.holder, "term": self.term, "seconds": self.lease_seconds}
                if executor.scalar(KEEP_LEASE, mine) is None:
                    raise LeaseLost
                self.renewed = started
            return [Row._make(row) for row in executor.execute(WAITING, {"most": self.batch_size})]

    def _publish(self, rows: list[Row]) -> None:
        """One Kafka transaction for the batch; raises `KafkaException` with nothing committed or its fate unknown."""
        producer = self.producer
        assert producer is not None
        producer.begin_transaction()
        for row in rows:
            while True:
                try:
                    producer.produce(row.topic, key=row.key, value=row.value)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.commit_transaction(20)

    def _mark(self, positions: list[int]) -> None:
        with single_statements() as executor:
            executor.execute(MARK, {"positions": positions})

    def _drop_producer(self) -> None:
        """Forget the producer and break off the term: the next step takes the lease anew and fences what was open."""
        if self.producer is not None:
            self.producer.purge()
            self.producer = None
        self._end_term(BREAK_OFF_LEASE)

    def _leave(self) -> None:
        self.producer = None
        self._end_term(HAND_OVER_LEASE if self.doubtful_since is None else BREAK_OFF_LEASE)

    def _end_term(self, statement: TextClause) -> None:
        term, self.term = self.term, None
        if term is None:
            return
        try:
            with single_statements() as executor:
                mine = {"holder": self.holder, "term": term}
                executor.execute(statement, mine | {"doubtful_since": self.doubtful_since})
        except Exception as problem:
            if not is_trouble(problem):
                raise
            log.info("relay.lease_left_to_expire")


@dataclass
class Backoff:
    """Waits that double from a twentieth of a second up to `longest` seconds."""

    longest: float = 5.0
    seconds: float = 0.05

    def next(self) -> float:
        """How long to wait this time."""
        self.seconds = min(self.seconds * 2, self.longest)
        return self.seconds

    def reset(self) -> None:
        """Things went well: start small again."""
        self.seconds = 0.05
