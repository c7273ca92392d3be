"""Events as they arrive: with an envelope around them."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.database import new_id
from shared.events.event import Event, EventEnvelope
from shared.runtime.tracing import new_trace_context
from tests.conftest import MONDAY

SomeEvent = TypeVar("SomeEvent", bound=Event)


def happened(event: SomeEvent, subject: UUID | None = None, *, sequence: int = 1, time: datetime = MONDAY) -> SomeEvent:
    """Returns the event as a listener gets it.

    It is published at `time`, as number `sequence` of its aggregate, or of `subject`.
    """
    cause = new_trace_context()
    envelope = EventEnvelope(
        id=new_id(),
        type=event.name,
        source="/test",
        subject=subject or type(event).aggregate(event),
        sequence=sequence,
        time=time,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    event.with_envelope(envelope)
    return event
