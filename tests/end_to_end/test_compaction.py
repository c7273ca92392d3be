"""Rebuilds after the compaction has really run: old states are gone from Kafka, and no copy is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import cycle
from uuid import UUID, uuid4

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from shared.events.event import PARTITIONS, TOPICS, UnreadableEvent, decode_envelope
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import COPIES, Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching

COMPACTED = [topic.name for topic in TOPICS.values() if topic.compacted]
EAGER = {"segment.ms": "300", "max.compaction.lag.ms": "300", "min.cleanable.dirty.ratio": "0"}
"""A segment is closed by the first event after 0.3 s, and cleaned as soon as it is closed."""
POSTAL_CODES = cycle(["95030", "95028"])

Sequences = dict[tuple[str, UUID], list[int]]
"""Which events lie on Kafka, by topic and aggregate."""


def test_a_rebuild_after_compaction_restores_every_copy_and_removes_strays(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    practice, patient, tables = a_therapist(api), a_searching_patient(api), Tables(platform)
    known_to_matching(api, patient, practice)

    def both_move() -> None:
        postal_code = next(POSTAL_CODES)
        api.patch("therapist", f"/api/therapists/{practice['id']}", {"postal_code": postal_code})
        api.patch("patient", f"/api/patients/{patient['id']}", {"postal_code": postal_code})
        api.until(tables.all_have_handled, "everybody to know where they live")

    for _ in range(3):
        both_move()
    written = on_kafka(platform)
    ours = {key for key in written if str(key[1]) in (practice["id"], patient["id"])}
    assert len(ours) == 4, "two owners, and where they live"
    assert all(written[key] == list(range(1, written[key][-1] + 1)) for key in ours)

    def old_states_are_gone() -> bool:
        both_move()
        kept = on_kafka(platform)
        return all(set(written[key][:-1]).isdisjoint(kept[key]) for key in ours)

    with cleaning_eagerly(platform):
        api.until(old_states_are_gone, "the log cleaner to remove old states", seconds=120)
    kept = on_kafka(platform)
    assert sum(map(len, kept.values())) < sum(map(len, written.values()))
    assert all(kept[key][-1] >= written[key][-1] for key in written), "the newest state of everybody is there"

    for service in ("matching_service", "communication_service"):
        before = tables.content(service)
        for table in COPIES[service]:
            assert before[table]
            tables.add_stray(service, table)
            tables.run(f"DELETE FROM {service}.{table} WHERE id = %s", before[table][0]["id"])
        assert tables.content(service) != before
        ended_well(at_the_terminal(platform, service, "rebuild"))
        assert tables.content(service) == before


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
