"""Jobs that act on what other services said wait until it is handled: by the whole group, and as the relays report."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from shared.database import database_clock, new_id
from shared.errors import Unreachable
from shared.events.freshness import Freshness, Sample, Samples
from shared.events.heartbeats import Heartbeat, Heartbeats, group_of
from shared.events.relay import Relay
from shared.runtime.jobs import Job, run_once
from testkit.private_platform import PrivatePlatform
from tests.shared.events.conftest import at_work, consuming, until
from tests.shared.events.publishing import RecordingListeners, commit_events, message, publish, relay, withdrawn

pytestmark = pytest.mark.usefixtures("committing")

TOPIC = "matching.events"
LIMIT = 3.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def sample(ends: Sequence[int] = (), **seconds_ago: float | None) -> Sample:
    """A sample with these ends, taken at 100 s of the monotonic clock."""
    ago = {"published": 0.0, "handled": 0.0} | seconds_ago
    published, handled = (NOON - timedelta(seconds=each) if each is not None else None for each in ago.values())
    assert published is not None
    return Sample(100.0, NOON, published, handled, {(TOPIC, number): end for number, end in enumerate(ends)})


STEPS = st.lists(st.tuples(st.sampled_from(["publish", "handle", "sample", "compare"]), st.integers(0, 2)), max_size=80)


@given(STEPS)
def test_a_reached_sample_holds_nothing_that_is_unhandled_and_the_newest_one_is_reached(
    steps: list[tuple[str, int]],
) -> None:
    """Three partitions into which somebody publishes and which somebody else handles, in any order."""
    samples, ends, handled, newest = Samples(), [0, 0, 0], [0, 0, 0], None

    def compare() -> None:
        samples.compare({(TOPIC, number): position for number, position in enumerate(handled)})
        for (_, number), end in samples.reached.ends.items() if samples.reached else ():
            assert handled[number] >= end

    for step, number in steps:
        if step == "publish":
            ends[number] += 1
        elif step == "handle":
            handled[number] = min(handled[number] + 1, ends[number])
        elif step == "sample":
            newest = sample(ends)
            samples.add(newest)
        else:
            compare()
    handled = list(ends)
    compare()
    assert samples.reached is newest


@pytest.mark.parametrize(
    ("published", "handled", "age"),
    [(0.0, 0.0, 1.0), (2.0, 0.0, 3.0), (0.0, 2.0, 3.0), (2.0, 4.0, 5.0), (0.0, None, inf), (-60.0, -60.0, 1.0)],
)
def test_a_reached_sample_is_as_old_as_the_source_that_is_furthest_behind(
    published: float, handled: float | None, age: float
) -> None:
    """A heartbeat from the future counts as one from now."""
    assert sample(published=published, handled=handled).age(101.0) == age


@pytest.fixture
def own_kafka(spare_broker: PrivatePlatform) -> dict[str, Any]:
    """The broker where nobody else writes heartbeats."""
    return spare_broker.kafka_client()


@pytest.fixture
def group() -> str:
    """A group that nobody has seen."""
    return f"g-{uuid4()}"


def beat(kafka: dict[str, Any], *, published: float = 0, handled: float | None = 0) -> Heartbeat:
    """A heartbeat of matching, which has come as far as so many seconds ago, once Kafka has it."""
    now = database_clock()
    heartbeat = Heartbeat(
        published_until=now - timedelta(seconds=published),
        handled_until=None if handled is None else now - timedelta(seconds=handled),
    )
    heartbeats = Heartbeats(kafka)

    def is_there() -> bool:
        heartbeats.write([TOPIC], heartbeat)
        with suppress(KafkaException):  # the coordinator of a group that is new
            return heartbeats.read([TOPIC], wait_seconds=5).get(TOPIC) == heartbeat
        return False

    until(is_there)
    return heartbeat


def fresh(kafka: dict[str, Any], group: str, topics: Sequence[str] = (TOPIC,)) -> Freshness:
    return Freshness(kafka, group, topics, limit_seconds=LIMIT)


def becomes_current(kafka: dict[str, Any], freshness: Freshness) -> None:
    """Wait until the events are current, while matching goes on reporting."""

    def is_so() -> bool:
        beat(kafka)
        freshness.measure()
        return freshness.is_current()

    until(is_so)


def is_stale(kafka: dict[str, Any], freshness: Freshness, times: int = 4) -> bool:
    """Whether the events are not current, however often that is measured."""
    for _ in range(times):
        beat(kafka)
        until(lambda: measures(freshness))
        if freshness.is_current():
            return False
    return True


def measures(freshness: Freshness) -> bool:
    """Measure; whether Kafka answered, which it does not while a new topic has no leader."""
    freshness.measure()
    return freshness.is_current() or "does not answer" not in problem(freshness)


def problem(freshness: Freshness) -> str:
    """Why jobs wait."""
    with pytest.raises(Unreachable) as raised:
        freshness.check()
    return raised.value.message


def test_nothing_is_current_before_the_first_measurement(own_kafka: dict[str, Any], group: str) -> None:
    assert not fresh(own_kafka, group).is_current()


def test_events_that_wait_when_a_worker_starts_are_handled_first(own_kafka: dict[str, Any], group: str) -> None:
    subjects = [new_id() for _ in range(30)]
    publish(own_kafka, *(message(withdrawn(subject, 1)) for subject in subjects))
    recording, freshness = RecordingListeners(subjects), fresh(own_kafka, group)
    assert is_stale(own_kafka, freshness)
    assert "offsets are unread here" in problem(freshness)
    with consuming(own_kafka, recording.listeners, group):
        becomes_current(own_kafka, freshness)
        assert sum(recording.effects) == len(subjects)
    assert freshness.check()


def test_markers_and_aborted_transactions_do_not_look_unhandled(own_kafka: dict[str, Any], group: str) -> None:
    freshness = fresh(own_kafka, group)
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, freshness)
        transaction = begin_transaction(own_kafka)
        transaction.abort_transaction(20)
        becomes_current(own_kafka, fresh(own_kafka, group))


def test_committed_events_behind_an_open_transaction_are_not_handled(own_kafka: dict[str, Any], group: str) -> None:
    """The end that readers of committed messages see lies before the open transaction, and hides what follows."""
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, fresh(own_kafka, group))
        transaction = begin_transaction(own_kafka)
        publish(own_kafka, *(message(withdrawn(new_id(), 1)) for _ in range(40)))
        assert is_stale(own_kafka, fresh(own_kafka, group))
        transaction.abort_transaction(20)
        becomes_current(own_kafka, fresh(own_kafka, group))


def begin_transaction(kafka: dict[str, Any]) -> Producer:
    """A transaction of somebody else with one message in it."""
    stranger = Producer({**kafka, "transactional.id": f"stranger-{uuid4()}"})
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(TOPIC, key="k", value=b"{}", partition=0)
    assert stranger.flush(10) == 0
    return stranger


def test_samples_are_reached_under_constant_traffic(own_kafka: dict[str, Any], group: str) -> None:
    """There is always something unread then; only what was there at an earlier instant is certainly handled."""
    producer = Producer(own_kafka)

    def flood(stop: threading.Event) -> None:
        while not stop.wait(0.005):
            topic, key, value = message(withdrawn(new_id(), 1))
            producer.produce(topic, key=key, value=value)
            producer.poll(0)

    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, fresh(own_kafka, group))
        with at_work(flood):
            for _ in range(5):
                becomes_current(own_kafka, fresh(own_kafka, group))
    assert producer.flush(10) == 0


def test_what_retention_has_removed_need_not_be_handled(own_kafka: dict[str, Any], group: str) -> None:
    publish(own_kafka, message(withdrawn(new_id(), 1)))
    freshness = fresh(own_kafka, group)
    assert is_stale(own_kafka, freshness)
    everything = [TopicPartition(TOPIC, number, -1) for number in range(12)]
    admin = AdminClient(own_kafka)  # a client that is not kept never answers
    for future in admin.delete_records(everything).values():
        future.result(20)
    becomes_current(own_kafka, freshness)


def test_a_source_that_stops_reporting_is_not_current(own_kafka: dict[str, Any], group: str) -> None:
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        freshness = fresh(own_kafka, group)
        becomes_current(own_kafka, freshness)

        def has_run_out() -> bool:
            freshness.measure()
            return not freshness.is_current()

        until(has_run_out, 2 * LIMIT)
        with pytest.raises(Unreachable, match=f"the relay of {TOPIC} reported"):
            freshness.check()
        becomes_current(own_kafka, freshness)


@pytest.mark.parametrize(("published", "handled"), [(10, 0), (0, 10), (0, None)])
def test_a_source_that_is_behind_itself_is_not_current(
    own_kafka: dict[str, Any], group: str, published: float, handled: float | None
) -> None:
    """The end of a mandate reaches the e-mails by way of matching, which may not have handled it."""
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, fresh(own_kafka, group))
        freshness = fresh(own_kafka, group)
        for _ in range(4):
            heartbeat = beat(own_kafka, published=published, handled=handled)
            freshness.measure()
            assert not freshness.is_current()
        # how far the source has come with others' events is not ours to pass on: services listen in a circle
        assert freshness.handled_until() == heartbeat.published_until or published == 0


def test_a_topic_of_which_no_relay_has_reported_is_not_current(own_kafka: dict[str, Any], group: str) -> None:
    freshness = fresh(own_kafka, group, ["therapist.events"])
    freshness.measure()
    with pytest.raises(Unreachable, match=r"no relay has reported for therapist\.events"):
        freshness.check()


def test_a_service_that_listens_to_nobody_is_always_current(own_kafka: dict[str, Any], group: str) -> None:
    freshness = fresh(own_kafka, group, [])
    freshness.measure()
    assert freshness.check()
    assert freshness.handled_until() is not None


def test_only_jobs_that_need_current_events_wait(own_kafka: dict[str, Any], group: str) -> None:
    freshness, runs = fresh(own_kafka, group), []

    def job(name: str, *, needs_current_events: bool) -> Job:
        def run(_: datetime) -> int:
            runs.append(name)
            return 1

        return freshness.guard(Job(name, timedelta(seconds=1), run, needs_current_events=needs_current_events))

    jobs = [job("send", needs_current_events=True), job("doubts", needs_current_events=False)]
    assert [run_once(each, now=NOON) for each in jobs] == [0, 1]
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, freshness)
    assert [run_once(each, now=NOON) for each in jobs] == [1, 1]
    assert runs == ["doubts", "send", "doubts"]


def test_without_kafka_nothing_is_current_and_afterwards_it_is_again(
    spare_broker: PrivatePlatform, own_kafka: dict[str, Any], group: str
) -> None:
    broker, freshness = spare_broker.process("kafka"), fresh(own_kafka, group)
    with consuming(own_kafka, RecordingListeners([]).listeners, group):
        becomes_current(own_kafka, freshness)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        freshness.measure()
        with pytest.raises(Unreachable, match="Kafka does not answer"):
            freshness.check()
        assert REGISTRY.get_sample_value("platform_events_behind_seconds") == inf
        freshness.measure()
        broker.start()
        becomes_current(own_kafka, freshness)


# What relays report


def reported(kafka: dict[str, Any]) -> Heartbeat | None:
    """The newest heartbeat of the therapist service."""
    return Heartbeats(kafka).read(["therapist.events"], wait_seconds=10).get("therapist.events")


def test_a_relay_reports_for_all_topics_of_its_service(kafka: dict[str, Any]) -> None:
    before, subject, handled_until = database_clock(), new_id(), NOON
    commit_events(subject, 1, 2)
    with at_work(relay(kafka, handled_until=lambda: handled_until).run):
        until(lambda: (found := reported(kafka)) is not None and found.published_until > before)
    of_imports = Heartbeats(kafka).read(["import.events"], wait_seconds=10)["import.events"]
    assert of_imports == reported(kafka)
    assert of_imports.handled_until == handled_until


def test_a_relay_says_nothing_that_is_not_published(kafka: dict[str, Any]) -> None:
    class Failing(Relay):
        def _publish(self, rows: list[Any]) -> None:
            raise RuntimeError("killed here")

    before = database_clock()
    with at_work(relay(kafka).run):
        until(lambda: (found := reported(kafka)) is not None and found.published_until > before)
    committed_at = database_clock()
    commit_events(new_id(), 1, 2, 3)
    with pytest.raises(RuntimeError):
        Failing("therapist_service", kafka, lease_seconds=0.1).step()
    first = relay(kafka, batch_size=2, lease_seconds=0.1)
    until(lambda: first.step() == 2)
    assert (found := reported(kafka)) is not None
    assert found.published_until < committed_at  # the third event waits
    first.step()
    until(lambda: (found := reported(kafka)) is not None and found.published_until > committed_at)


def test_a_relay_that_stops_without_kafka_does_not_wait_for_its_last_report() -> None:
    heartbeats = Heartbeats({"bootstrap.servers": "127.0.0.1:1"})
    for _ in range(10):
        heartbeats.write([TOPIC], Heartbeat(published_until=NOON))
    began = time.monotonic()
    del heartbeats
    assert time.monotonic() - began < 5


def test_what_somebody_else_committed_is_no_heartbeat(own_kafka: dict[str, Any]) -> None:
    stranger = KafkaConsumer({**own_kafka, "group.id": group_of("patient_service")})
    for metadata in ("", "{}", "not JSON", '{"published_until": "2026-01-01T00:00:00"}'):
        stranger.commit(offsets=[TopicPartition("patient.events", 0, 0, metadata=metadata)], asynchronous=False)
        assert Heartbeats(own_kafka).read(["patient.events"], wait_seconds=10) == {}
