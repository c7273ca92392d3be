"""The spine on three brokers: any one may die, and a relay and a consumer at work lose, repeat, reorder no effect.

The brokers sign in to each other, also one that was gone and comes back: with accounts there is more that could fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.database import Session, new_id, transaction
from shared.events.catalogue import PublicTherapist, TherapistUpdated
from shared.events.cluster import Administrator
from shared.events.event import TOPICS
from shared.events.listeners import Listeners
from shared.events.outbox import record_all
from shared.events.relay import Relay
from testkit.private_platform import PrivatePlatform, private_platform
from tests.conftest import MONDAY
from tests.shared.events.conftest import at_work, consuming, until

pytestmark = pytest.mark.usefixtures("committing")

EVENTS = 10


@pytest.fixture(scope="module")
def cluster() -> Iterator[PrivatePlatform]:
    """Three brokers with accounts, each of which holds every event."""
    with private_platform(brokers=3, KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT") as platform:
        platform.up(["kafka", "topics"])
        yield platform


@pytest.fixture
def kafka(cluster: PrivatePlatform) -> dict[str, Any]:
    """The three brokers instead of the one that other tests use."""
    return cluster.kafka_client()


def publish(subjects: list[UUID], sequence: int) -> None:
    """Commit one event of each of these aggregates."""
    events = [
        (subject, sequence, TherapistUpdated(therapist=PublicTherapist(id=subject, last_name="Erfunden")))
        for subject in subjects
    ]
    with transaction() as session:
        record_all(session, events, now=MONDAY)


def names_of_topics(cluster: PrivatePlatform) -> set[str]:
    """What the brokers say that there is, to somebody who has signed in."""
    return set(Administrator(cluster.kafka_client()).list_topics(timeout=10).topics)


def test_any_one_of_three_brokers_may_die_while_events_flow(cluster: PrivatePlatform, kafka: dict[str, Any]) -> None:
    handled: list[tuple[UUID, int]] = []
    listeners = Listeners()

    @listeners.effect(TherapistUpdated)
    def note(session: Session, event: TherapistUpdated, *, now: Any) -> None:
        handled.append((event.envelope.subject, event.envelope.sequence))

    # enough aggregates for every broker to lead some of their partitions
    subjects = [new_id() for _ in range(40)]
    relay = Relay("therapist_service", kafka)
    nodes = [part.name for part in cluster.process_specs if part.name.startswith("kafka")]
    assert len(nodes) == 3
    with at_work(relay.run), consuming(kafka, listeners, f"cluster-{new_id()}"):
        for turn, node in enumerate(nodes):
            if turn:
                # never two at once: the one before is back and has copied what it missed
                cluster.process(nodes[turn - 1]).start()
                assert names_of_topics(cluster) >= {topic.name for topic in TOPICS.values()}
            cluster.process(node).kill()
            for step in range(EVENTS):
                publish(subjects, turn * EVENTS + step + 1)
            expected = len(subjects) * EVENTS * (turn + 1)
            until(lambda expected=expected: len(handled) >= expected)  # type: ignore[misc]
    for subject in subjects:
        assert [sequence for who, sequence in handled if who == subject] == [*range(1, 3 * EVENTS + 1)]
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM dead_letters")) == 0
