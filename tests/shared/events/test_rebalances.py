"""Workers that come, go or are slow: every event has its effect once, and nobody stays out of the group."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import RequestWithdrawn, TherapistUpdated
from shared.events.consumer import Consumer
from tests.shared.events.conftest import at_work, consuming, until
from tests.shared.events.publishing import RecordingListeners, message, publish, withdrawn

pytestmark = pytest.mark.usefixtures("committing")

SUBJECTS_FOR_ALL_PARTITIONS = 60


class Member(RecordingListeners):
    """A worker of a group; it listens to one topic, so that every partition is one of its."""

    def __init__(self, mine: Sequence[UUID]) -> None:
        super().__init__(mine)
        del self.listeners.projections[TherapistUpdated]


class SlowOnce(Member):
    """Takes its time for one event of one aggregate."""

    def __init__(self, mine: Sequence[UUID], *, seconds: float) -> None:
        super().__init__(mine)
        self.began = threading.Event()
        self.seconds = seconds

    def effect(self, session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        if event.envelope.subject == self.first and not self.began.is_set():
            self.began.set()
            time.sleep(self.seconds)
        super().effect(session, event, now=now)

    @property
    def first(self) -> UUID:
        return min(self.mine)


def publish_all(kafka: dict[str, Any], subjects: Sequence[UUID], sequence: int) -> None:
    publish(kafka, *(message(withdrawn(subject, sequence)) for subject in subjects))


@pytest.mark.parametrize("recovers", ["before the other leaves", "after the other left"])
def test_partitions_that_come_back_after_an_outage_do_not_stand_still(kafka: dict[str, Any], recovers: str) -> None:
    subjects, group = [new_id() for _ in range(SUBJECTS_FOR_ALL_PARTITIONS)], f"g-{uuid4()}"
    one, other = Member(subjects), Member(subjects)
    one.outage.set()
    publish_all(kafka, subjects, 1)
    with consuming(kafka, one.listeners, group):
        until(lambda: one.tries > 2)
        with consuming(kafka, other.listeners, group):
            # some of the partitions that `one` has paused went over
            until(lambda: len(other.effects) > 0)
            publish_all(kafka, subjects, 2)
            if recovers == "before the other leaves":
                one.outage.clear()
                until(lambda: len(one.effects + other.effects) >= 2 * len(subjects))
        publish_all(kafka, subjects, 3)
        one.outage.clear()
        until(lambda: len(one.effects + other.effects) >= 3 * len(subjects))
    assert sorted(one.effects + other.effects) == sorted([1, 2, 3] * len(subjects))


def test_a_listener_slower_than_the_session_keeps_its_partitions(kafka: dict[str, Any]) -> None:
    subjects, group = [new_id() for _ in range(SUBJECTS_FOR_ALL_PARTITIONS)], f"g-{uuid4()}"
    # the test's broker gives up a silent member after 5 s
    one, other = SlowOnce(subjects, seconds=6.5), Member(subjects)
    with consuming(kafka, one.listeners, group):
        publish_all(kafka, subjects, 1)
        assert one.began.wait(150)
        with consuming(kafka, other.listeners, group):
            until(lambda: one.effects != [])
            assert other.effects == []
            publish_all(kafka, subjects, 2)
            until(lambda: len(one.effects + other.effects) >= 2 * len(subjects))
    assert sorted(one.effects + other.effects) == sorted([1, 2] * len(subjects))


def test_a_listener_slower_than_the_poll_interval_loses_its_partitions_and_comes_back(kafka: dict[str, Any]) -> None:
    subjects, group = [new_id() for _ in range(SUBJECTS_FOR_ALL_PARTITIONS)], f"g-{uuid4()}"
    one, other = SlowOnce(subjects, seconds=4), Member(subjects)
    # a small batch: what other tests have left on the topic takes no longer than the interval
    slow = Consumer("therapist_service", kafka, one.listeners, batch_size=3, group=group)
    slow.configuration["max.poll.interval.ms"] = 1500
    with at_work(slow.run):
        publish_all(kafka, subjects, 1)
        assert one.began.wait(150)
        with consuming(kafka, other.listeners, group):
            # what is in the slow one's hands waits for its transaction; everything else is the other's
            publish_all(kafka, subjects, 2)
            until(lambda: len(one.effects + other.effects) >= 2 * len(subjects))
        publish_all(kafka, subjects, 3)
        until(lambda: len(one.effects + other.effects) >= 3 * len(subjects))
    assert sorted(one.effects + other.effects) == sorted([1, 2, 3] * len(subjects))


def test_workers_that_come_and_go_in_the_midst_of_their_work_lose_and_double_nothing(kafka: dict[str, Any]) -> None:
    subjects, group = [new_id() for _ in range(SUBJECTS_FOR_ALL_PARTITIONS)], f"g-{uuid4()}"
    members = [Member(subjects) for _ in range(3)]
    rounds = 6

    def effects() -> list[int]:
        return [sequence for member in members for sequence in member.effects]

    with consuming(kafka, members[0].listeners, group):
        for number in range(rounds):
            publish_all(kafka, subjects, number + 1)
            # a small batch: the group changes between the batches of one round
            guest = Consumer("therapist_service", kafka, members[1 + number % 2].listeners, batch_size=3, group=group)
            with at_work(guest.run):
                before = number * len(subjects)
                until(lambda before=before: len(effects()) > before)  # type: ignore[misc]
        until(lambda: len(effects()) >= rounds * len(subjects))
    assert sorted(effects()) == sorted(list(range(1, rounds + 1)) * len(subjects))
