"""Events to publish, and listeners that record what they are given."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from confluent_kafka import Producer
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database import new_id, transaction
from shared.events.catalogue import PublicTherapist, RequestWithdrawn, TherapistUpdated
from shared.events.event import Event
from shared.events.listeners import Listeners
from shared.events.outbox import record_all
from shared.events.relay import Relay
from shared.runtime.tracing import correlation_id
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import document


class RecordingListeners:
    """Listeners that record the events of one test's aggregates."""

    def __init__(self, mine: Sequence[UUID]) -> None:
        self.mine = set(mine)
        self.effects: list[int] = []
        self.copies: list[int] = []
        self.causes: list[str | None] = []
        self.failing: set[int] = set()
        self.outage = threading.Event()
        self.tries = 0
        self.listeners = Listeners()
        self.listeners.effect(RequestWithdrawn)(self.effect)
        self.listeners.projection(TherapistUpdated)(self.projection)

    def effect(self, session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        if event.envelope.subject not in self.mine:
            return
        self.tries += 1
        if self.outage.is_set():
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))
        if event.envelope.sequence in self.failing:
            raise ValueError("a listener's mistake")
        self.causes.append(correlation_id())
        # kept by the transaction, so that a rolled back try does not count
        session.info.setdefault("handled", []).append(event.envelope.sequence)
        self.effects.append(event.envelope.sequence)

    def projection(self, session: Session, events: Sequence[TherapistUpdated], *, now: datetime) -> None:
        self.copies += [event.envelope.sequence for event in events if event.envelope.subject in self.mine]


def withdrawn(subject: UUID, sequence: int) -> Event:
    """Returns an event about a placement request."""
    event = RequestWithdrawn(placement_request_id=subject, patient_id=new_id(), therapist_id=new_id(), reason="other")
    return happened(event, subject, sequence=sequence)


def publish(kafka: dict[str, Any], *values: tuple[str, str, Any]) -> None:
    """Send messages (topic, key, value) and wait until Kafka has them."""
    producer = Producer(kafka)
    for topic, key, value in values:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(10) == 0


def message(event: Event) -> tuple[str, str, str]:
    """Returns the message (topic, key, value) that carries an event."""
    return (event.topic.name, str(event.envelope.subject), document(event))


def commit_events(subject: UUID, *sequences: int) -> None:
    """Commit events of one aggregate."""
    event = TherapistUpdated(therapist=PublicTherapist(id=subject, last_name="Erfunden"))
    with transaction() as session:
        record_all(session, [(subject, sequence, event) for sequence in sequences], now=MONDAY)


def relay(kafka: dict[str, Any], **more: Any) -> Relay:
    """Returns the relay of the therapist service."""
    return Relay("therapist_service", kafka, **more)
