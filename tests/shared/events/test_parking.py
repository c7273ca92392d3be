"""Events set aside: how many they are, and that a discarded one stays without effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from confluent_kafka import Message
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.db import new_id
from shared.errors import Conflict
from shared.events import parking
from shared.events.catalogue import RequestWithdrawn
from shared.events.consumer import Listeners
from shared.events.event import Event, Unreadable
from shared.events.tables import parked
from shared.health import readiness
from tests.builders.happenings import happened
from tests.conftest import MONDAY
from tests.events import document


def set_aside(session: Session, value: bytes) -> Any:
    """A message as the consumer parks it; its id."""
    row = {"id": new_id(), "topic": "matching.events", "partition": 0, "offset": 0, "value": value}
    session.execute(insert(parked).values(**row, reason="a mistake", traceback=""))
    session.commit()
    return row["id"]


def test_ready_shows_how_many_wait_and_stays_ready(session: Session, client: FlaskClient) -> None:
    assert client.get("/health/ready").json["figures"]["parked_events"] == 0
    parked_id = set_aside(session, b"no event")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["figures"]["parked_events"] == 1
    assert b'"parked_events": 1' in readiness([], parking.SHOWN)[1]
    parking.discard(session, parked_id, reason="no event", now=MONDAY)
    session.commit()
    assert client.get("/health/ready").json["figures"]["parked_events"] == 0


def test_a_discarded_event_has_no_effect_when_it_comes_again(session: Session) -> None:
    listeners, happenings = Listeners(), []

    @listeners.effect(RequestWithdrawn)
    def withdraw(session: Session, event: Event, *, now: datetime) -> None:
        happenings.append(event)

    bad, good = (
        happened(
            RequestWithdrawn(placement_request_id=new_id(), patient_id=new_id(), therapist_id=new_id(), reason="-")
        )
        for _ in range(2)
    )
    parked_id = set_aside(session, document(bad).encode())
    parking.discard(session, parked_id, reason="entered by mistake", now=MONDAY)
    listeners.apply(session, [bad, good], now=MONDAY)
    assert happenings == [good]
    with pytest.raises(Conflict):
        parking.discard(session, parked_id, reason="again", now=MONDAY)


def test_a_message_is_kept_once_and_another_one_at_its_place_too(session: Session) -> None:
    """A Kafka that lost its data counts from 0 again: the place alone does not say which message it was."""

    def message(value: bytes) -> Message:
        return Message(topic="matching.events", partition=0, offset=0, value=value)

    for value in (b"before the loss", b"before the loss", b"after it"):
        parking.park(session, message(value), Unreadable("no event"), now=MONDAY)
    kept = session.scalars(select(parked.c.value).where(parked.c.topic == "matching.events")).all()
    assert sorted(map(bytes, kept)) == [b"after it", b"before the loss"]
