"""What a service may do at Kafka follows from what it declares."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from shared.events.event import TOPICS, transactional_id
from shared.events.heartbeats import group_of
from shared.events.rights import Right, rights_of
from shared.runtime import registry
from shared.runtime.kafka_accounts import KafkaAccountSettings, handled_topics
from tests.architecture.sources import SERVICES

HANDLED = handled_topics()
SOURCES = {topic.name: topic.source for topic in TOPICS.values()}


def names_of(rights: set[Right], kind: ResourceType, operation: AclOperation) -> set[str]:
    return {name for its_kind, name, _, its_operation in rights if (its_kind, its_operation) == (kind, operation)}


@pytest.mark.parametrize("service", SERVICES)
def test_the_rights_are_what_the_service_declares(service: str) -> None:
    rights = rights_of(service, HANDLED[service])
    own = {topic for topic, source in SOURCES.items() if source == service}
    handled = set(registry.load(service).listeners.topics())
    assert names_of(rights, ResourceType.TOPIC, AclOperation.WRITE) == own
    assert names_of(rights, ResourceType.TOPIC, AclOperation.READ) == own | handled
    assert names_of(rights, ResourceType.TRANSACTIONAL_ID, AclOperation.WRITE) == {transactional_id(service)}
    assert names_of(rights, ResourceType.GROUP, AclOperation.READ) == {service, f"{service}-"}
    listened_to = {group_of(SOURCES[topic]) for topic in handled}
    assert names_of(rights, ResourceType.GROUP, AclOperation.DESCRIBE) == listened_to
    assert not {other for other in SERVICES if other != service and other.startswith(f"{service}-")}


def test_a_new_service_and_a_new_listener_are_on_no_list() -> None:
    assert HANDLED.keys() == set(SERVICES)
    declared = KafkaAccountSettings.model_fields
    assert {f"{service}_kafka_password" for service in SERVICES} <= declared.keys()
