"""Recreating a service's copies from Kafka alone, while it serves and while new events arrive.

A fresh reader goes through the projections' topics from their beginning to the ends that were there at the start. Each
copy that an event speaks of is written again (`keep_newest` writes an equal sequence anew), by the rebuild or, if
newer, by the consumer at work beside it; what nobody has written since the rebuild began is spoken of by no event and
removed.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from sqlalchemy import Table, delete, func, select

from shared import clock
from shared.db import database_answers, is_trouble, transaction
from shared.duties import kind_of
from shared.errors import Unreachable
from shared.events.consumer import Consumer
from shared.events.event import PARTITIONS
from shared.events.listeners import Listeners
from shared.events.relay import Backoff
from shared.logs import logger

log = logger(__name__)

SILENCE = 30.0
"""Seconds without a message before the rebuild gives up instead of waiting for ever."""
LOOK_SECONDS = 0.2
"""How often the progress of the readers is looked at."""

PORTION = 5000
READERS = 3
"""Processes, for decoding keeps Python busy; while PostgreSQL writes what one has read, the others decode."""
_LEADERS_CHANGE = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}
FORKED = multiprocessing.get_context("fork")
"""Listeners hold what cannot be sent to another process, such as keys: a reader is born with them."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: events read, copies removed since no event speaks of them."""

    read: int
    removed: int


def rebuild(
    service: str,
    kafka: dict[str, Any],
    listeners: Listeners,
    copies: Sequence[type[Any]],
    *,
    batch_size: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Write every copy anew and remove those that no event speaks of; raises `Unreachable` when Kafka falls silent.

    `copies` are table classes with the columns of `shared.db.Copy`. Effects do not happen again.
    """
    began = _database_clock()
    reader = Consumer(service, kafka, listeners.only_projections(), batch_size=batch_size)
    configuration = {**reader.configuration, "group.id": f"{service}-rebuild-{uuid4()}", "enable.partition.eof": True}
    reading = _Reading(reader, configuration)
    for read, total in reading.in_processes():
        if progress is not None:
            progress(read, total)
    return Rebuilt(read, sum(_remove_unspoken_of(copy.__table__, began) for copy in copies))


class _Reading:
    """Reading all topics to their ends, in shares: an aggregate's events lie in partitions of one number."""

    def __init__(self, reader: Consumer, configuration: dict[str, Any]) -> None:
        self._reader, self._configuration = reader, configuration
        self._counts: Any = FORKED.Array("q", 2)  # events read and to read, of all readers
        self._refusals = FORKED.SimpleQueue()

    def in_processes(self) -> Iterator[tuple[int, int]]:
        """Let the readers read to the ends; now and then, and then, how many events they read, of how many at most."""
        readers = [FORKED.Process(target=self._share, args=(number,), daemon=True) for number in range(READERS)]
        try:
            for reader in readers:
                reader.start()
            for reader in readers:
                while reader.is_alive():
                    reader.join(LOOK_SECONDS)
                    self._refuse_if_one_failed(readers)
                    yield self._so_far()
            self._refuse_if_one_failed(readers)
            yield self._so_far()
        finally:
            for reader in readers:
                if reader.pid is not None:
                    reader.terminate()
                    reader.join()

    def _refuse_if_one_failed(self, readers: Sequence[BaseProcess]) -> None:
        if not self._refusals.empty():
            raise Unreachable(*self._refusals.get())
        if failed := [reader.exitcode for reader in readers if reader.exitcode]:
            raise RuntimeError(f"a reader ended before its time, with exit code {failed[0]}")

    def _so_far(self) -> tuple[int, int]:
        read, to_read = self._counts.get_obj()  # without the lock, which a reader may have taken to its grave
        return read, to_read

    def _share(self, number: int) -> None:
        """Read every READERS-th partition of each topic, beginning with this one."""
        consumer = KafkaConsumer(self._configuration)
        try:
            self._to_the_ends(consumer, range(number, PARTITIONS, READERS))
        except Unreachable as problem:
            self._refusals.put((problem.code, problem.message))
        finally:
            consumer.close()

    def _to_the_ends(self, consumer: KafkaConsumer, partitions: Sequence[int]) -> None:
        ends = ends_of(consumer, self._reader.listeners.topics(), partitions)
        self._count(to_read=sum(end - begin for begin, end in ends.values()))
        unfinished = {place: end for place, (begin, end) in ends.items() if begin < end}
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in unfinished])
        heard_at = clock.monotonic()
        while unfinished:
            arrived = consumer.consume(self._reader.batch_size, 0.2)
            messages = [message for message in arrived if message.error() is None]
            if messages:
                self._handle(messages)
                heard_at = clock.monotonic()
                self._count(read=len(messages))
            elif clock.monotonic() - heard_at > SILENCE:
                raise Unreachable("kafka.silent", "Kafka stopped answering before the end of the topics was reached.")
            for message in arrived:
                if reaches_end(message, unfinished):
                    del unfinished[message.topic() or "", message.partition() or 0]

    def _handle(self, messages: list[Message]) -> None:
        wait, began = Backoff(), clock.monotonic()
        while True:
            try:
                return self._reader.handle(messages)
            except Exception as problem:
                if not is_trouble(problem):
                    raise
                log.warning("rebuild.database_trouble", error=kind_of(problem))
                if clock.monotonic() - began > self._reader.patience and database_answers():
                    kind = kind_of(problem)
                    raise Unreachable("database.refuses", f"The database answers and refuses: {kind}.") from problem
            time.sleep(wait.next())

    def _count(self, *, read: int = 0, to_read: int = 0) -> None:
        with self._counts.get_lock():
            self._counts[0] += read
            self._counts[1] += to_read


def reaches_end(message: Message, unfinished: dict[tuple[str, int], int]) -> bool:
    """Whether this message, or what is said in its place, is the last of its partition."""
    end = unfinished.get((message.topic() or "", message.partition() or 0))
    if end is None:
        return False
    problem = message.error()
    if problem is None:
        return (message.offset() or 0) + 1 >= end
    # the last offsets may be transaction markers, which are never delivered: the end of the partition is
    return bool(problem.code() == KafkaError._PARTITION_EOF)


def ends_of(
    consumer: KafkaConsumer, topics: Sequence[str], partitions: Sequence[int]
) -> dict[tuple[str, int], tuple[int, int]]:
    """The first and the end offset of each of these partitions."""
    found = {}
    for topic in topics:
        for partition in partitions:
            found[topic, partition] = _ends_of(consumer, TopicPartition(topic, partition))
    return found


def _ends_of(consumer: KafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    wait = Backoff()
    for _ in range(10):
        try:
            begin, end = consumer.get_watermark_offsets(place, timeout=10)
            return begin, end
        except KafkaException as problem:
            # a partition that has just got its leader, or another one, is soon known under it
            if problem.args[0].code() not in _LEADERS_CHANGE:
                raise Unreachable("kafka.unreachable", "Kafka does not answer.") from problem
        time.sleep(wait.next())
    raise Unreachable("kafka.unreachable", f"Nobody leads {place.topic} {place.partition}.")


def _database_clock() -> datetime:
    with transaction() as session:
        now: datetime = session.scalars(select(func.clock_timestamp())).one()
        return now


def _remove_unspoken_of(table: Table, began: datetime) -> int:
    removed = 0
    while True:
        with transaction() as session:
            stale = (
                select(table.c.id).where(table.c.written_at < began).limit(PORTION).with_for_update(skip_locked=True)
            )
            result = session.execute(delete(table).where(table.c.id.in_(stale)))
            portion: int = result.rowcount  # type: ignore[attr-defined]
        removed += portion
        if portion < PORTION:
            return removed
