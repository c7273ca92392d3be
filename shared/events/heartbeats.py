"""Heartbeats: each relay records on Kafka, four times a second, how far its service has come.

A service that publishes nothing looks like one with nothing to publish. Who acts on copies must distinguish the two:
a withdrawal that was answered 200 is of no use while it waits in an outbox whose relay is dead.

A heartbeat is the metadata of an offset that the group `<service>-heartbeats` commits for a topic of the service: Kafka
keeps the newest one, and no message is added to a topic that others read. Each service has a group of its own, so that
Kafka lets nobody else report for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaException, TopicPartition
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.events.event import source_of_topic

EVERY_SECONDS = 0.25
QUICK_END = {"session.timeout.ms": 1000, "heartbeat.interval.ms": 500, "socket.timeout.ms": 2000}
"""A client that is dropped while no broker answers waits this long for its last commits, by default for 45 s."""


class Heartbeat(BaseModel):
    """How far a service has come, in the time of the database's clock, which all services share."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    published_until: AwareDatetime
    """Every event that was committed before this instant is on Kafka."""
    handled_until: AwareDatetime | None = None
    """Every event that the services it listens to had committed before this instant is handled, and so are the events
    published that followed from it. None where the service does not know."""


def group_of(service: str) -> str:
    """Returns the group that commits the heartbeats of a service."""
    return f"{service}-heartbeats"


class Heartbeats:
    """Writes and reads heartbeats; it has a client for each service that they are about, which joins no group."""

    def __init__(self, kafka: dict[str, Any]) -> None:
        self._kafka = {**kafka, **QUICK_END, "enable.auto.commit": False, "log_level": 0}
        self._clients: dict[str, KafkaConsumer] = {}

    def write(self, topics: Sequence[str], heartbeat: Heartbeat) -> None:
        """Commit the heartbeat of these topics' service without waiting: one that is lost is followed by the next."""
        metadata = heartbeat.model_dump_json()
        for service, its_topics in _by_source(topics).items():
            offsets = [TopicPartition(topic, 0, 0, metadata=metadata) for topic in its_topics]
            consumer = self._client(service)
            with suppress(KafkaException):
                consumer.commit(offsets=offsets, asynchronous=True)

    def read(self, topics: Sequence[str], *, wait_seconds: float) -> dict[str, Heartbeat]:
        """Returns the newest heartbeat of each topic that has one; raises `KafkaException` without an answer."""
        found = {}
        for service, its_topics in _by_source(topics).items():
            wanted = [TopicPartition(topic, 0) for topic in its_topics]
            for each in self._client(service).committed(wanted, timeout=wait_seconds):
                if each.error is not None:
                    raise KafkaException(each.error)
                heartbeat = _parse(each.metadata)
                if heartbeat is not None:
                    found[each.topic] = heartbeat
        return found

    def _client(self, service: str) -> KafkaConsumer:
        if service not in self._clients:
            self._clients[service] = KafkaConsumer({**self._kafka, "group.id": group_of(service)})
        return self._clients[service]


def _by_source(topics: Sequence[str]) -> dict[str, list[str]]:
    """These topics by the service that publishes to them."""
    found: dict[str, list[str]] = defaultdict(list)
    for topic in topics:
        found[source_of_topic(topic)].append(topic)
    return found


def _parse(metadata: str | None) -> Heartbeat | None:
    """The heartbeat in the metadata of an offset; None where nobody, or somebody else, committed it."""
    try:
        return Heartbeat.model_validate_json(metadata or "")
    except ValidationError:
        return None
