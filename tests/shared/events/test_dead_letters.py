"""Events set aside: how many they are, and that a discarded one stays without effect."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Message
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.database.tables import dead_letter_table
from shared.errors import Conflict
from shared.events import dead_letters
from shared.events.catalogue import EmailSent, RequestWithdrawn
from shared.events.event import Event, UnreadableEvent
from shared.events.listeners import Listeners
from shared.events.message_reader import ReceivedMessage
from shared.runtime import clock
from shared.runtime.health import readiness
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import document


def set_aside(session: Session, value: bytes) -> Any:
    """A message as the consumer sets aside it; its id."""
    row = {"id": new_id(), "topic": "matching.events", "partition": 0, "offset": 0, "value": value}
    session.execute(insert(dead_letter_table).values(**row, reason="a mistake", traceback=""))
    session.commit()
    return row["id"]


@pytest.mark.slow
def test_ready_shows_how_many_wait_and_stays_ready(session: Session, client: FlaskClient) -> None:
    assert client.get("/health/ready").json["figures"]["dead_letters"] == 0
    dead_letter_id = set_aside(session, b"no event")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["figures"]["dead_letters"] == 1
    assert b'"dead_letters": 1' in readiness([], dead_letters.READINESS_FIGURES)[1]
    dead_letters.discard(session, dead_letter_id, reason="no event", by=None, now=MONDAY)
    session.commit()
    assert client.get("/health/ready").json["figures"]["dead_letters"] == 0


@pytest.mark.slow
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
    dead_letter_id = set_aside(session, document(bad).encode())
    dead_letters.discard(session, dead_letter_id, reason="entered by mistake", by=None, now=MONDAY)
    listeners.apply(session, [bad, good], now=MONDAY)
    assert happenings == [good]
    with pytest.raises(Conflict):
        dead_letters.discard(session, dead_letter_id, reason="again", by=None, now=MONDAY)


def test_a_message_is_kept_once_and_another_one_at_its_place_too(session: Session) -> None:
    """A Kafka that lost its data counts from 0 again: the place alone does not say which message it was."""

    def message(value: bytes) -> Message:
        return Message(topic="matching.events", partition=0, offset=0, value=value)

    for value in (b"before the loss", b"before the loss", b"after it"):
        dead_letters.add(session, message(value), UnreadableEvent("no event"), now=MONDAY)
    kept = session.scalars(
        select(dead_letter_table.c.value).where(dead_letter_table.c.topic == "matching.events")
    ).all()
    assert sorted(map(bytes, kept)) == [b"after it", b"before the loss"]


def an_email_sent() -> EmailSent:
    """An event that this service listens to."""
    sent = EmailSent(email_id=new_id(), therapist_id=new_id(), kind="inquiry", placement_request_ids=[], sent_at=MONDAY)
    return happened(sent)


@pytest.mark.parametrize("decision", ["replay", "discard"])
def test_a_repeated_decision_with_its_key_is_answered_as_the_first(
    session: Session, client: FlaskClient, decision: str
) -> None:
    dead_letter_id = set_aside(session, document(an_email_sent()).encode())
    other = set_aside(session, document(an_email_sent()).encode() + b" ")
    path, key = f"/api/dead-letters/{dead_letter_id}/{decision}", {"Idempotency-Key": f"k-{decision}"}
    first = client.post(path, json={"reason": "mended"}, headers=key)
    again = client.post(path, json={"reason": "mended"}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert client.post(path, json={"reason": "something else"}, headers=key).status_code == 422
    assert client.post(path, json={"reason": "mended"}).status_code == 409, "without the key it was settled before"
    elsewhere = client.post(f"/api/dead-letters/{other}/{decision}", json={"reason": "mended"}, headers=key)
    assert elsewhere.json["id"] == str(other)


def test_an_event_from_the_future_cannot_be_replayed_before_its_time(session: Session, client: FlaskClient) -> None:
    event = an_email_sent()
    happened(event, time=clock.now() + timedelta(hours=1))
    dead_letter_id = set_aside(session, document(event).encode())
    answer = client.post(f"/api/dead-letters/{dead_letter_id}/replay", json={"reason": "try"})
    assert (answer.status_code, answer.json["code"]) == (409, "dead_letter.unreadable")
    assert "is in the future" in answer.json["detail"]


class Silent(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_what_cannot_be_described_is_kept_without_a_description(session: Session) -> None:
    message = Message(topic="matching.events", partition=0, offset=7, key=b"\x00", value=b"\xff\x00")
    dead_letters.set_aside(ReceivedMessage(message, None), Silent())
    (row,) = session.execute(select(dead_letter_table).where(dead_letter_table.c.offset == 7)).mappings()
    assert (bytes(row["key"]), bytes(row["value"])) == (b"\x00", b"\xff\x00")
    assert row["reason"] == "Silent, without a description"


@pytest.mark.parametrize("reason", ["\x00", "\ud800", "x" * 10_000, "\U0001f600" * 600])
def test_any_reason_can_be_stored(session: Session, reason: str) -> None:
    message = Message(topic="matching.events", partition=1, offset=0, value=b"{}")
    dead_letters.set_aside(ReceivedMessage(message, None), ValueError(reason))
    kept = session.scalars(select(dead_letter_table.c.reason).where(dead_letter_table.c.partition == 1)).one()
    assert kept.startswith("ValueError: ")
    assert len(kept) <= 500
