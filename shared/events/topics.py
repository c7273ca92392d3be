"""Creates the topics of the platform: `python -m shared.events.topics create`.

Topics that exist already get our settings: somebody else, or an earlier version, may have created them with others.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic
from tenacity import stop_after_delay

from shared.errors import Outage, Unreachable
from shared.events.cluster import Administrator
from shared.events.event import PARTITIONS, TOPICS, KafkaTopic
from shared.runtime.retries import retrying
from shared.runtime.settings import KafkaAdministratorSettings, KafkaSettings, read
from shared.runtime.terminal import print_line


def create(settings: KafkaSettings, *, wait_seconds: float = 30) -> list[str]:
    """Create the missing topics and return their names; existing topics get our settings.

    Raises `Unreachable` when Kafka does not answer, or does not allow it.
    """
    admin = Administrator(settings.kafka_client())
    created = []
    futures = admin.create_topics(_wanted(settings), operation_timeout=wait_seconds, request_timeout=wait_seconds)
    for name, future in futures.items():
        try:
            future.result()
            created.append(name)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Outage("kafka.unreachable", admin.reason_for(problem)) from problem
    _configure(admin, settings, [topic for topic in TOPICS.values() if topic.name not in created], wait_seconds)
    return created


def _configure(
    admin: Administrator, settings: KafkaSettings, topics: Sequence[KafkaTopic], wait_seconds: float
) -> None:
    resources = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in _configuration(topic, settings).items()
            ],
        )
        for topic in topics
    ]
    if not resources:
        return
    for future in admin.incremental_alter_configs(resources, request_timeout=wait_seconds).values():
        try:
            future.result()
        except KafkaException as problem:
            raise Outage("kafka.unreachable", admin.reason_for(problem)) from problem


def _wanted(settings: KafkaSettings) -> list[NewTopic]:
    return [
        NewTopic(
            topic.name,
            num_partitions=PARTITIONS,
            replication_factor=settings.kafka_replication_factor,
            config=_configuration(topic, settings),
        )
        for topic in TOPICS.values()
    ]


def _configuration(topic: KafkaTopic, settings: KafkaSettings) -> dict[str, str]:
    replicas = {"min.insync.replicas": str(settings.kafka_min_insync_replicas)}
    return topic.configuration(compaction_lag_hours=settings.kafka_compaction_lag_hours) | replicas


@click.group()
def commands() -> None:
    """The topics of the platform."""


@commands.command("create")
def _create() -> None:
    """Create the topics that are missing.

    Topics that exist already get our settings.
    """
    patiently = retrying(lambda problem: isinstance(problem, Unreachable), stop=stop_after_delay(60))
    try:
        created = patiently(create, read(KafkaAdministratorSettings))
    except Unreachable as problem:
        sys.exit(f"Kafka does not answer: {problem.message}")
    print_line("\n".join(f"created {name}" for name in created) or "all topics exist")


if __name__ == "__main__":
    commands(prog_name="python -m shared.events.topics")
