"""Whatever stands in any field of any event's payload, it becomes the event, or a refusal of the kinds that are known.

This is the reading of one message; what becomes of it on a topic is in tests/shared/events.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared.events import catalogue
from shared.events.event import CATALOGUE, Event, UnreadableEvent, read_event
from tests.boundaries.samples import Path
from tests.hostile import DAYS, MOMENTS, WRITTEN_NUMBERS, json_values, params
from tests.samples.invention import invented
from tests.selection import mostly_slow

SECONDS = 1.0
PLACEHOLDER = '"the value that is exchanged"'
VALUES = {name: json.dumps(value) for name, value in json_values()} | {
    f"written-{name}": text for name, text in WRITTEN_NUMBERS.items()
}

assert catalogue  # its import fills CATALOGUE


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in the document; of a list the first."""
    if path:
        yield path
    if isinstance(document, dict):
        for name, value in document.items():
            yield from paths(value, (*path, name))
    if isinstance(document, list) and document:
        yield from paths(document[0], (*path, 0))


def exchanged(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at the path."""
    if not path:
        return value
    if isinstance(document, list):
        return [exchanged(document[0], path[1:], value), *document[1:]]
    return {**document, path[0]: exchanged(document[path[0]], path[1:], value)}


def different_places() -> Iterator[Any]:
    """Every place in every payload; of those that several events have the first."""
    seen = set()
    for name, kind in sorted(CATALOGUE.items()):
        data = invented(kind)["data"]
        for path in paths(data):
            if path not in seen:
                seen.add(path)
                yield pytest.param(kind, path, id=f"{name} {'.'.join(map(str, path))}")


def read(kind: type[Event], message: bytes) -> Event | None:
    """The event, or None for a message that is refused as such messages are."""
    began = time.thread_time()
    try:
        return read_event(message, {kind})
    except (UnreadableEvent, ValidationError) as refused:
        str(refused).encode(errors="surrogatepass")
        return None
    finally:
        assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize(("kind", "path"), mostly_slow(different_places(), every=4))
def test_any_value_in_any_field_of_any_event_is_read_or_refused(kind: type[Event], path: Path) -> None:
    """What is read can be written again: a copy is made of it."""
    document = json.dumps({**invented(kind), "data": exchanged(invented(kind)["data"], path, json.loads(PLACEHOLDER))})
    for value in VALUES.values():
        event = read(kind, document.replace(PLACEHOLDER, value).encode())
        if event is not None:
            event.model_dump_json().encode()


def fields_with_a_day() -> Iterator[Any]:
    """Every event's places of days and moments, as they are in the invented samples."""
    for name, kind in sorted(CATALOGUE.items()):
        data = invented(kind)["data"]
        for path in paths(data):
            value = data
            for part in path:
                value = value[part]
            if isinstance(value, str) and path[-1] not in ("from", "to") and _is_day_or_moment(value):
                yield pytest.param(kind, path, "T" in value, id=f"{name} {'.'.join(map(str, path))}")


def _is_day_or_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= len("2026-12-01")


@pytest.mark.parametrize(("kind", "path", "is_moment"), list(fields_with_a_day()))
def test_no_event_carries_a_day_that_cannot_be(kind: type[Event], path: Path, is_moment: bool) -> None:
    """A listener computes with it: four weeks before the first day of all there is nothing."""
    points: dict[str, date] = {**MOMENTS} if is_moment else {**DAYS}
    for point in points.values():
        document = {**invented(kind), "data": exchanged(invented(kind)["data"], path, point.isoformat())}
        assert read(kind, json.dumps(document).encode()) is None, point


@pytest.mark.parametrize(
    "depth", params({"lists": "[" * 1000 + "]" * 1000, "objects": '{"a":' * 1000 + "1" + "}" * 1000})
)
def test_depth_in_a_known_field_is_refused(depth: str) -> None:
    """The parser stops at a depth; it raises nothing else."""
    for kind in CATALOGUE.values():
        document = json.dumps({**invented(kind), "data": json.loads(PLACEHOLDER)})
        assert read(kind, document.replace(PLACEHOLDER, depth).encode()) is None
