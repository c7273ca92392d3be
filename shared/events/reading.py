"""From a message on Kafka to the event in it, whatever bytes those are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from shared.events.event import Event, EventEnvelope, decode_envelope, read_event, refuse_future

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that concerns us: its event, or why it cannot be read."""

    message: Message
    event: Event | None
    problem: Exception | None = None
    envelope: EventEnvelope | None = None
    """Where at least that could be read."""


def read_message(message: Message, handled_types: set[type[Event]], now: datetime) -> ReceivedMessage | None:
    """The event in a message; None for one that nobody here listens to. Never raises.

    An event did not happen after the broker had it: a time that says so, by less than clocks differ, is put right.
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
            envelope = replace(envelope, time=EPOCH + timedelta(milliseconds=milliseconds))
            event.with_envelope(envelope)
    except Exception as problem:  # of any kind: one that rose would stop the partition for good
        return ReceivedMessage(message, None, problem, _envelope_of(value))
    return ReceivedMessage(message, event, envelope=envelope)


def _envelope_of(value: bytes) -> EventEnvelope | None:
    try:
        return decode_envelope(value)[0]
    except Exception:
        return None
