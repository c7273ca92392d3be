"""Recreating a service's copies from Kafka alone, while it serves and while new events arrive.

A fresh reader goes through the projections' topics from their beginning to the ends that were there at the start. Each
copy that an event speaks of is written again (`keep_newest` writes an equal sequence anew), by the rebuild or, if
newer, by the consumer at work beside it; what nobody has written since the rebuild began is spoken of by no event and
removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from sqlalchemy import Table, delete, func, select

from shared import clock
from shared.db import transaction
from shared.errors import Unreachable
from shared.events.consumer import Consumer, Listeners
from shared.events.event import PARTITIONS

SILENCE = 30.0
"""Seconds without a message before the rebuild gives up instead of waiting for ever."""
PORTION = 5000


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
    consumer = KafkaConsumer(
        {**reader.configuration, "group.id": f"{service}-rebuild-{uuid4()}", "enable.partition.eof": True}
    )
    try:
        read = _read_to_the_ends(consumer, reader, progress or _silently)
    finally:
        consumer.close()
    return Rebuilt(read, sum(_remove_unspoken_of(copy.__table__, began) for copy in copies))


def _read_to_the_ends(consumer: KafkaConsumer, reader: Consumer, progress: Callable[[int, int], None]) -> int:
    topics = reader.listeners.topics()
    ends = _ends(consumer, topics)
    total = sum(end - begin for begin, end in ends.values())
    unfinished = {place: end for place, (begin, end) in ends.items() if begin < end}
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in unfinished])
    read, heard_at = 0, clock.monotonic()
    while unfinished:
        arrived = consumer.consume(reader.batch_size, 0.2)
        messages = [message for message in arrived if message.error() is None]
        if messages:
            reader.handle(messages)
            read, heard_at = read + len(messages), clock.monotonic()
            progress(read, total)
        elif clock.monotonic() - heard_at > SILENCE:
            raise Unreachable("kafka.silent", "Kafka stopped answering before the end of the topics was reached.")
        for message in arrived:
            if _reaches_end(message, unfinished):
                del unfinished[message.topic() or "", message.partition() or 0]
    return read


def _reaches_end(message: Message, unfinished: dict[tuple[str, int], int]) -> bool:
    end = unfinished.get((message.topic() or "", message.partition() or 0))
    if end is None:
        return False
    problem = message.error()
    if problem is None:
        return (message.offset() or 0) + 1 >= end
    # the last offsets may be transaction markers, which are never delivered: the end of the partition is
    return bool(problem.code() == KafkaError._PARTITION_EOF)


def _silently(_read: int, _total: int) -> None:
    """Progress that nobody watches."""


def _ends(consumer: KafkaConsumer, topics: Sequence[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """The first and the end offset of every partition."""
    found = {}
    for topic in topics:
        for partition in range(PARTITIONS):
            try:
                found[topic, partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            except KafkaException as problem:
                raise Unreachable("kafka.unreachable", "Kafka does not answer.") from problem
    return found


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
