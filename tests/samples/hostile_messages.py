"""Messages that anybody who reaches Kafka could write: each must end as handled or as a dead letter, and nothing waits.

`hostile_messages(topic)` gives all of them for a topic: bytes that are no event, and every event of the topic with one
thing wrong in it, in its envelope or anywhere in its payload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from shared.events.document import events
from shared.events.event import Event
from tests.samples.invention import invented

Headers = list[tuple[str, bytes | None]]
Document = dict[str, Any]
Place = tuple[Any, ...]
"""The keys that lead to a value in a document."""


@dataclass(frozen=True)
class HostileMessage:
    """A message as it lies on Kafka; `name` says what is wrong with it."""

    name: str
    value: bytes | None
    key: bytes | None = field(default_factory=lambda: str(uuid4()).encode())
    headers: Headers = field(default_factory=list)


DEEP = 100_000
BYTES: dict[str, bytes | None] = {
    "a tombstone": None,
    "nothing": b"",
    "one NUL": b"\x00",
    "no UTF-8": b"\xff\xfe\xfa",
    "no JSON": b"not json",
    "null": b"null",
    "a number": b"1",
    "a text": b'"text"',
    "a list": b"[]",
    "an empty object": b"{}",
    "only a version": b'{"specversion": "1.0"}',
    "deep lists": b"[" * DEEP,
    "a thousand lists": b"[" * 1000,
    "deep lists that end": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "a number of 5000 digits": b"9" * 5000,
    "infinity": b"Infinity",
    "a megabyte of blanks": b" " * 1_000_000,
    "a megabyte of zeros": b"\x00" * 1_000_000,
    "a megabyte of objects": b"[" + b"{}," * 333_000 + b"{}]",
    "half a surrogate": b'"\\ud800"',
}

WRONG_VALUES: dict[str, str] = {
    "null": "null",
    "a long text": json.dumps("ä" * 20_000),
    "NUL": '"a\\u0000b"',
    "half a surrogate": '"\\ud800"',
    "an empty text": '""',
    "a line break": '"a\\r\\nBcc: somebody@example.org"',
    "infinity": "Infinity",
    "an infinite number": "1e999",
    "no number": "NaN",
    "a huge number": "9" * 400,
    "a number of 5000 digits": "9" * 5000,
    "a negative number": "-1",
    "beyond a bigint": str(2**63),
    "true": "true",
    "an object": '{"a": 1}',
    "a key of NUL": '{"a\\u0000": []}',
    "a list": '["a"]',
    "a long list": json.dumps(["x"] * 2_000),
    "deep lists": "[" * 1000 + "]" * 1000,
    "deep objects": '{"a":' * 1000 + "1" + "}" * 1000,
    "the first day": '"0001-01-01"',
    "the last day": '"9999-12-31"',
    "the first moment, elsewhere": '"0001-01-01T00:00:00+14:00"',
    "the last moment, elsewhere": '"9999-12-31T23:59:59-14:00"',
    "a moment without offset": '"2026-11-23T09:00:00"',
}
"""JSON that stands where something else belongs."""

HEADERS: dict[str, Headers] = {
    "no name": [("", b"x")],
    "no value": [("x", None)],
    "bytes": [("x", bytes(range(256)))],
    "large": [("x", b"\x00" * 500_000)],
    "many": [(f"x{number}", b"\xff") for number in range(5_000)],
    "strange": [("\u0001\U0001f600\u202e", b"\x00")],
}
MARK = "@@the value@@"


def hostile_messages(topic: str) -> list[HostileMessage]:
    """Every message that this topic's readers must survive; each call makes new ids."""
    found = [HostileMessage(name, value) for name, value in BYTES.items()]
    known: set[Place] = set()
    for event in events():
        if event.topic.name == topic:
            places = [place for place in _places(invented(event)) if place not in known]
            found += _damaged(event, places)
            if event.topic.compacted:  # its other events carry the same state
                known.update(place for place in places if place[0] == "data" and len(place) > 1)
    return found


def a_document(event: type[Event]) -> Document:
    """An event that might have happened, with an id of its own."""
    return invented(event) | {"id": str(uuid4())}


def _damaged(event: type[Event], places: Iterable[Place]) -> Iterator[HostileMessage]:
    for place in places:
        where = ".".join(map(str, place))
        for what, wrong in WRONG_VALUES.items():
            yield HostileMessage(f"{event.name}: {what} as {where}", _with(event, place, wrong))
        yield HostileMessage(f"{event.name}: no {where}", _without(event, place))
    whole = json.dumps(a_document(event)).encode()
    yield HostileMessage(f"{event.name}: cut off", whole[:-20])
    yield HostileMessage(f"{event.name}: no key", json.dumps(a_document(event)).encode(), key=None)
    yield HostileMessage(f"{event.name}: a key of anything", json.dumps(a_document(event)).encode(), key=b"\x00\xff")
    for what, headers in HEADERS.items():
        value = json.dumps(a_document(event) | {"sequence": 0}).encode()
        yield HostileMessage(f"{event.name}: headers: {what}", value, headers=headers)


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in the document, whole parts of it too."""
    if place:
        yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from _places(child, (*place, name))


def _with(event: type[Event], place: Place, wrong: str) -> bytes:
    document = deepcopy(a_document(event))
    _around(document, place)[place[-1]] = MARK
    return json.dumps(document).replace(json.dumps(MARK), wrong).encode()


def _without(event: type[Event], place: Place) -> bytes:
    document = deepcopy(a_document(event))
    del _around(document, place)[place[-1]]
    return json.dumps(document).encode()


def _around(document: Any, place: Place) -> Any:
    for name in place[:-1]:
        document = document[name]
    return document
