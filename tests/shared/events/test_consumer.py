"""From Kafka to listeners: once, in order, bad ones set aside, outages waited out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.database import new_id, transaction
from shared.database.tables import dead_letter_table, processed_events
from shared.errors import Conflict
from shared.events import dead_letters
from shared.events.catalogue import PublicTherapist, RequestWithdrawn, TherapistUpdated
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import document
from tests.shared.events.conftest import consuming, until
from tests.shared.events.publishing import RecordingListeners, message, publish, withdrawn

pytestmark = pytest.mark.usefixtures("committing")


def dead_letters_of(key: str) -> list[Any]:
    with transaction() as session:
        return list(
            session.execute(select(dead_letter_table).where(dead_letter_table.c.key == key.encode())).mappings()
        )


def test_an_event_that_comes_twice_has_one_effect_and_keeps_its_cause(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    first, second = withdrawn(subject, 1), withdrawn(subject, 2)
    publish(kafka, *map(message, [first, first, second, first]))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.effects == [1, 2])
    assert recording.causes == [first.envelope.correlation_id, second.envelope.correlation_id]
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        last = withdrawn(subject, 3)
        publish(kafka, message(last))
        until(lambda: 3 in recording.effects)
    assert recording.effects == [1, 2, 3]


def test_bytes_that_are_no_event_become_dead_letters_and_the_rest_goes_on(kafka: dict[str, Any]) -> None:
    subject, key = new_id(), str(uuid4())
    recording = RecordingListeners([subject])
    bad: list[Any] = [b"\xff\xfe", b"not json", b"[]", b'{"specversion": "1.0"}', b"", b"null"]
    wrong = document(withdrawn(subject, 9)).replace('"reason":"other"', '"reason":{}')
    publish(
        kafka,
        *(("matching.events", key, value) for value in [*bad, wrong]),
        message(withdrawn(subject, 1)),
    )
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.effects == [1])
        until(lambda: len(dead_letters_of(key)) == len(bad) + 1)
    kept = {bytes(row["value"]) for row in dead_letters_of(key)}
    assert kept == {*bad, wrong.encode()}
    assert all(row["reason"] and row["traceback"] for row in dead_letters_of(key))


def test_an_event_nobody_here_listens_to_is_passed_over(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    unknown = message(withdrawn(subject, 1))[2].replace("matching.request_withdrawn", "matching.from_the_future")
    publish(kafka, ("matching.events", str(subject), unknown), message(withdrawn(subject, 2)))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.effects == [2])
    assert dead_letters_of(str(subject)) == []


def test_a_listener_that_fails_for_one_event_sets_that_one_aside_only(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    recording.failing = {3}
    publish(kafka, *(message(withdrawn(subject, n)) for n in range(1, 6)))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: len(dead_letters_of(str(subject))) == 1 and 5 in recording.effects)
    with transaction() as session:
        assert len(session.scalars(select(processed_events.c.event_id)).all()) >= 4
    (row,) = dead_letters_of(str(subject))
    assert row["reason"] == "ValueError: a listener's mistake"
    assert row["event_type"] == "matching.request_withdrawn"


def test_a_dead_letter_can_be_replayed_once_or_discarded(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    recording.failing = {1, 2}
    publish(kafka, *(message(withdrawn(subject, n)) for n in (1, 2)))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: len(dead_letters_of(str(subject))) == 2)
    recording.failing = {2}
    first, second = sorted(dead_letters_of(str(subject)), key=lambda row: row["offset"])
    with transaction() as session:
        event = dead_letters.replay(session, first["id"], reason="fixed", by=None, now=MONDAY)
        recording.listeners.apply(session, [event], now=MONDAY)
    assert recording.effects[-1] == 1
    with transaction() as session, pytest.raises(Conflict):
        dead_letters.replay(session, first["id"], reason="again", by=None, now=MONDAY)
    with transaction() as session:
        dead_letters.discard(session, second["id"], reason="entered by mistake", by=None, now=MONDAY)
        assert dead_letters.get(session, second["id"])["state"] == "discarded"


def test_an_outage_of_the_database_sets_nothing_aside_and_loses_nothing(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    recording.outage.set()
    publish(kafka, message(withdrawn(subject, 1)))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.tries > 4)
        publish(kafka, message(withdrawn(subject, 2)))
        recording.outage.clear()
        until(lambda: recording.effects == [1, 2])
    assert dead_letters_of(str(subject)) == []


def test_a_stop_during_an_outage_gives_the_events_back(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording, group = RecordingListeners([subject]), f"g-{uuid4()}"
    recording.outage.set()
    publish(kafka, message(withdrawn(subject, 1)))
    with consuming(kafka, recording.listeners, group):
        until(lambda: recording.tries > 1)
    recording.outage.clear()
    with consuming(kafka, recording.listeners, group):
        until(lambda: recording.effects == [1])


def test_several_workers_share_the_work_and_double_nothing(kafka: dict[str, Any]) -> None:
    subjects = [new_id() for _ in range(40)]
    group = f"g-{uuid4()}"
    one, other = RecordingListeners(subjects), RecordingListeners(subjects)
    with consuming(kafka, one.listeners, group):
        publish(kafka, *(message(withdrawn(s, 1)) for s in subjects))
        with consuming(kafka, other.listeners, group):
            publish(kafka, *(message(withdrawn(s, 2)) for s in subjects))
            until(lambda: len(one.effects) + len(other.effects) >= 80)
        publish(kafka, *(message(withdrawn(s, 3)) for s in subjects))
        until(lambda: len(one.effects) + len(other.effects) >= 120)
    assert sorted(one.effects + other.effects) == [1] * 40 + [2] * 40 + [3] * 40


def test_projections_get_a_polls_events_at_once_and_in_order(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    events = [
        happened(TherapistUpdated(therapist=PublicTherapist(id=subject, last_name="X")), subject, sequence=n)
        for n in range(1, 21)
    ]
    publish(kafka, *map(message, events))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: len(recording.copies) >= 20)
    assert recording.copies == list(range(1, 21))


def test_the_database_itself_going_away_is_an_outage(kafka: dict[str, Any]) -> None:
    subject = new_id()
    recording = RecordingListeners([subject])
    cut: list[int] = []

    def cut_once(session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        if event.envelope.subject == subject and not cut:
            cut.append(1)
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    recording.listeners.effects[RequestWithdrawn].insert(0, cut_once)
    publish(kafka, message(withdrawn(subject, 1)))
    with consuming(kafka, recording.listeners, f"g-{uuid4()}"):
        until(lambda: recording.effects == [1])
    assert cut == [1]
    assert dead_letters_of(str(subject)) == []
