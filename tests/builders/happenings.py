"""Events as they arrive: with an envelope around them."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.db import new_id
from shared.events.event import Envelope, Event
from shared.tracing import new_cause
from tests.conftest import MONDAY

SomeEvent = TypeVar("SomeEvent", bound=Event)


def happened(event: SomeEvent, subject: UUID | None = None, *, sequence: int = 1, time: datetime = MONDAY) -> SomeEvent:
    """The event as a listener gets it, as the `sequence`-th of the aggregate that it is about (or of `subject`)."""
    cause = new_cause()
    envelope = Envelope(
        id=new_id(),
        type=event.name,
        source="/test",
        subject=subject or type(event).aggregate(event),
        sequence=sequence,
        time=time,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    event.arrived_in(envelope)
    return event
