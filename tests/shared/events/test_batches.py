"""What Kafka's client cannot unpack becomes one dead letter, and all that lies around it is handled."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import OFFSET_END, KafkaException, Message, Producer, TopicPartition
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka.admin import AdminClient
from sqlalchemy import select

from shared.database import new_id, transaction
from shared.database.tables import dead_letter_table
from shared.errors import Conflict
from shared.events import dead_letters
from shared.events.batches import FETCH_LIMITS, end_of_batch, is_unreadable
from shared.events.event import LARGEST_MESSAGE, PARTITIONS
from shared.events.topic_reader import read_to_ends
from testkit.private_platform import PrivatePlatform
from tests.shared.events.conftest import consuming, until
from tests.shared.events.publishing import RecordingListeners, message, withdrawn

pytestmark = pytest.mark.usefixtures("committing")

TOPIC, PARTITION = "matching.events", 0
TOO_MUCH = FETCH_LIMITS["receive.message.max.bytes"] * 2


@pytest.fixture
def own_kafka(spare_broker: PrivatePlatform) -> Iterator[dict[str, Any]]:
    """The broker that few use; their readers need not look for the ends of these batches, which are deleted."""
    kafka = spare_broker.kafka_client()
    yield kafka
    admin = AdminClient(kafka)
    admin.delete_records([TopicPartition(TOPIC, PARTITION, OFFSET_END)])[TopicPartition(TOPIC, PARTITION)].result(20)


def send_packed(kafka: dict[str, Any], codec: str, *, messages: int, unpacked: int) -> int:
    """Write one batch of zeros that unpacks to so many bytes; its first offset."""
    producer = Producer(
        {
            **kafka,
            "compression.type": codec,
            "message.max.bytes": 1_000_000_000,
            "batch.size": 2_000_000_000,
            "batch.num.messages": 1_000_000,
            "linger.ms": 2000,
        }
    )
    offsets: list[int] = []

    def written(problem: Any, message: Any) -> None:
        assert problem is None, problem
        offsets.append(message.offset())

    for _ in range(messages):
        producer.produce(TOPIC, value=bytes(unpacked // messages), partition=PARTITION, on_delivery=written)
    assert producer.flush(30) == 0
    assert sorted(offsets) == list(range(offsets[0], offsets[0] + messages))
    return offsets[0]


def send_to_the_same(kafka: dict[str, Any], subject: UUID, sequence: int) -> None:
    producer = Producer(kafka)
    topic, key, value = message(withdrawn(subject, sequence))
    producer.produce(topic, key=key, value=value, partition=PARTITION)
    assert producer.flush(10) == 0


def noted() -> list[Any]:
    with transaction() as session:
        return list(session.execute(select(dead_letter_table).where(dead_letter_table.c.topic == TOPIC)).mappings())


@pytest.mark.parametrize("messages", [1, 2, 3, 40, 999])
def test_the_end_of_a_batch_that_cannot_be_unpacked_is_found(own_kafka: dict[str, Any], messages: int) -> None:
    begin = send_packed(own_kafka, "zstd", messages=messages, unpacked=TOO_MUCH)
    send_packed(own_kafka, "zstd", messages=2, unpacked=TOO_MUCH)
    reader = KafkaConsumer({**own_kafka, **FETCH_LIMITS, "group.id": f"g-{uuid4()}"})
    found: list[Message] = []

    def is_met() -> bool:
        found.extend(each for each in reader.consume(10, 0.5) if each.offset() == begin)
        return bool(found)

    reader.assign([TopicPartition(TOPIC, PARTITION, begin)])
    until(is_met)
    reader.close()
    assert is_unreadable(found[0])
    assert end_of_batch({**own_kafka, "group.id": "g"}, found[0]) == begin + messages


def test_it_is_noted_once_and_what_lies_around_it_is_handled(own_kafka: dict[str, Any]) -> None:
    subject, group = new_id(), f"g-{uuid4()}"
    recording = RecordingListeners([subject])
    send_to_the_same(own_kafka, subject, 1)
    first = send_packed(own_kafka, "zstd", messages=1, unpacked=TOO_MUCH)
    send_to_the_same(own_kafka, subject, 2)
    second = send_packed(own_kafka, "zstd", messages=40, unpacked=TOO_MUCH)
    third = send_packed(own_kafka, "zstd", messages=1, unpacked=TOO_MUCH)
    send_to_the_same(own_kafka, subject, 3)
    for again, last in ((group, 3), (f"g-{uuid4()}", 4)):
        with consuming(own_kafka, recording.listeners, again):
            until(partial(recording.effects.__contains__, last))
        send_to_the_same(own_kafka, subject, 4)
    assert recording.effects == [1, 2, 3, 4]
    mine = [row for row in noted() if row["offset"] in (first, second, third)]
    assert len(mine) == 3
    (row,) = (row for row in mine if row["offset"] == second)
    assert row["value"] is None
    assert f"offsets {second} to {second + 39} cannot be unpacked (_BAD_COMPRESSION)" in row["reason"]
    with transaction() as session, pytest.raises(Conflict, match="still cannot be handled"):
        dead_letters.replay(session, row["id"], reason="try", by=None, now=row["created_at"])


def test_a_batch_at_the_end_is_passed_and_its_offsets_are_committed(own_kafka: dict[str, Any]) -> None:
    subject, group = new_id(), f"g-{uuid4()}"
    recording = RecordingListeners([subject])
    begin = send_packed(own_kafka, "zstd", messages=3, unpacked=TOO_MUCH)
    with consuming(own_kafka, recording.listeners, group):
        until(lambda: begin in {row["offset"] for row in noted()})
        send_to_the_same(own_kafka, subject, 1)
        until(lambda: recording.effects == [1])


def test_readers_of_whole_topics_pass_it_too(own_kafka: dict[str, Any]) -> None:
    subject = new_id()
    send_packed(own_kafka, "zstd", messages=5, unpacked=TOO_MUCH)
    send_to_the_same(own_kafka, subject, 1)
    send_packed(own_kafka, "zstd", messages=5, unpacked=TOO_MUCH)
    keys = [
        each.key()
        for messages in read_to_ends(own_kafka, [TOPIC], range(PARTITIONS), service="tests", at_most=100)
        for each in messages
    ]
    assert str(subject).encode() in keys


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "none"])
def test_what_is_larger_than_any_event_is_kept_only_in_part(own_kafka: dict[str, Any], codec: str) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    unpacked = LARGEST_MESSAGE + 1 if codec == "none" else TOO_MUCH // 10
    begin = send_packed(own_kafka, codec, messages=1, unpacked=unpacked)
    send_to_the_same(own_kafka, subject, 1)
    with consuming(own_kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.effects == [1])
    (row,) = (row for row in noted() if row["offset"] == begin)
    assert bytes(row["value"]) == bytes(LARGEST_MESSAGE)
    assert row["reason"].startswith("larger than any event")


def test_a_topic_takes_no_more_than_a_worker_can_endure(own_kafka: dict[str, Any]) -> None:
    producer, refusals = Producer({**own_kafka, "message.max.bytes": 2_000_000}), []
    producer.produce(TOPIC, value=bytes(400_000), on_delivery=lambda problem, _: refusals.append(problem))
    producer.flush(10)
    assert refusals[0].name() == "MSG_SIZE_TOO_LARGE"


def test_a_kafka_that_does_not_answer_is_not_waited_for_for_ever(own_kafka: dict[str, Any]) -> None:
    with pytest.raises(KafkaException):
        end_of_batch({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"}, Message(topic=TOPIC, partition=0, offset=3))
