"""What a group has not read is counted, and a partition that stands still is found, whatever keeps it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import Producer
from confluent_kafka.admin import ResourceType
from prometheus_client import REGISTRY

from shared.database import new_id
from shared.errors import Unreachable
from shared.events.lag import Lag
from shared.events.rights import KafkaRights
from testkit.private_platform import PrivatePlatform
from tests.shared.events.conftest import consuming, until
from tests.shared.events.publishing import RecordingListeners, message, publish, withdrawn

pytestmark = pytest.mark.usefixtures("committing")

TOPIC = "matching.events"
PATIENCE = 2.0


@pytest.fixture
def own_kafka(spare_broker: PrivatePlatform) -> dict[str, Any]:
    """The broker that others do not use: an open transaction holds back every reader of its topic."""
    return spare_broker.kafka_client()


def lag_of(kafka: dict[str, Any], group: str) -> Lag:
    return Lag(kafka, group, [TOPIC], stuck_after=PATIENCE)


def waiting(lag: Lag) -> float:
    with suppress(Unreachable):  # a topic that has just been made has no leader yet
        lag.measure()
    return REGISTRY.get_sample_value("platform_consumer_lag") or 0.0


def problem(lag: Lag) -> str:
    """Why the lag's partitions do not move; empty where they do."""
    lag.measure()
    try:
        lag.check_progress()
    except Unreachable as found:
        return found.message
    return ""


@contextmanager
def open_transaction(kafka: dict[str, Any]) -> Iterator[Producer]:
    """A transaction of somebody else with one message in it, broken off at the end."""
    stranger = Producer({**kafka, "transactional.id": f"stranger-{uuid4()}"})
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(TOPIC, key="k", value=b"{}", partition=0)
    assert stranger.flush(10) == 0
    yield stranger
    stranger.abort_transaction(20)


def test_markers_and_broken_off_transactions_do_not_look_unread(own_kafka: dict[str, Any]) -> None:
    subject, group = new_id(), f"g-{uuid4()}"
    recording, lag = RecordingListeners([subject]), lag_of(own_kafka, group)
    publish(own_kafka, message(withdrawn(subject, 1)))
    with open_transaction(own_kafka):
        pass
    until(lambda: waiting(lag) >= 2)
    with consuming(own_kafka, recording.listeners, group):
        until(lambda: recording.effects == [1] and waiting(lag) == 0)
        with open_transaction(own_kafka):
            pass
        until(lambda: waiting(lag) == 0)
    assert problem(lag) == ""


def test_a_transaction_that_is_left_open_is_named_and_forgotten_when_it_ends(own_kafka: dict[str, Any]) -> None:
    group = f"g-{uuid4()}"
    recording, lag = RecordingListeners([new_id()]), lag_of(own_kafka, group)
    with consuming(own_kafka, recording.listeners, group):
        until(lambda: waiting(lag) == 0)
        with open_transaction(own_kafka):
            until(lambda: "an open transaction blocks the rest" in problem(lag))
            assert f"{TOPIC} 0: nothing read for" in problem(lag)
            assert REGISTRY.get_sample_value("platform_consumer_stalled_seconds", {}) >= PATIENCE  # type: ignore[operator]
        until(lambda: problem(lag) == "")
        assert REGISTRY.get_sample_value("platform_consumer_stalled_seconds") == 0


def test_a_member_of_the_group_that_reads_nothing_is_found(own_kafka: dict[str, Any]) -> None:
    subjects, group = [new_id() for _ in range(40)], f"g-{uuid4()}"
    recording, lag = RecordingListeners(subjects), lag_of(own_kafka, group)
    stranger = KafkaConsumer(
        {**own_kafka, "group.id": group, "group.protocol": "consumer", "enable.auto.commit": False,
         "auto.offset.reset": "earliest"}
    )  # fmt: skip
    with consuming(own_kafka, recording.listeners, group):
        until(lambda: waiting(lag) == 0)
        stranger.subscribe([TOPIC])

        def stays() -> bool:
            stranger.poll(0.1)
            return bool(stranger.assignment())

        until(stays)
        publish(own_kafka, *(message(withdrawn(subject, 1)) for subject in subjects))

        def is_found() -> bool:
            with suppress(RuntimeError):
                stranger.poll(0)
            return "or another program in the group has it" in problem(lag)

        until(is_found)
        stranger.close()
        until(lambda: sum(recording.effects) == len(subjects) and problem(lag) == "")


def test_a_group_that_nobody_has_seen_and_a_kafka_that_is_away(own_kafka: dict[str, Any]) -> None:
    publish(own_kafka, message(withdrawn(new_id(), 1)))
    lag = lag_of(own_kafka, f"g-{uuid4()}")
    until(lambda: waiting(lag) >= 1)
    with pytest.raises(Unreachable):
        lag_of({"bootstrap.servers": "127.0.0.1:1"}, "g").measure()


def test_a_kafka_that_was_killed_and_is_back_is_measured_again(
    spare_broker: PrivatePlatform, own_kafka: dict[str, Any]
) -> None:
    """The clients' own state must not outlive an outage: AdminClient's questions never worked again."""
    publish(own_kafka, message(withdrawn(new_id(), 1)))
    lag = lag_of(own_kafka, f"g-{uuid4()}")
    until(lambda: waiting(lag) >= 1)
    broker = spare_broker.process("kafka")
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(Unreachable):
            lag.measure()
    broker.start()
    until(lambda: measures(lag))


def measures(lag: Lag) -> bool:
    with suppress(Unreachable):
        lag.measure()
        return True
    return False


def test_rights_are_asked_for_after_an_outage_too(spare_broker: PrivatePlatform, own_kafka: dict[str, Any]) -> None:
    """A client that had seen one got no answer any more: each check took two seconds, and found nothing."""
    check, broker = KafkaRights(own_kafka, "matching_service", [TOPIC]), spare_broker.process("kafka")
    assert check()
    broker.stop()
    time.sleep(2)
    broker.start()
    until(lambda: all(check._operations(kind) for kind in (ResourceType.TOPIC, ResourceType.GROUP)))
    assert check()
