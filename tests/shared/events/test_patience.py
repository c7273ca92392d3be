"""What fails for itself has an end, also where it looks like trouble of the database; an outage is waited out."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared import database
from shared.database import new_id, repeat_if_lost, transaction
from shared.database.tables import dead_letter_table
from shared.events.catalogue import RequestWithdrawn
from shared.events.consumer import Consumer
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.runtime.duties import Duty
from tests.builders.events import happened
from tests.events import document
from tests.shared.events.conftest import at_work, until

pytestmark = [pytest.mark.usefixtures("committing"), pytest.mark.slow]

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{}'; END $$"


class HandledRequests:
    """A listener that does what an event's reason says, and remembers those that went well."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.listeners.effect(RequestWithdrawn)(self.do)
        self.good: list[UUID] = []
        self.tries = 0
        self.outage = threading.Event()

    def do(self, session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        self.tries += 1
        if event.reason == "idles":
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
            time.sleep(0.5)
            session.execute(text("SELECT 1"))
        elif event.reason == "kills its connection":
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        elif event.reason != "good":
            session.execute(text(RAISE.format(event.reason)))
        self.good.append(event.placement_request_id)


def withdrawn(reason: str) -> RequestWithdrawn:
    id = new_id()
    return happened(
        RequestWithdrawn(placement_request_id=id, patient_id=new_id(), therapist_id=new_id(), reason=reason), id
    )


def publish(kafka: dict[str, Any], key: str, *events: Event) -> None:
    producer = Producer(kafka)
    for event in events:
        producer.produce("matching.events", key=key, value=document(event))
    assert producer.flush(10) == 0


def dead_letters_with(key: str) -> list[Any]:
    with transaction() as session:
        return list(
            session.execute(select(dead_letter_table).where(dead_letter_table.c.key == key.encode())).mappings()
        )


@pytest.mark.parametrize("reason", ["idles", "kills its connection", "40P01", "57014"])
def test_what_looks_like_trouble_for_ever_becomes_a_dead_letter_and_the_rest_goes_on(
    kafka: dict[str, Any], reason: str
) -> None:
    handled, key = HandledRequests(), str(uuid4())
    before, bad, after = withdrawn("good"), withdrawn(reason), withdrawn("good")
    publish(kafka, key, before, bad, after)
    consumer = Consumer("therapist_service", kafka, handled.listeners, group=f"g-{uuid4()}", retry_seconds=1)
    with at_work(consumer.run):
        until(lambda: len(dead_letters_with(key)) == 1)
        until(lambda: after.placement_request_id in handled.good)
    assert {before.placement_request_id, after.placement_request_id} <= set(handled.good)
    (row,) = dead_letters_with(key)
    assert str(bad.envelope.id) in bytes(row["value"]).decode()
    assert consumer.duty.problem() is None


def test_an_outage_longer_than_the_patience_sets_nothing_aside(kafka: dict[str, Any], settings: Any) -> None:
    handled, key = HandledRequests(), str(uuid4())
    first, second = withdrawn("good"), withdrawn("good")
    consumer = Consumer("therapist_service", kafka, handled.listeners, group=f"g-{uuid4()}", retry_seconds=1)
    database.connect(settings.database_url.set(port=1))
    publish(kafka, key, first, second)
    duty = consumer.duty
    with at_work(consumer.run):
        until(lambda: metric_of(duty) > 4)
        database.connect(settings.database_url, pool_size=8)
        until(lambda: {first.placement_request_id, second.placement_request_id} <= set(handled.good))
    assert dead_letters_with(key) == []


def metric_of(duty: Duty) -> float:
    return 0.0 if duty._troubled_since is None else time.monotonic() - duty._troubled_since


def test_a_deadlock_between_a_listener_and_others_is_not_seen(kafka: dict[str, Any]) -> None:
    key, met, meets = str(uuid4()), threading.Barrier(2), iter([True])
    with transaction() as session:
        session.execute(text("INSERT INTO relay_lease SELECT n, '', 0, now() FROM unnest(ARRAY['a', 'b']) AS n"))
    listeners = Listeners()

    @listeners.effect(RequestWithdrawn)
    def count_both(session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        if event.reason == key:
            count_up(session, "a")
            if next(meets, False):
                met.wait(20)
            count_up(session, "b")

    publish(kafka, key, withdrawn(key))
    consumer = Consumer("therapist_service", kafka, listeners, group=f"g-{uuid4()}")
    meets_us = iter([True])

    def cross() -> None:
        with transaction() as session:
            count_up(session, "b")
            if next(meets_us, False):
                met.wait(20)
            count_up(session, "a")

    with at_work(consumer.run):
        repeat_if_lost(cross)
        until(lambda: term_of("b") == 2)
    assert term_of("a") == 2
    assert consumer.duty.failures == 0
    assert dead_letters_with(key) == []


def count_up(session: Session, name: str) -> None:
    session.execute(text("UPDATE relay_lease SET term = term + 1 WHERE name = :name"), {"name": name})


def term_of(name: str) -> int:
    with transaction() as session:
        return session.scalar(text("SELECT term FROM relay_lease WHERE name = :name"), {"name": name}) or 0
