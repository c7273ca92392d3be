"""What an event is: a fact with a name, a topic and a payload, in a CloudEvents 1.0 envelope (structured JSON)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, create_model

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


@dataclass(frozen=True, slots=True)
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

    # a private attribute of pydantic's costs a microsecond at every look; a slot costs nothing and is no field
    __slots__ = ("_envelope",)

    name: ClassVar[str]
    topic: ClassVar[Topic]

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
        try:
            found: Envelope = self._envelope  # type: ignore[attr-defined]
        except AttributeError:
            raise LookupError("this event has not been recorded yet") from None
        return found

    def arrived_in(self, envelope: Envelope) -> Self:
        """This event, knowing its envelope."""
        object.__setattr__(self, "_envelope", envelope)
        return self


class StateEvent(Event):
    """An event of a compacted topic: it carries the aggregate's whole public state, whatever its name."""


CATALOGUE: dict[str, type[Event]] = {}


def source_of(event: Event | type[Event]) -> str:
    """The envelope's source: what kind of thing the event is about."""
    return "/" + event.name.partition(".")[0]


class Unreadable(ValueError):
    """Bytes on a topic that are no event of ours; says why."""


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


class _Document(BaseModel):
    """A CloudEvents document, read in one go; each event type has its own, with its own payload."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: AwareDatetime
    correlationid: str
    traceparent: str
    data: Any

    def envelope(self) -> Envelope:
        """What surrounds the payload."""
        return Envelope(
            self.id,
            self.type,
            self.source,
            self.subject,
            self.sequence,
            self.time,
            self.correlationid,
            self.traceparent,
        )


@cache
def _document_of(event_type: type[Event]) -> type[_Document]:
    return create_model(f"{event_type.__name__}Document", __base__=_Document, data=(event_type, ...))


_TYPE = re.compile(rb'"type": ?"([a-z_.]{1,100})"')


def read_event(value: bytes, wanted: set[type[Event]]) -> Event | None:
    """The event in these bytes; None for one of a type that is not wanted or not known.

    Raises `Unreadable` for bytes that are no event, `pydantic.ValidationError` for a wanted one that does not fit.
    """
    # our own documents name their type in front: what nobody here wants is not even parsed
    named = _TYPE.search(value, 0, 400)
    kind = CATALOGUE.get(named[1].decode()) if named else None
    if named is None:
        envelope, _ = decode_envelope(value)
        kind = CATALOGUE.get(envelope.type)
    if kind is None or kind not in wanted:
        return None
    document = _document_of(kind).model_validate_json(value)
    if document.type != kind.name:
        raise Unreadable("the type is not where it belongs")
    event: Event = document.data
    return event.arrived_in(document.envelope())
