"""The base class of events: facts with a name, a topic and a payload, in a CloudEvents 1.0 envelope (structured JSON).

Anybody who reaches Kafka can write to it, so reading has limits: of size here, of depth in pydantic's parser (200
levels), of every text, list and number in the models. Every listener can store an event within these limits.
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
from shared.values.descriptions import DescribedModel

PARTITIONS = 12
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS

LARGEST_EVENT = 240_000
"""Bytes; the broker refuses what is larger than a topic accepts, and one refused event would block all later ones."""
LARGEST_MESSAGE = LARGEST_EVENT + 20_000
"""Bytes of the largest message that is read: the largest event with its envelope."""
LARGEST_BATCH = 300_000
"""Compressed bytes that a topic accepts. gzip unpacks to a thousand times as much at most, which fits in a worker."""
LONGEST_TEXT = 320
"""Characters of any text in an event: an e-mail address fits, and so does the text in the row of an index (2.7 kB)."""
LARGEST_SEQUENCE = 10_000_000
"""An event every five minutes for a century: a higher sequence cannot be ours."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far clocks may differ: an event further in the future is not accepted."""


@dataclass(frozen=True)
class KafkaTopic:
    """A Kafka topic: compacted ones keep the newest state of every aggregate, the others keep facts for 90 days."""

    name: str
    compacted: bool
    source: str
    """The service whose relay publishes its events."""

    def configuration(self, *, compaction_lag_hours: int = 24) -> dict[str, str]:
        """Returns the broker's settings for this topic; where nothing is said, as `KAFKA_COMPACTION_LAG_HOURS` is."""
        common = {
            "message.timestamp.type": "LogAppendTime",  # the broker's clock, which no producer can change
            "max.message.bytes": str(LARGEST_BATCH),
        }
        if self.compacted:
            return common | {
                "cleanup.policy": "compact",
                "min.cleanable.dirty.ratio": "0.1",
                "max.compaction.lag.ms": str(compaction_lag_hours * HOUR_MS),
            }
        return common | {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)}


TOPICS = {
    "patient": KafkaTopic("patient.events", compacted=True, source="patient_service"),
    "therapist": KafkaTopic("therapist.events", compacted=True, source="therapist_service"),
    "address": KafkaTopic("geocoding.events", compacted=True, source="geocoding_service"),
    "matching": KafkaTopic("matching.events", compacted=False, source="matching_service"),
    "communication": KafkaTopic("communication.events", compacted=False, source="communication_service"),
    "import": KafkaTopic("import.events", compacted=False, source="therapist_service"),
}
"""The topic follows from the first word of an event's name."""


def source_of_topic(name: str) -> str:
    """Returns the service that publishes to the topic of this name."""
    return next(topic.source for topic in TOPICS.values() if topic.name == name)


def transactional_id(service: str) -> str:
    """Returns the id by which Kafka knows the relays of a service, of which it lets only the newest publish."""
    return f"{service}-relay"


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """The metadata of an event: its aggregate, its position among the aggregate's events, its time and trace."""

    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: datetime
    correlation_id: str
    traceparent: str
    republished: bool = False
    """The event is the current state of its source, not a change: a copy that is ahead of it must be replaced."""

    def position(self, part: str = "") -> dict[str, Any]:
        """Returns the columns by which a copy compares events; `part` is the prefix of their names."""
        return {f"{part}sequence": self.sequence, f"{part}event_time": self.time, "republished": self.republished}


class Event(DescribedModel):
    """A fact in the past tense. Its fields are the facts that listeners need: no clinical text, no patient's name.

    Unknown fields are ignored, so that adding one is safe; a new field needs a default.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        str_max_length=LONGEST_TEXT,
        allow_inf_nan=False,
    )

    # reading a private attribute of pydantic costs a microsecond; a slot costs nothing and is no field
    __slots__ = ("_envelope",)

    name: ClassVar[str]
    topic: ClassVar[KafkaTopic]
    instants: ClassVar[tuple[str, ...]] = ()
    """The names of the fields that are datetimes."""
    aggregate: ClassVar[Callable[[Any], UUID]]
    """Returns the id of the event's aggregate: the first id in its payload."""

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
    def envelope(self) -> EventEnvelope:
        """The envelope of a received event; raises `LookupError` for an event that was not recorded yet."""
        try:
            found: EventEnvelope = self._envelope  # type: ignore[attr-defined]
        except AttributeError:
            raise LookupError("this event has not been recorded yet") from None
        return found

    def with_envelope(self, envelope: EventEnvelope) -> Self:
        """Set the envelope of this event and return the event."""
        object.__setattr__(self, "_envelope", envelope)
        return self


def _ids_of(payload: type[BaseModel]) -> Iterator[str]:
    """The ids in a payload and in its nested models, as dotted names."""
    for name, field in payload.model_fields.items():
        if field.annotation is UUID:
            yield name
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inner}" for inner in _ids_of(field.annotation))


class StateEvent(Event):
    """An event of a compacted topic: it carries the aggregate's whole public state."""


CATALOGUE: dict[str, type[Event]] = {}


def source_of(event: Event | type[Event]) -> str:
    """Returns the envelope's source: the kind of aggregate that the event is about."""
    return "/" + event.name.partition(".")[0]


class UnreadableEvent(ValueError):
    """A message that is no valid event; its text says why."""


def decode_envelope(value: bytes) -> tuple[EventEnvelope, Any]:
    """Returns the envelope and the payload, which is not validated yet; raises `UnreadableEvent`."""
    _refuse_excess(value)
    try:
        document = _Document.model_validate_json(value)
    except ValidationError as problem:
        raise UnreadableEvent("the envelope is not that of an event") from problem
    return document.envelope(), document.data


def decode(envelope: EventEnvelope, data: Any) -> Event:
    """Returns the event, whose type must be in the catalogue.

    Raises `pydantic.ValidationError` when the payload is not valid, `UnreadableEvent` when it is about another
    aggregate than its subject.
    """
    return _check_subject(CATALOGUE[envelope.type].model_validate(data).with_envelope(envelope))


def is_about(event: Event, subject: UUID) -> bool:
    """Whether this is the event's aggregate: its sequence counts events of the subject."""
    return type(event).aggregate(event) == subject


def _check_subject(event: Event) -> Event:
    if not is_about(event, event.envelope.subject):
        raise UnreadableEvent("its payload is about another aggregate than its subject")
    return event


def refuse_future(event: Event, now: datetime) -> None:
    """Raise `UnreadableEvent` when the event's time, or a datetime in it, is further in the future than clocks differ.

    A datetime in the event may be later than the event's own time, by as much: people enter by their own clocks when
    they phoned.
    """
    time = event.envelope.time
    if time > now and time > now + CLOCK_TOLERANCE:
        raise UnreadableEvent("its time is in the future")
    for instant in event.instants:
        if getattr(event, instant) > now + 2 * CLOCK_TOLERANCE:
            raise UnreadableEvent(f"{instant} is in the future")


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape sequence of NUL, but not its six characters after an escaped backslash."""


def _refuse_excess(value: bytes) -> None:
    if len(value) > LARGEST_MESSAGE:
        raise UnreadableEvent("larger than any event")
    # most events have no escape at all, which is the quickest check
    if b"\\" in value and rb"\u0000" in value and _NUL.search(value):
        raise UnreadableEvent("it holds NUL, which PostgreSQL cannot store in a text")


class _Document(BaseModel):
    """A CloudEvents document, parsed with its payload; each event type has a subclass of its own."""

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

    def envelope(self) -> EventEnvelope:
        """Returns the metadata without the payload."""
        return EventEnvelope(
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


_TYPE_MEMBER = re.compile(rb'"type": ?"([a-z_.]{1,100})"')


def read_event(value: bytes, wanted: set[type[Event]]) -> Event | None:
    """Returns the event in these bytes; None for a type that is not wanted or not in the catalogue.

    Raises `UnreadableEvent` for bytes that are no event, `pydantic.ValidationError` for a wanted one that is not valid.
    """
    # our own documents begin with their type: an event that is not wanted is not parsed
    named = _TYPE_MEMBER.search(value, 0, 400)
    kind = CATALOGUE.get(named[1].decode()) if named else None
    if named is None:
        envelope, _ = decode_envelope(value)
        kind = CATALOGUE.get(envelope.type)
    if kind is None or kind not in wanted:
        return None
    _refuse_excess(value)
    document = _document_of(kind).model_validate_json(value)
    if document.type != kind.name:
        raise UnreadableEvent("the type is not at the top level of the document")
    event: Event = document.data
    return _check_subject(event.with_envelope(document.envelope()))
