"""The topics have our settings, whoever made them."""

from __future__ import annotations

from functools import partial

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource
from confluent_kafka.cimpl import NewTopic

from shared.events import topics
from shared.events.event import TOPICS, KafkaTopic
from shared.runtime.settings import KafkaAdministratorSettings
from testkit.private_platform import PrivatePlatform
from tests.shared.events.conftest import until


@pytest.fixture
def empty(spare_broker: PrivatePlatform) -> PrivatePlatform:
    """A broker without our topics, which the test makes again."""
    admin, ours = AdminClient(spare_broker.kafka_client()), {topic.name for topic in TOPICS.values()}
    for deleted in admin.delete_topics(list(ours)).values():
        deleted.result(30)
    until(lambda: ours.isdisjoint(admin.list_topics(timeout=10).topics))
    return spare_broker


def is_configured(admin: AdminClient, topic: KafkaTopic) -> bool:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name)
    try:
        entries = admin.describe_configs([resource])[resource].result(10)
    except KafkaException:  # the broker does not know yet what the controller has made
        return False
    return topic.configuration().items() <= {name: entry.value for name, entry in entries.items()}.items()


def test_a_topic_that_is_there_already_is_given_our_settings(empty: PrivatePlatform) -> None:
    settings = KafkaAdministratorSettings.of(empty.settings)
    admin = AdminClient(settings.kafka_client())
    theirs = NewTopic(
        "therapist.events", 12, 1, config={"message.timestamp.type": "CreateTime", "retention.ms": "1000"}
    )
    admin.create_topics([theirs])[theirs.topic].result(30)
    assert set(topics.create(settings)) == {topic.name for topic in TOPICS.values()} - {theirs.topic}
    for topic in TOPICS.values():
        until(partial(is_configured, admin, topic))
    assert topics.create(settings) == []
