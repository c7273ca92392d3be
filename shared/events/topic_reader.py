"""Reads topics from their beginning to the ends that they have when reading starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from tenacity import stop_after_attempt

from shared.errors import Outage
from shared.events.batches import FETCH_LIMITS, end_of_batch, is_unreadable, skip
from shared.runtime import clock
from shared.runtime.retries import retrying

SILENCE = 30.0
"""Seconds without a message before reading gives up instead of waiting for ever."""
_LEADER_CHANGES = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}


def read_to_ends(
    kafka: dict[str, Any],
    topics: Sequence[str],
    partitions: Sequence[int],
    *,
    service: str,
    at_most: int,
    announce: Callable[[int], None] = lambda _: None,
) -> Iterator[list[Message]]:
    """Yields every readable message of these partitions, in lists of `at_most`, outside any consumer group.

    `service` is who reads. Calls `announce` once with the number of offsets. Raises `Unreachable`, with Kafka's last
    error, when Kafka does not answer or sends no message for `SILENCE` seconds.
    """
    configuration = {
        **kafka,
        **FETCH_LIMITS,
        # the account of a service reaches its own groups only
        "group.id": f"{service}-reading-{uuid4()}",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
    consumer = KafkaConsumer(configuration)
    try:
        ends = _all_ends(consumer, topics, partitions)
        announce(sum(end - begin for begin, end in ends.values()))
        yield from _read(consumer, configuration, ends, at_most)
    finally:
        consumer.close()


def _read(
    consumer: KafkaConsumer,
    configuration: dict[str, Any],
    ends: dict[tuple[str, int], tuple[int, int]],
    at_most: int,
) -> Iterator[list[Message]]:
    unfinished = {place: end for place, (begin, end) in ends.items() if begin < end}
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in unfinished])
    last_message_at, error = clock.monotonic(), ""
    while unfinished:
        arrived = consumer.consume(at_most, 0.2)
        messages = [message for message in arrived if message.error() is None]
        if len(messages) < len(arrived):
            error = _error_text(arrived) or error
            if _skip_unreadable(consumer, configuration, arrived):
                last_message_at = clock.monotonic()
        if messages:
            yield messages
            last_message_at = clock.monotonic()
        elif clock.monotonic() - last_message_at > SILENCE:
            raise Outage("kafka.silent", f"Kafka sent nothing more before the end of the topics{error}.")
        for message in arrived:
            if _reaches_end(message, unfinished):
                del unfinished[message.topic() or "", message.partition() or 0]


def _skip_unreadable(consumer: KafkaConsumer, configuration: dict[str, Any], arrived: Sequence[Message]) -> int:
    """Continue after the batches that cannot be read; returns their number."""
    # the same batch may be reported several times
    batches = {(each.topic(), each.partition()): each for each in arrived if is_unreadable(each)}
    try:
        for batch in batches.values():
            skip(consumer, batch, end_of_batch(configuration, batch))
    except KafkaException as problem:
        reason = problem.args[0].name()
        raise Outage("kafka.unreachable", f"Kafka does not say where a batch ends ({reason}).") from problem
    return len(batches)


def _error_text(arrived: Sequence[Message]) -> str:
    for message in arrived:
        problem = message.error()
        if problem is not None and problem.code() != KafkaError._PARTITION_EOF:
            return f" ({message.topic()} {message.partition()}: {problem.name()})"
    return ""


def _reaches_end(message: Message, unfinished: dict[tuple[str, int], int]) -> bool:
    """Whether this message, or an error in its place, is the last of its partition."""
    end = unfinished.get((message.topic() or "", message.partition() or 0))
    if end is None:
        return False
    problem = message.error()
    if problem is None:
        return (message.offset() or 0) + 1 >= end
    # the last offsets may be transaction markers, which are never delivered: the report of the end is
    return bool(problem.code() == KafkaError._PARTITION_EOF)


def _all_ends(
    consumer: KafkaConsumer, topics: Sequence[str], partitions: Sequence[int]
) -> dict[tuple[str, int], tuple[int, int]]:
    """The first and the end offset of each of these partitions."""
    return {
        (topic, partition): _ends_of(consumer, TopicPartition(topic, partition))
        for topic in topics
        for partition in partitions
    }


def _ends_of(consumer: KafkaConsumer, place: TopicPartition) -> tuple[int, int]:
    try:
        begin, end = _while_leaders_change(consumer.get_watermark_offsets, place, timeout=10)
        return begin, end
    except KafkaException as problem:
        if _is_leader_change(problem):
            message = f"{place.topic} {place.partition} has no leader."
            raise Outage("kafka.unreachable", message) from problem
        raise Outage("kafka.unreachable", "Kafka does not answer.") from problem


def _is_leader_change(problem: BaseException) -> bool:
    """Whether a partition's leader is being elected: it answers soon."""
    return isinstance(problem, KafkaException) and problem.args[0].code() in _LEADER_CHANGES


_while_leaders_change = retrying(_is_leader_change, stop=stop_after_attempt(10))
