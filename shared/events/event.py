"""What an event is: a fact with a name, a topic and a payload, in a CloudEvents 1.0 envelope (structured JSON).

Anybody who reaches Kafka can write to it, so reading has limits: of size here, of depth in pydantic's parser (200
levels), of every text, list and number in the models. What keeps within them can be stored by every listener.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, create_model

from shared.runtime.tracing import CORRELATION_ID, LONGEST_TRACEPARENT

PARTITIONS = 12
DAY_MS = 24 * 3600 * 1000

LARGEST_EVENT = 240_000
"""Bytes; the broker refuses what is larger than a topic takes, and one refused event would hold up every later one."""
LARGEST_MESSAGE = LARGEST_EVENT + 20_000
"""What is read: the largest event with its envelope."""
LARGEST_BATCH = 300_000
"""Bytes, packed, that a topic takes. gzip unpacks to a thousand times as much at most, which a worker must endure."""
LONGEST_TEXT = 320
"""Characters of any text in an event: an e-mail address fits, and so does the text in the row of an index (2.7 kB)."""
LARGEST_SEQUENCE = 10_000_000
"""An event every five minutes for a century: more is none of ours."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=5)
"""How far clocks may differ: an event from further in the future is none of ours."""


@dataclass(frozen=True)
class Topic:
    """A Kafka topic: compacted ones keep the newest state of every aggregate, the others keep facts for 90 days."""

    name: str
    compacted: bool

    def configuration(self) -> dict[str, str]:
        """The broker's settings for this topic."""
        common = {
            "message.timestamp.type": "LogAppendTime",  # the broker's, which nobody else can choose
            "max.message.bytes": str(LARGEST_BATCH),
        }
        if self.compacted:
            return common | {
                "cleanup.policy": "compact",
                "min.cleanable.dirty.ratio": "0.1",
                "max.compaction.lag.ms": str(DAY_MS),
            }
        return common | {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)}


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
    republished: bool = False
    """The source says what is, rather than what happened: a copy that is ahead of it must give way."""

    def position(self, part: str = "") -> dict[str, Any]:
        """What a copy keeps of where the event stands among others, or a part of a copy under names of its own."""
        return {f"{part}sequence": self.sequence, f"{part}event_time": self.time, "republished": self.republished}


class Event(BaseModel):
    """A fact in the past tense. Its fields are what the listeners need: never clinical text, never a patient's name.

    Unknown fields are ignored, so that adding one is safe; a new field needs a default.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        str_max_length=LONGEST_TEXT,
        allow_inf_nan=False,
    )

    # a private attribute of pydantic's costs a microsecond at every look; a slot costs nothing and is no field
    __slots__ = ("_envelope",)

    name: ClassVar[str]
    topic: ClassVar[Topic]
    instants: ClassVar[tuple[str, ...]] = ()
    """The fields that say when something happened."""
    aggregate: ClassVar[Callable[[Any], UUID]]
    """Whose event it is, by its payload: the first id in it."""

    def __init_subclass__(cls, name: str | None = None, **_: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, name: str | None = None, **_: Any) -> None:
        if name is None:
            return
        cls.name = name
        cls.topic = TOPICS[name.partition(".")[0]]
        cls.aggregate = staticmethod(attrgetter(next(_ids_of(cls))))
        cls.instants = tuple(field for field, about in cls.model_fields.items() if about.annotation is datetime)
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


def _ids_of(payload: type[BaseModel]) -> Iterator[str]:
    """The ids in a payload, and those of what it holds, as dotted names."""
    for name, field in payload.model_fields.items():
        if field.annotation is UUID:
            yield name
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inner}" for inner in _ids_of(field.annotation))


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
    _refuse_excess(value)
    try:
        document = _Document.model_validate_json(value)
    except ValidationError as problem:
        raise Unreadable("the envelope is not that of an event") from problem
    return document.envelope(), document.data


def decode(envelope: Envelope, data: Any) -> Event:
    """The event of a known type.

    Raises `pydantic.ValidationError` when the payload does not fit, `Unreadable` when it is about somebody else.
    """
    return _of_its_subject(CATALOGUE[envelope.type].model_validate(data).arrived_in(envelope))


def _of_its_subject(event: Event) -> Event:
    """The event, whose sequence counts those of its subject: it says nothing of where another aggregate stands."""
    if type(event).aggregate(event) != event.envelope.subject:
        raise Unreadable("its payload is about another than its subject")
    return event


def refuse_future(event: Event, now: datetime) -> None:
    """Raise `Unreadable` for an event that has not happened yet, or tells of what has not, by more than clocks differ.

    What it tells may be ahead of its own time, by as much: people say when they phoned, by their own clocks.
    """
    time = event.envelope.time
    if time > now and time > now + AHEAD:
        raise Unreadable("its time lies ahead of the clock")
    for instant in event.instants:
        if getattr(event, instant) > now + 2 * AHEAD:
            raise Unreadable(f"{instant} lies ahead of the clock")


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape, and not the six characters that a text holds whose backslash is escaped."""


def _refuse_excess(value: bytes) -> None:
    if len(value) > LARGEST_MESSAGE:
        raise Unreadable("larger than any event")
    # most events have no escape at all, which is the quickest to see
    if b"\\" in value and rb"\u0000" in value and _NUL.search(value):
        raise Unreadable("it holds NUL, which no text in PostgreSQL can")


class _Document(BaseModel):
    """A CloudEvents document, read in one go; each event type has its own, with its own payload."""

    model_config = ConfigDict(
        extra="ignore", hide_input_in_errors=True, str_max_length=LONGEST_TEXT, allow_inf_nan=False
    )

    specversion: Literal["1.0"]
    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: Annotated[int, Field(ge=1, le=LARGEST_SEQUENCE)]
    time: Annotated[AwareDatetime, Field(ge=EARLIEST)]
    correlationid: Annotated[str, Field(pattern=f"^{CORRELATION_ID.pattern}$")]
    traceparent: Annotated[str, Field(max_length=LONGEST_TRACEPARENT)]
    republished: bool = False
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
            self.republished,
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
    _refuse_excess(value)
    document = _document_of(kind).model_validate_json(value)
    if document.type != kind.name:
        raise Unreadable("the type is not where it belongs")
    event: Event = document.data
    return _of_its_subject(event.arrived_in(document.envelope()))
