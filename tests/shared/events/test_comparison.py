"""What `republish --check` finds: the states that whoever reads all of Kafka would hold, beside what is known here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Producer
from sqlalchemy.orm import Session

from matching_service.domain import publishing
from shared.database import new_id
from shared.events.catalogue import RequestUnknown, TherapistUpdated
from shared.events.comparison import Discrepancy, find_discrepancies
from shared.events.event import CATALOGUE, Event, StateEvent
from shared.events.republish import Snapshots

THERAPISTS = TherapistUpdated.topic
BOGUS = 1_000_000
pytestmark = pytest.mark.usefixtures("committing")


def say(
    kafka: dict[str, Any],
    id: UUID,
    sequence: int,
    *,
    after: int,
    republished: bool = False,
    kind: str = "therapist.updated",
    data: dict[str, Any] | None = None,
) -> None:
    """What anybody can say of a therapist, so many seconds after the beginning of the test; or of something else."""
    document = {
        "specversion": "1.0", "type": kind, "source": "/anybody", "id": str(new_id()),
        "subject": str(id), "time": (datetime.now(UTC) + timedelta(seconds=after - 60)).isoformat(),
        "sequence": sequence, "correlationid": "anybody", "traceparent": f"00-{1:032x}-{1:016x}-01",
        "data": data or {"therapist": {"id": str(id), "last_name": "Irgendwer", "status": "active"}},
    } | ({"republished": True} if republished else {})  # fmt: skip
    producer = Producer(kafka)
    producer.produce(CATALOGUE[kind].topic.name, key=str(id), value=json.dumps(document))
    assert producer.flush(10) == 0


def found(kafka: dict[str, Any], id: UUID, *, known: int | None) -> list[Discrepancy]:
    """What is found of this therapist by a service that has it, or has nobody at all."""

    def states(_: Session, *, after: UUID, limit: int, now: datetime) -> Sequence[tuple[Any, StateEvent]]:
        here = SimpleNamespace(id=id, sequence=known)
        return [(here, None)] if known is not None and after < id else []  # type: ignore[list-item]

    return [each for each in find_discrepancies(kafka, Snapshots(THERAPISTS, states)) if each.id == id]


def test_a_service_without_a_single_row_finds_all_that_kafka_says(kafka: dict[str, Any]) -> None:
    id = new_id()
    say(kafka, id, 7, after=0)
    assert found(kafka, id, known=None) == [Discrepancy(id, 7, None)]


def test_what_was_said_here_is_no_stranger(kafka: dict[str, Any]) -> None:
    id = new_id()
    for sequence in (1, 2):
        say(kafka, id, sequence, after=sequence)
    assert found(kafka, id, known=2) == []


def test_after_a_republish_a_stranger_that_still_lies_there_counts_no_more(kafka: dict[str, Any]) -> None:
    id = new_id()
    say(kafka, id, 1, after=0)
    say(kafka, id, BOGUS, after=1)
    assert found(kafka, id, known=1) == [Discrepancy(id, BOGUS, 1)]
    say(kafka, id, 2, after=2, republished=True)
    assert found(kafka, id, known=2) == []
    say(kafka, id, 9, after=3)
    assert found(kafka, id, known=2) == [Discrepancy(id, 9, 2)]


def test_what_the_service_has_said_not_to_have_is_no_stranger(kafka: dict[str, Any]) -> None:
    id = new_id()

    def found_in_matching() -> list[Discrepancy]:
        everything = find_discrepancies(kafka, Snapshots(RequestUnknown.topic, nobody, publishing.unknown_request))
        return [each for each in everything if each.id == id]

    say_of_request(kafka, id, "request_withdrawn", BOGUS, after=0)
    assert found_in_matching() == [Discrepancy(id, BOGUS, None)]
    say_of_request(kafka, id, "request_unknown", 1, after=1, republished=True)
    assert found_in_matching() == []
    say_of_request(kafka, id, "request_withdrawn", 9, after=2)
    assert found_in_matching() == [Discrepancy(id, 9, None)]


def nobody(_: Session, **__: Any) -> Sequence[tuple[Any, Event]]:
    return []


def say_of_request(
    kafka: dict[str, Any], id: UUID, what: str, sequence: int, *, after: int, republished: bool = False
) -> None:
    ids = {f"{whose}_id": str(id) for whose in ("placement_request", "patient", "therapist")}
    data = {**ids, "reason": "other"}
    say(kafka, id, sequence, after=after, republished=republished, kind=f"matching.{what}", data=data)
