"""What an event is: a fact with a name, a topic and a payload, in a CloudEvents 1.0 envelope (structured JSON)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

PARTITIONS = 12
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """A Kafka topic: compacted ones keep the newest state of every aggregate, the others keep facts for 90 days."""

    name: str
    compacted: bool

    def configuration(self) -> dict[str, str]:
        """The broker's settings for this topic."""
        if self.compacted:
            return {
                "cleanup.policy": "compact",
                "min.cleanable.dirty.ratio": "0.1",
                "max.compaction.lag.ms": str(DAY_MS),
            }
        return {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)}


TOPICS = {
    "patient": Topic("patient.events", compacted=True),
    "therapist": Topic("therapist.events", compacted=True),
    "address": Topic("geocoding.events", compacted=True),
    "matching": Topic("matching.events", compacted=False),
    "communication": Topic("communication.events", compacted=False),
    "import": Topic("import.events", compacted=False),
}
"""The topic follows from the first word of an event's name."""


@dataclass(frozen=True)
class Envelope:
    """What surrounds a payload: whose it is, its place in the aggregate's history, when and why it happened."""

    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: datetime
    correlation_id: str
    traceparent: str


class Event(BaseModel):
    """A fact in the past tense. Its fields are what the listeners need: never clinical text, never a patient's name.

    Unknown fields are ignored, so that adding one is safe; a new field needs a default.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    name: ClassVar[str]
    topic: ClassVar[Topic]
    _envelope: Envelope | None = PrivateAttr(default=None)

    def __init_subclass__(cls, name: str | None = None, **_: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, name: str | None = None, **_: Any) -> None:
        if name is None:
            return
        cls.name = name
        cls.topic = TOPICS[name.partition(".")[0]]
        CATALOGUE[name] = cls

    @property
    def envelope(self) -> Envelope:
        """The envelope this event arrived in; raises `LookupError` for one that was never sent."""
        if self._envelope is None:
            raise LookupError("this event has not been recorded yet")
        return self._envelope

    def arrived_in(self, envelope: Envelope) -> Event:
        """This event, knowing its envelope."""
        self._envelope = envelope
        return self


class StateEvent(Event):
    """An event of a compacted topic: it carries the aggregate's whole public state, whatever its name."""


CATALOGUE: dict[str, type[Event]] = {}


def source_of(event: Event | type[Event]) -> str:
    """The envelope's source: what kind of thing the event is about."""
    return "/" + event.name.partition(".")[0]


class Unreadable(ValueError):
    """Bytes on a topic that are no event of ours; says why."""


def encode(event: Event, envelope: Envelope) -> str:
    """The CloudEvents JSON document of an event."""
    head = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": envelope.source,
        "type": envelope.type,
        "subject": str(envelope.subject),
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": envelope.sequence,
        "correlationid": envelope.correlation_id,
        "traceparent": envelope.traceparent,
    }
    return f'{json.dumps(head)[:-1]}, "data": {event.model_dump_json()}}}'


def decode_envelope(value: bytes) -> tuple[Envelope, Any]:
    """The envelope and the still unvalidated payload; raises `Unreadable`."""
    try:
        document = json.loads(value)
        if document["specversion"] != "1.0":
            raise Unreadable("not CloudEvents 1.0")
        envelope = Envelope(
            id=UUID(document["id"]),
            type=str(document["type"]),
            source=str(document["source"]),
            subject=UUID(document["subject"]),
            sequence=int(document["sequence"]),
            time=_instant(document["time"]),
            correlation_id=str(document["correlationid"]),
            traceparent=str(document["traceparent"]),
        )
        return envelope, document["data"]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unreadable(f"{type(problem).__name__} while reading the envelope") from problem


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Unreadable("the time has no offset")
    return moment


def decode(envelope: Envelope, data: Any) -> Event:
    """The event of a known type; raises `pydantic.ValidationError` when the payload does not fit."""
    return CATALOGUE[envelope.type].model_validate(data).arrived_in(envelope)
