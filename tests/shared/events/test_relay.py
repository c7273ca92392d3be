"""From outbox to Kafka: in order, nothing lost, nobody beside the holder of the lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy import select, text

from shared.database import new_id, transaction
from shared.database.tables import outbox, relay_lease
from shared.events.event import EventEnvelope
from shared.events.outbox import waiting
from shared.events.relay import LeaseLost, Relay
from tests.shared.events.conftest import at_work, until
from tests.shared.events.publishing import commit_events, relay

pytestmark = pytest.mark.usefixtures("committing")

Log = Callable[[str, Any], list[EventEnvelope]]


def test_events_arrive_in_order_and_are_marked(kafka: dict[str, Any], log: Log) -> None:
    subject = new_id()
    commit_events(subject, 1, 2, 3)
    assert relay(kafka).step() == 3
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 2, 3]
    with transaction() as session:
        assert waiting(session) == 0
        assert session.scalars(select(outbox.c.published_at).where(outbox.c.key == subject)).all().count(None) == 0


def test_a_crash_between_publishing_and_marking_repeats_and_loses_nothing(kafka: dict[str, Any], log: Log) -> None:
    class Crashing(Relay):
        def _mark(self, positions: list[int]) -> None:
            raise RuntimeError("killed here")

    subject = new_id()
    commit_events(subject, 1, 2)
    with pytest.raises(RuntimeError):
        Crashing("therapist_service", kafka, lease_seconds=0.1).step()
    commit_events(subject, 3)
    time.sleep(0.2)
    assert relay(kafka).step() == 3
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 2, 1, 2, 3]


def test_a_second_relay_stands_by_and_takes_over_when_the_lease_runs_out(kafka: dict[str, Any], log: Log) -> None:
    first, second = relay(kafka, lease_seconds=1), relay(kafka, lease_seconds=1)
    subject = new_id()
    commit_events(subject, 1)
    assert (first.step(), second.step()) == (1, 0)
    commit_events(subject, 2)
    assert second.step() == 0
    time.sleep(1.1)
    assert second.step() == 2
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 1, 2]


def test_what_was_published_last_is_sent_again_after_a_trouble(kafka: dict[str, Any], log: Log) -> None:
    """A broker acknowledges from memory, and may lose what it has acknowledged."""

    class Troubled(Relay):
        def _publish(self, rows: Any) -> None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    subject, other = new_id(), new_id()
    commit_events(other, 1)
    commit_events(subject, 1)
    relay(kafka).step()
    with transaction() as session:
        session.execute(
            text("UPDATE outbox SET published_at = published_at - interval '61 seconds' WHERE key = :key"),
            {"key": other},
        )
        session.execute(text("UPDATE relay_lease SET expires_at = '-infinity'"))
    commit_events(subject, 2)
    troubled = Troubled("therapist_service", kafka)
    for _ in range(3):  # a trouble that lasts reaches no further back
        with pytest.raises(KafkaException):
            troubled.step()
        troubled._drop_producer()
    successor = relay(kafka)
    until(lambda: successor.step() == 2)
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 1, 2]
    assert [e.sequence for e in log("therapist.events", other)] == [1]


def test_an_orderly_handover_sends_nothing_again(kafka: dict[str, Any], log: Log) -> None:
    subject = new_id()
    commit_events(subject, 1)
    with at_work(relay(kafka).run):
        until(lambda: [e.sequence for e in log("therapist.events", subject)] == [1])
    commit_events(subject, 2)
    assert relay(kafka).step() == 1
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 2]


def test_the_loss_of_all_brokers_is_a_trouble_and_that_of_one_is_none(kafka: dict[str, Any]) -> None:
    subject = new_id()
    commit_events(subject, 1)
    publishing = relay(kafka)
    assert (publishing.step(), publishing.step()) == (1, 0)
    publishing._note_error(KafkaError(KafkaError._TRANSPORT))
    assert publishing.step() == 0
    publishing._note_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert (publishing.step(), publishing.step()) == (1, 0)


def test_a_relay_that_does_not_know_it_lost_the_lease_is_fenced(kafka: dict[str, Any], log: Log) -> None:
    class Unaware(Relay):
        """Froze after it had read its rows, and goes on publishing them long afterwards."""

        def _publish(self, rows: Any) -> None:
            with transaction() as session:
                session.execute(text("UPDATE relay_lease SET expires_at = '-infinity'"))
            assert successor.step() == len(rows)
            super()._publish(rows)

    successor = relay(kafka)
    subject = new_id()
    commit_events(subject, 1, 2)
    with pytest.raises(KafkaException):
        Unaware("therapist_service", kafka).step()
    assert [e.sequence for e in log("therapist.events", subject)] == [1, 2]


def test_a_relay_whose_lease_was_taken_learns_it_before_it_reads(kafka: dict[str, Any]) -> None:
    former = relay(kafka, lease_seconds=0.3)
    former.step()
    time.sleep(0.4)
    relay(kafka).step()
    with pytest.raises(LeaseLost):
        former.step()


def test_a_relay_without_kafka_keeps_the_events_and_sends_them_later(kafka: dict[str, Any], log: Log) -> None:
    subject = new_id()
    commit_events(subject, 1)
    nobody = Relay("therapist_service", {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, lease_seconds=1)
    nobody.producer_timeout = 1
    with at_work(nobody.run):
        time.sleep(2.5)
    with transaction() as session:
        assert waiting(session) == 1
    time.sleep(1)
    with at_work(relay(kafka).run):
        until(lambda: [e.sequence for e in log("therapist.events", subject)] == [1])


def test_the_lease_is_given_back_at_the_end(kafka: dict[str, Any]) -> None:
    with at_work(relay(kafka, lease_seconds=60).run):
        until(lambda: _holders() == 1)
    assert relay(kafka)._take_lease()


def _holders() -> int:
    with transaction() as session:
        return len(session.scalars(select(relay_lease.c.holder)).all())
