"""Batches that Kafka's client cannot read, and where they end.

A broker accepts a batch that unpacks to more than a client reads (some kilobytes of packed zeros suffice), and gives it
to every reader again and again. The client reports only the offset at which it begins, so its end is searched for.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from shared.errors import Outage
from shared.events.event import LARGEST_BATCH
from shared.runtime import clock

ANSWER_SECONDS = 10.0
_UNREADABLE_CODES = {
    KafkaError._BAD_COMPRESSION,
    KafkaError._BAD_MSG,
    KafkaError._NOT_IMPLEMENTED,
    KafkaError.INVALID_MSG,
    KafkaError.MSG_SIZE_TOO_LARGE,
}

FETCH_LIMITS = {
    "message.max.bytes": LARGEST_BATCH,  # or the client fetches at least a megabyte
    "max.partition.fetch.bytes": LARGEST_BATCH,
    "fetch.max.bytes": LARGEST_BATCH,
    "receive.message.max.bytes": 5_000_000,
    "queued.max.messages.kbytes": 16_384,
}
"""How much a consumer fetches at once and keeps, and how much a batch may unpack to where the client checks it (zstd).

It does not check gzip and lz4: these are limited by what a topic accepts (`Topic.configuration`), one batch at a time.
"""


class UnreadableBatch(Exception):
    """Messages that Kafka's client cannot unpack; its text names their offsets."""


def is_unreadable(message: Message) -> bool:
    """Whether this message reports a batch, beginning at its offset, that the client cannot read."""
    problem = message.error()
    return problem is not None and problem.code() in _UNREADABLE_CODES and (message.offset() or 0) >= 0


def end_of_batch(kafka: dict[str, Any], batch: Message) -> int:
    """The first offset after an unreadable batch; `kafka` is a consumer's configuration.

    Steps of 1, 2, 4 … offsets until one lies beyond it, then the interval is halved: a batch of a million messages
    takes forty requests. Raises `Unreachable` or `KafkaException` when Kafka does not answer them.
    """
    partition = TopicPartition(batch.topic() or "", batch.partition() or 0)
    begin = batch.offset() or 0
    reader = KafkaConsumer(
        {
            **kafka,
            **FETCH_LIMITS,
            # the account of a service reaches its own groups only
            "group.id": f"{kafka['group.id']}-batches-{uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_uncommitted",
            "fetch.error.backoff.ms": 10,
        }
    )
    try:
        _, end = reader.get_watermark_offsets(partition, timeout=ANSWER_SECONDS)
        inside, beyond, step = begin, end, 1
        while inside + step < end:
            if not _is_in_batch(reader, partition, inside + step, begin):
                beyond = inside + step
                break
            inside, step = inside + step, step * 2
        while beyond - inside > 1:
            middle = (inside + beyond) // 2
            if _is_in_batch(reader, partition, middle, begin):
                inside = middle
            else:
                beyond = middle
        return beyond
    finally:
        reader.close()


def skip(consumer: KafkaConsumer, batch: Message, end: int) -> None:
    """Set the consumer to the offset after an unreadable batch.

    Raises `KafkaException` where the consumer does not have the partition.
    """
    consumer.seek(TopicPartition(batch.topic() or "", batch.partition() or 0, end))


def _is_in_batch(reader: KafkaConsumer, partition: TopicPartition, offset: int, begin: int) -> bool:
    """Whether this offset is part of the unreadable batch that begins at `begin`."""
    reader.assign([TopicPartition(partition.topic, partition.partition, offset)])
    until = clock.monotonic() + ANSWER_SECONDS
    while clock.monotonic() < until:
        message = reader.poll(0.5)
        if message is None:
            continue
        problem = message.error()
        if problem is None or problem.code() == KafkaError._PARTITION_EOF:
            return False
        if is_unreadable(message):
            return message.offset() == begin
        raise KafkaException(problem)
    name = f"{partition.topic} {partition.partition}"
    raise Outage("kafka.silent", f"Kafka does not say where a batch of {name} ends.")
