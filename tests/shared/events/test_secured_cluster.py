"""A Kafka cluster with TLS and SASL, reached by the settings of `.env.example`; wrong ones are named, not endured."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from operations import probes
from operations.errors import NotReady, PermanentFailure
from shared.database import new_id
from shared.errors import Unreachable
from shared.events import topics
from shared.events.catalogue import TherapistUpdated
from shared.events.cluster import Administrator, KafkaReachable
from shared.events.consumer import Consumer
from shared.events.event import TOPICS
from shared.runtime import registry
from shared.runtime.duties import Duty
from shared.runtime.health import ReadinessCheck, readiness
from shared.runtime.kafka_accounts import KafkaAccountSettings, prepare
from shared.runtime.settings import KafkaSettings, read
from shared.runtime.worker import _supervised
from testkit.private_platform import private_settings
from tests.fakes.kafka import PASSWORD, USER, SecuredCluster, secured_cluster
from tests.shared.events.conftest import consuming, until
from tests.shared.events.publishing import RecordingListeners, commit_events, relay

WRONG = [
    ({"KAFKA_SASL_PASSWORD": "another"}, "Authentication failed"),
    ({"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_PASSWORD": "another"}, "Authentication failed"),
    ({"KAFKA_SSL_CA_LOCATION": ""}, "certificate verify failed"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCluster]:
    with secured_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def kafka_settings(patch: pytest.MonkeyPatch, values: dict[str, str]) -> KafkaSettings:
    """The settings as a process reads them from its environment."""
    for name, value in values.items():
        patch.setenv(name, value)
    return read(KafkaSettings)


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_topics_relay_consumer_and_health_work_there(
    cluster: SecuredCluster, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = kafka_settings(monkeypatch, cluster.settings(mechanism))
    probes.kafka_answers(cluster.settings(mechanism), seconds=10)
    assert set(topics.create(settings)) in ({topic.name for topic in TOPICS.values()}, set())
    assert KafkaReachable(settings.kafka_client())()
    subject = new_id()
    recording = RecordingListeners([subject])
    commit_events(subject, 1, 2, 3)
    assert relay(settings.kafka_client()).step() == 3
    with consuming(settings.kafka_client(), recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.copies == [1, 2, 3])


@pytest.mark.usefixtures("committing")
def test_what_the_cluster_refuses_is_trouble_until_it_refuses_no_more(
    cluster: SecuredCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so once and is silent then: a consumer that only waits would look as if it had nothing to do."""
    settings = kafka_settings(monkeypatch, cluster.settings())
    topics.create(settings)
    admin = Administrator(settings.kafka_client())
    refusal = AclBinding(
        ResourceType.TOPIC, TherapistUpdated.topic.name, ResourcePatternType.LITERAL,
        f"User:{USER}", "*", AclOperation.READ, AclPermissionType.DENY,
    )  # fmt: skip
    admin.create_acls([refusal])[refusal].result(10)
    duty, recording, stop = Duty("consumer"), RecordingListeners([new_id()]), threading.Event()

    def consume(stop: threading.Event, duty: Duty) -> None:
        Consumer(
            "test", settings.kafka_client(), recording.listeners, group="g-refused", duty=duty, retry_seconds=12
        ).run(stop)

    thread = _supervised(duty, consume, stop)
    try:
        until(lambda: duty.failures > 0)
        until(lambda: duty.failures > 1)
        assert "TOPIC_AUTHORIZATION_FAILED" in str(duty._problem)
        _delete_rights(admin, ResourceType.TOPIC)
        until(lambda: duty.failures == 0 and duty.problem() is None)
    finally:
        stop.set()
        thread.join(10)


def test_each_service_may_have_an_account_of_its_own_there(cluster: SecuredCluster, tmp_path: Path) -> None:
    settings = private_settings(tmp_path) | cluster.settings() | {"KAFKA_SASL_USERNAME": "", "KAFKA_SASL_PASSWORD": ""}
    settings |= {"KAFKA_ADMIN_USERNAME": USER, "KAFKA_ADMIN_PASSWORD": PASSWORD}
    ours = KafkaAccountSettings.of(settings | {"KAFKA_ADMIN_MECHANISM": "SCRAM-SHA-512"})
    topics.create(ours)
    given, taken = prepare(ours)
    assert (given > 0, taken) == (True, 0)
    try:
        matching = registry.settings_of("matching_service").of(settings).kafka_client()
        assert matching["security.protocol"] == "SASL_SSL"
        until(lambda: error_of_writing(matching, "matching.events") == "")
        assert error_of_writing(matching, "patient.events") == "TOPIC_AUTHORIZATION_FAILED"
    finally:
        _delete_rights(Administrator(ours.kafka_client()), ResourceType.ANY)


def error_of_writing(kafka: dict[str, Any], topic: str) -> str:
    """The name of the error of a message to this topic; empty where the cluster has taken it."""
    producer, refusals = Producer(kafka), []
    producer.produce(topic, key=b"k", value=b"{}", on_delivery=lambda problem, _: refusals.append(problem))
    assert producer.flush(20) == 0
    return refusals[0].name() if refusals[0] is not None else ""


def _delete_rights(admin: Administrator, kind: ResourceType) -> None:
    """The cluster lets everybody do what no right is about."""
    wanted = AclBindingFilter(kind, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
    for future in admin.delete_acls([wanted]).values():
        future.result(10)


@pytest.mark.parametrize(("change", "named"), WRONG)
def test_health_make_up_and_the_topics_step_say_why_the_cluster_does_not_let_us_in(
    cluster: SecuredCluster, change: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = cluster.settings() | change
    settings = kafka_settings(monkeypatch, wrong)
    is_ready, document = readiness([ReadinessCheck("kafka", KafkaReachable(settings.kafka_client()))], {})
    answer: dict[str, Any] = json.loads(document)
    assert (is_ready, answer["checks"]["kafka"]["ok"]) == (False, False)
    with pytest.raises(NotReady) as shown_by_make_up:
        probes.kafka_answers(wrong)
    with pytest.raises(Unreachable) as shown_by_the_step:
        topics.create(settings, wait_seconds=2)
    for text in (answer["checks"]["kafka"]["problem"], str(shown_by_make_up.value), str(shown_by_the_step.value)):
        assert named in text
        assert PASSWORD not in text
        assert "another" not in text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"KAFKA_SSL_CA_LOCATION": "/nowhere/ca.pem"}, "KAFKA_SSL_CA_LOCATION: .*no such file"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL: .*'SASL_SSL'"),
    ],
)
def test_settings_that_no_cluster_could_have_stop_the_process(
    change: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=named):
        kafka_settings(monkeypatch, change)
    known = SecuredCluster("127.0.0.1:1", tmp_path).settings()
    with pytest.raises(PermanentFailure):
        probes.kafka_answers(known | change)
