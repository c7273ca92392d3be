"""Reads the event in a Kafka message, whatever its bytes are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from shared.events.event import Event, EventEnvelope, decode_envelope, read_event, refuse_future
from shared.runtime import clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ReceivedMessage:
    """A message with an event type that this service handles: the event, or why it cannot be read."""

    message: Message
    event: Event | None
    problem: Exception | None = None
    envelope: EventEnvelope | None = None
    """The envelope, where at least that could be read."""


def read_message(message: Message, handled_types: set[type[Event]], now: datetime) -> ReceivedMessage | None:
    """Returns the event in a message; None for an event type without a listener here. Never raises.

    An event cannot have happened after the broker stored it: a later time, within the tolerance of clocks, is replaced
    by the broker's.
    """
    value = message.value()
    if value is None:
        return None  # a tombstone: compacted topics may hold them, we never write any
    try:
        event = read_event(value, handled_types)
        if event is None:
            return None
        envelope = event.envelope
        refuse_future(event, now)
        stamp, milliseconds = message.timestamp()
        if stamp == TIMESTAMP_LOG_APPEND_TIME and envelope.time.timestamp() * 1000 > milliseconds + 1:
            # the broker knows nothing of a clock that a test has moved
            stored_at = EPOCH + timedelta(milliseconds=milliseconds) + clock.ahead()
            envelope = replace(envelope, time=min(envelope.time, stored_at))
            event.with_envelope(envelope)
    except Exception as problem:  # of any kind: an exception that rises would stop the partition for good
        return ReceivedMessage(message, None, problem, _envelope_of(value))
    return ReceivedMessage(message, event, envelope=envelope)


def _envelope_of(value: bytes) -> EventEnvelope | None:
    try:
        return decode_envelope(value)[0]
    except Exception:
        return None
