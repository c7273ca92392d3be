"""What lies in Kafka's compacted topics, and a broker that forgets in seconds what it would forget over days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from shared.events.event import PARTITIONS, TOPICS, UnreadableEvent, decode_envelope
from testkit.private_platform import PrivatePlatform

COMPACTED = [topic.name for topic in TOPICS.values() if topic.compacted]
EAGER = {"segment.ms": "300", "max.compaction.lag.ms": "300", "min.cleanable.dirty.ratio": "0"}
"""A segment is closed by the first event after 0.3 s, and cleaned as soon as it is closed."""

Sequences = dict[tuple[str, UUID], list[int]]
"""Which events lie on Kafka, by topic and aggregate."""


def on_kafka(platform: PrivatePlatform) -> Sequences:
    """What lies in the compacted topics now."""
    found: Sequences = defaultdict(list)
    reader = Consumer(
        {
            **platform.kafka_client(),
            "group.id": f"reader-{uuid4()}",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    unfinished = {(topic, partition) for topic in COMPACTED for partition in range(PARTITIONS)}
    reader.assign([TopicPartition(topic, partition, 0) for topic, partition in unfinished])
    while unfinished:
        message = reader.poll(10)
        assert message is not None, "the topics did not end"
        if message.error() is not None:
            unfinished.discard((message.topic(), message.partition()))
            continue
        with suppress(UnreadableEvent):  # other tests send what is no event
            envelope, _ = decode_envelope(message.value())
            found[message.topic(), envelope.subject].append(envelope.sequence)
    reader.close()
    return found


@contextmanager
def cleaning_eagerly(platform: PrivatePlatform) -> Iterator[None]:
    """A broker that does in seconds what it does over days."""
    admin = AdminClient(platform.kafka_client())
    (broker,) = admin.list_topics().brokers
    usual = {topic.name: topic.configuration() for topic in TOPICS.values() if topic.compacted}
    try:
        alter(admin, ResourceType.BROKER, str(broker), {"log.cleaner.backoff.ms": "200"})
        for topic in usual:
            alter(admin, ResourceType.TOPIC, topic, EAGER)
        yield
    finally:
        alter(admin, ResourceType.BROKER, str(broker), {"log.cleaner.backoff.ms": None})
        for topic, configuration in usual.items():
            alter(admin, ResourceType.TOPIC, topic, {name: configuration.get(name) for name in EAGER})


def alter(admin: AdminClient, kind: ResourceType, name: str, values: Mapping[str, str | None]) -> None:
    """Set these values of a topic or broker; None takes one back to what holds without it."""
    changes = [
        ConfigEntry(
            key, value or "", incremental_operation=AlterConfigOpType.SET if value else AlterConfigOpType.DELETE
        )
        for key, value in values.items()
    ]
    for answer in admin.incremental_alter_configs([ConfigResource(kind, name, incremental_configs=changes)]).values():
        answer.result(10)
