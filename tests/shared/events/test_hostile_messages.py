"""Whatever bytes arrive, they are handled or become a dead letter, and what comes after them is handled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Message, Producer
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from shared import database
from shared.database.tables import dead_letter_table
from shared.events.catalogue import PublicTherapist, RequestWithdrawn, TherapistUpdated
from shared.events.consumer import Consumer
from shared.events.dead_letters import storable
from shared.events.document import events
from shared.events.event import (
    CLOCK_TOLERANCE,
    LARGEST_MESSAGE,
    Event,
    UnreadableEvent,
    decode,
    decode_envelope,
    read_event,
)
from shared.events.listeners import Listeners
from shared.events.message_reader import read_message
from shared.runtime import clock, registry
from shared.runtime.worker import worker
from tests.architecture.sources import SERVICES
from tests.builders.events import happened
from tests.events import document
from tests.fakes.kafka_client import produce_with_header
from tests.samples.hostile_messages import HostileMessage, a_document, hostile_messages
from tests.shared.events.conftest import consuming, until

OURS: set[type[Event]] = set(events())

messages_of = cache(hostile_messages)
"""The same messages for each service that reads the topic."""


def as_message(hostile: HostileMessage, topic: str, offset: int) -> Message:
    return Message(
        topic=topic, partition=0, offset=offset, key=hostile.key, value=hostile.value, headers=hostile.headers or None
    )


@pytest.mark.slow
@pytest.mark.parametrize("topic", sorted({event.topic.name for event in OURS}))
def test_reading_never_raises_and_what_it_lets_pass_can_be_stored(topic: str) -> None:
    for offset, hostile in enumerate(messages_of(topic)):
        received = read_message(as_message(hostile, topic, offset), OURS, clock.now())
        if received is not None and received.event is not None:
            read = received.event.model_dump_json()
            assert "\\u0000" not in read, hostile.name
            read.encode()


@pytest.fixture
def consumer(service: str, settings: Any, connection: Any) -> Consumer:
    """A consumer with the real listeners of a service, whose transactions are rolled back after the test."""
    return Consumer(service, {}, worker(registry.load(service), settings).listeners)


@pytest.mark.slow
@pytest.mark.parametrize("service", [name for name in SERVICES if registry.load(name).listeners.topics()])
def test_every_service_ends_with_hostile_messages(service: str, consumer: Consumer, session: Session) -> None:
    handled_or_set_aside = 0
    for topic in consumer.listeners.topics():
        # every seventh: each kind of damage and each field comes up, though not with each other
        for offset, hostile in enumerate(messages_of(topic)[::7]):
            consumer.handle([as_message(hostile, topic, offset)])
            handled_or_set_aside += 1
    kept = session.execute(select(dead_letter_table.c.reason, dead_letter_table.c.event_type)).all()
    assert kept
    assert len(kept) < handled_or_set_aside
    assert all(len(row.reason) <= 500 for row in kept)


@pytest.mark.parametrize("event", sorted(OURS, key=attrgetter("name")), ids=attrgetter("name"))
def test_every_text_list_and_number_of_an_event_has_a_bound(event: type[Event]) -> None:
    """A field that somebody adds tomorrow is bounded too, or this fails."""
    unbounded = [
        f"{'.'.join(map(str, place))}: {what}"
        for place, value in leaves(a_document(event)["data"])
        for what, far_too_much in TOO_MUCH
        if isinstance(value, what) and not isinstance(value, bool) and is_read(event, place, far_too_much(value))
    ]
    assert unbounded == []


TOO_MUCH: list[tuple[type, Any]] = [
    (str, lambda _: "x" * 20_000),
    (list, lambda value: value * 2_000),
    (dict, lambda value: value | {f"x{number}": next(iter(value.values())) for number in range(2_000)}),
    (int, lambda _: 2**40),
    (int, lambda _: -(2**40)),
    (float, lambda _: 1e300),
    (float, lambda _: -1e300),
]


def leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    here = [(place, value)] if place else []
    return here + [leaf for name, child in children for leaf in leaves(child, (*place, name))]


def is_read(event: type[Event], place: tuple[Any, ...], value: Any) -> bool:
    changed = a_document(event)
    around = changed["data"]
    for name in place[:-1]:
        around = around[name]
    around[place[-1]] = value
    if isinstance(value, dict) and set(value) - set(event.model_fields) and not _is_open(event, place):
        return False  # an object with fields of its own: those that nobody knows are dropped
    try:
        return read_event(json.dumps(changed).encode(), OURS) is not None
    except ValueError:
        return False


def _is_open(event: type[Event], place: tuple[Any, ...]) -> bool:
    """Whether there may be any keys in this object."""
    return place[-1] in ("phone_hours", "working_hours", "availability") or "holidays" in place


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=20,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=200)
@given(strategies.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    received = read_message(Message(topic="therapist.events", partition=0, offset=0, value=value), OURS, clock.now())
    assert received is None or received.problem is not None


@given(strategies.text(strategies.characters()), strategies.integers(0, 50))
def test_any_text_can_be_stored_once_it_is_storable(given_text: str, longest: int) -> None:
    kept = storable(given_text, longest)
    assert "\x00" not in kept
    assert len(kept) <= longest
    kept.encode()


@pytest.mark.parametrize(("written", "is_fine"), [(r"\u0000", False), (r"\\u0000", True), (r"\\\u0000", False)])
def test_nul_is_refused_and_a_text_about_nul_is_not(written: str, is_fine: bool) -> None:
    event = happened(TherapistUpdated(therapist=PublicTherapist(id=uuid4(), last_name="@@")))
    value = document(event).replace("@@", written).encode()
    if is_fine:
        assert read_event(value, OURS) is not None
    else:
        with pytest.raises(UnreadableEvent):
            read_event(value, OURS)
        with pytest.raises(UnreadableEvent):
            decode_envelope(value)


def test_what_is_larger_than_any_event_is_not_even_parsed() -> None:
    event = happened(TherapistUpdated(therapist=PublicTherapist(id=uuid4(), last_name="Lang")))
    with pytest.raises(UnreadableEvent, match="larger"):
        read_event(document(event).encode() + b" " * LARGEST_MESSAGE, OURS)


def test_an_event_from_the_future_is_set_aside_and_not_handled_as_if_it_were_then(
    consumer: Consumer, session: Session
) -> None:
    now, handled = clock.now(), []
    consumer.listeners = Listeners()
    consumer.handled_types = {TherapistUpdated}

    @consumer.listeners.projection(TherapistUpdated)
    def note(session: Session, events: Sequence[TherapistUpdated], *, now: datetime) -> None:
        handled.append(now)

    some = timedelta(seconds=30)
    for offset, ahead in enumerate((CLOCK_TOLERANCE - some, CLOCK_TOLERANCE + some, timedelta(26_000))):
        event = TherapistUpdated(therapist=PublicTherapist(id=uuid4(), last_name="Morgen"))
        value = document(happened(event, time=now + ahead)).encode()
        consumer.handle([Message(topic="therapist.events", partition=0, offset=offset, value=value)])
    assert len(handled) == 1
    assert set(session.scalars(select(dead_letter_table.c.reason))) == {"its time is in the future"}


@pytest.mark.parametrize("event", sorted(OURS, key=attrgetter("name")), ids=attrgetter("name"))
def test_an_event_says_nothing_of_another_than_its_subject(event: type[Event]) -> None:
    """Its sequence counts the events of its subject, and `republish --check` looks at those."""
    said = a_document(event)
    assert read_event(json.dumps(said).encode(), OURS) is not None
    value = json.dumps(said | {"subject": str(uuid4())}).encode()
    with pytest.raises(UnreadableEvent, match="another"):
        read_event(value, OURS)
    with pytest.raises(UnreadableEvent, match="another"):
        decode(*decode_envelope(value))


EVENTS_WITH_A_TIME = sorted((event for event in OURS if event.instants), key=lambda event: event.name)


def test_these_events_say_when_something_happened() -> None:
    assert {instant for event in EVENTS_WITH_A_TIME for instant in event.instants} == {
        "accessed_at", "approved_at", "bounced_at", "finished_at", "occurred_at", "sent_at",
    }  # fmt: skip


@pytest.mark.parametrize("event", EVENTS_WITH_A_TIME, ids=lambda event: event.name)
def test_what_is_said_to_have_happened_in_the_future_is_not_believed(event: type[Event]) -> None:
    """It would be newer than everything that is said of it until then."""
    now = clock.now()
    for instant in event.instants:
        for minutes, is_read in ((-60, True), (4, True), (20, False), (365 * 24 * 60, False)):
            said = a_document(event) | {"time": now.isoformat()}
            said["data"] |= {name: now.isoformat() for name in event.instants}
            said["data"][instant] = (now + timedelta(minutes=minutes)).isoformat()
            message = Message(topic=event.topic.name, partition=0, offset=0, value=json.dumps(said).encode())
            received = read_message(message, OURS, now)
            assert received is not None
            assert (received.event is not None) is is_read, (instant, minutes)


# On a real broker


FAILURES: dict[str, Any] = {
    "a recursion": RecursionError("maximum recursion depth exceeded"),
    "an encoding": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    "memory": MemoryError(),
    "a text of NUL and half a surrogate": ValueError("\x00\ud800" * 300),
    "an assertion": AssertionError(),
    "an end of iteration": StopIteration(),
}
STATEMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "NUL in a parameter": ("SELECT CAST(:value AS text)", {"value": "a\x00b"}),
    "half a surrogate in a parameter": ("SELECT CAST(:value AS text)", {"value": "\ud800"}),
    "NUL in JSON": ("SELECT CAST(:value AS jsonb)", {"value": '"\\u0000"'}),
    "a number too large": ("SELECT CAST(:value AS integer)", {"value": 2**63}),
    "a day that is none": ("SELECT CAST(:value AS date)", {"value": "2026-02-30"}),
    "no such table": ("SELECT * FROM nowhere", {}),
    "a row too long for its index": (
        "INSERT INTO relay_lease SELECT string_agg(md5(n::text), ''), 'x', 1, now() FROM generate_series(1, 2000) n",
        {},
    ),
}


class Unprintable(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Failing:
    """Listeners that fail for the reason that an event names, and count those that name none."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.listeners.effect(RequestWithdrawn)(self.fail)
        self.good: list[Any] = []

    def fail(self, session: Session, event: RequestWithdrawn, *, now: datetime) -> None:
        if event.reason in FAILURES:
            raise FAILURES[event.reason]
        if event.reason in STATEMENTS:
            session.execute(text(STATEMENTS[event.reason][0]), STATEMENTS[event.reason][1])
        if event.reason == "unprintable":
            raise Unprintable
        self.good.append(event.placement_request_id)


def withdrawn(reason: str) -> RequestWithdrawn:
    id = uuid4()
    event = RequestWithdrawn(placement_request_id=id, patient_id=uuid4(), therapist_id=uuid4(), reason=reason)
    return happened(event, id)


def number_of_dead_letters() -> int:
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(dead_letter_table)) or 0


@pytest.mark.usefixtures("committing")
def test_listeners_that_fail_in_any_way_cost_their_own_event(kafka: dict[str, Any]) -> None:
    reasons = [*FAILURES, *STATEMENTS, "unprintable"]
    failing, producer = Failing(), Producer(kafka)
    for reason in [*reasons, "good"]:
        event = withdrawn(reason)
        producer.produce("matching.events", key="one partition", value=document(event))
    producer.flush(10)
    with consuming(kafka, failing.listeners, f"g-{uuid4()}"):
        until(lambda: event.placement_request_id in failing.good)
    with database.transaction() as session:
        of_ours = dead_letter_table.c.key == b"one partition"
        assert len(session.scalars(select(dead_letter_table.c.id).where(of_ours)).all()) == len(reasons)
        session.execute(delete(dead_letter_table).where(of_ours))


@pytest.mark.usefixtures("committing")
def test_headers_whose_name_is_no_text_do_not_end_the_process(kafka: dict[str, Any]) -> None:
    """Other clients than ours can write them, and confluent_kafka answers them with a list that has a hole."""
    failing, key = Failing(), uuid4().bytes
    produce_with_header(kafka, "matching.events", key, value=b"no event", name=b"\xff\xfe", times=40)
    with consuming(kafka, failing.listeners, f"g-{uuid4()}"):
        until(lambda: len(reasons_of(key)) == 40)
    assert set(reasons_of(key)) == {"the envelope is not that of an event"}


def reasons_of(key: bytes) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(select(dead_letter_table.c.reason).where(dead_letter_table.c.key == key)))


@pytest.mark.slow
@pytest.mark.usefixtures("committing")
def test_a_partition_moves_on_whatever_lies_on_it(kafka: dict[str, Any]) -> None:
    failing = Failing()
    packed = {"compression.type": "lz4", "message.max.bytes": 1_048_000, "batch.size": 200_000}
    producer = Producer({**kafka, **packed, "queue.buffering.max.kbytes": 1_000_000})
    hostile = hostile_messages("matching.events")
    for each in hostile:
        producer.produce("matching.events", partition=3, key=each.key, value=each.value, headers=each.headers)
        producer.poll(0)
    last = withdrawn("good")
    producer.produce("matching.events", partition=3, key=b"last", value=document(last))
    assert producer.flush(60) == 0
    with consuming(kafka, failing.listeners, f"g-{uuid4()}"):
        until(lambda: last.placement_request_id in failing.good, 120)
    assert number_of_dead_letters() > 100
