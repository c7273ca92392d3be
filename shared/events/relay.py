"""The relay publishes the outbox to Kafka: one active relay per schema, in order, one Kafka transaction per batch.

Two things prevent damage by a second relay. The lease row says which relay may publish; the transactional id makes
Kafka refuse ("fence") the former holder as soon as the new one has called `init_transactions`. Rows are marked only
after the broker's commit: a crash between the two repeats events in the log and never loses one.

A broker acknowledges from memory. After trouble with Kafka, and when a relay takes the lease over from one that did not
release it, the events published in the minute before are published again: listeners skip repeated events.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from sqlalchemy import TextClause, text

from shared.database import database_clock, is_trouble, new_id, read_rows, single_statements
from shared.events import heartbeats
from shared.events.event import LARGEST_MESSAGE, TOPICS, transactional_id
from shared.events.heartbeats import Heartbeat, Heartbeats
from shared.events.outbox import mark_unpublished
from shared.runtime import clock, metrics
from shared.runtime.duties import Duty, kind_of
from shared.runtime.logs import logger
from shared.runtime.retries import Backoff
from shared.runtime.spans import span

log = logger(__name__)

TAKE_LEASE = text("""
      WITH former AS (SELECT nullif(expires_at, '-infinity') AS abandoned_at FROM relay_lease WHERE name = 'relay')
    INSERT INTO relay_lease (name, holder, term, expires_at)
    VALUES ('relay', :holder, 1, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder, term = relay_lease.term + 1, expires_at = excluded.expires_at
     WHERE relay_lease.expires_at < clock_timestamp()
    RETURNING term, (SELECT abandoned_at FROM former) AS abandoned_at""")
RENEW_LEASE = text("""
    UPDATE relay_lease SET expires_at = clock_timestamp() + make_interval(secs => :seconds)
     WHERE name = 'relay' AND holder = :holder AND term = :term RETURNING term""")
RELEASE_LEASE = text("""
    UPDATE relay_lease SET expires_at = '-infinity' WHERE name = 'relay' AND holder = :holder AND term = :term""")
ABANDON_LEASE = text("""
    UPDATE relay_lease SET expires_at = coalesce(:doubtful_since, clock_timestamp())
     WHERE name = 'relay' AND holder = :holder AND term = :term""")
WAITING = """
    SELECT position, topic, CAST(key AS text), value FROM outbox WHERE published_at IS NULL
     ORDER BY position LIMIT %(most)s"""
# a mark lost in a crash only repeats events, which consumers skip: no need to wait for the disk
MARK = text("""
      WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE outbox SET published_at = clock_timestamp() FROM unhurried
     WHERE position = ANY (CAST(:positions AS bigint[])) AND published_at IS NULL""")

RESEND_PERIOD = timedelta(seconds=60)
"""Events published within this time before trouble are published again: twice the longest transaction."""
QUIET_SECONDS = 2.0
"""After this time without an event the relay polls less often."""
QUIET_FACTOR = 2.5
"""How many times longer the interval between polls is then."""


class Row(NamedTuple):
    """One unpublished event of the outbox."""

    position: int
    topic: str
    key: str
    value: str


class LeaseLost(Exception):
    """Another relay has taken over."""


@dataclass
class Relay:
    """Publishes one service's outbox while it holds the lease; otherwise it waits for the lease."""

    service: str
    kafka: dict[str, Any] = field(repr=False)
    batch_size: int = 1000
    poll_seconds: float = 0.02
    lease_seconds: float = 10
    duty: Duty = field(default_factory=lambda: Duty("relay"), repr=False)
    producer_timeout: float = 30
    """Seconds to wait for Kafka's transaction coordinator before the lease is given up."""
    handled_until: Callable[[], datetime | None] = field(default=lambda: None, repr=False)
    """Until when the service has handled the events of others, for its heartbeats."""

    def __post_init__(self) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
        self.term: int | None = None
        self.producer: Producer | None = None
        self.renewed = 0.0
        self.last_moved = 0.0
        self.topics = [topic.name for topic in TOPICS.values() if topic.source == self.service]
        self.heartbeats: Heartbeats | None = None
        self.last_heartbeat = 0.0
        self.doubtful_since: datetime | None = None
        """When trouble with Kafka began, if nothing was published since: Kafka may have lost the events before."""

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set, through every outage of the database and of Kafka."""
        wait = Backoff(longest=min(5.0, self.lease_seconds))
        while not stop.is_set():
            try:
                published = self.step()
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
                if published:
                    self.last_moved = clock.monotonic()
                else:
                    stop.wait(self._pause() if self.term else self.lease_seconds / 5)
        self._release_lease()

    def _pause(self) -> float:
        """Seconds to the next poll: polling is most of an idle worker's work, so it is rarer after a quiet time."""
        return self.poll_seconds * (QUIET_FACTOR if clock.monotonic() - self.last_moved > QUIET_SECONDS else 1)

    def step(self) -> int:
        """Publish one batch; returns its size, 0 when the outbox is empty or another relay holds the lease."""
        if self.term is None and not self._take_lease():
            return 0
        if self.producer is None:
            self.producer = self._fencing_producer()
        self.producer.poll(0)  # calls `_note_error` for errors since the last call
        doubtful_since = self.doubtful_since
        if doubtful_since is not None:
            self._resend(doubtful_since)
        heartbeat = self._next_heartbeat()
        rows = self._read()
        if rows:
            with span("relay a batch", "producer", attributes={"messaging.batch.message_count": len(rows)}):
                self._publish(rows)
                self._mark([row.position for row in rows])
            metrics.events_published.inc(len(rows))
        if self.doubtful_since == doubtful_since:
            self.doubtful_since = None
            if heartbeat is not None and len(rows) < self.batch_size:
                self._write_heartbeat(heartbeat)
        return len(rows)

    def _next_heartbeat(self) -> Heartbeat | None:
        """What is true once the events that wait now are published; None where it need not be said yet."""
        if not self.topics or clock.monotonic() - self.last_heartbeat < heartbeats.EVERY_SECONDS:
            return None
        # this order: what follows from the handled events is in the outbox that is read afterwards
        handled_until = self.handled_until()
        return Heartbeat(published_until=database_clock(), handled_until=handled_until)

    def _write_heartbeat(self, heartbeat: Heartbeat) -> None:
        self.heartbeats = self.heartbeats or Heartbeats(self.kafka)
        self.heartbeats.write(self.topics, heartbeat)
        self.last_heartbeat = clock.monotonic()

    def _take_lease(self) -> bool:
        mine = {"holder": self.holder, "seconds": self.lease_seconds}
        with single_statements() as executor:
            taken = executor.execute(TAKE_LEASE, mine).one_or_none()
        if taken is None:
            return False
        self.term, self.doubtful_since = taken.term, taken.abandoned_at
        self.renewed = clock.monotonic()
        log.info("relay.lease_taken", term=self.term, was_released=taken.abandoned_at is None)
        return True

    def _fencing_producer(self) -> Producer:
        producer = Producer(
            {
                **self.kafka,
                "error_cb": self._note_error,
                "transactional.id": transactional_id(self.service),
                "transaction.timeout.ms": 30_000,
                "compression.type": "zstd",
                "linger.ms": 0,
                "batch.size": LARGEST_MESSAGE,  # before it is packed
                "allow.auto.create.topics": False,
            }
        )
        producer.init_transactions(self.producer_timeout)
        # the lease may have ended during the wait for the broker
        self.renewed = 0.0
        return producer

    def _note_error(self, problem: KafkaError) -> None:
        if problem.code() == KafkaError._ALL_BROKERS_DOWN and self.doubtful_since is None:
            self.doubtful_since = clock.now()

    def _resend(self, trouble_began: datetime) -> None:
        with single_statements() as executor:
            again = mark_unpublished(executor, published_after=trouble_began - RESEND_PERIOD)
        log.info("relay.resend", events=again)

    def _read(self) -> list[Row]:
        if clock.monotonic() - self.renewed > self.lease_seconds / 3:
            self._renew_lease()
        return [Row._make(row) for row in read_rows(WAITING, {"most": self.batch_size})]

    def _renew_lease(self) -> None:
        started = clock.monotonic()
        mine = {"holder": self.holder, "term": self.term, "seconds": self.lease_seconds}
        with single_statements() as executor:
            if executor.scalar(RENEW_LEASE, mine) is None:
                raise LeaseLost
        self.renewed = started

    def _publish(self, rows: list[Row]) -> None:
        """One Kafka transaction for the batch; raises `KafkaException` when it was not, or perhaps not, committed."""
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
        """Drop the producer and abandon the lease: the next step takes it again and fences the open transaction."""
        if self.producer is not None:
            self.producer.purge()
            self.producer = self.heartbeats = None
        self._end_term(ABANDON_LEASE)

    def _release_lease(self) -> None:
        self.producer = self.heartbeats = None
        self._end_term(RELEASE_LEASE if self.doubtful_since is None else ABANDON_LEASE)

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
            log.info("relay.lease_not_released")
