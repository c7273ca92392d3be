"""Lengths are looked at before anything else: the worst that may come costs less than 50 ms, the rest is refused.

All schemas that read something are walked, so that a new field without a limit fails here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.values.errors import NotAcceptable
from shared.values.schemas import MOST_PROBLEMS, problems_of
from shared.values.text import fold, words
from shared.values.weekly import Weekly
from tests.boundaries.samples import Input, Path, bodies, imported, queries
from tests.hostile import COMBINING, LARGE, params
from tests.selection import mostly_slow

SECONDS = 0.1
"""Of processor time: what the worst value of an allowed size may cost while other tests run beside this one."""
SECONDS_REFUSED = 1.5
"""What a mebibyte of 30,000 mistakes may cost: 0.3 s alone, 0.97 s beside five other groups of tests. It grows with
the length, not with its square: that would be 1.7 ns for each pair, and a step of Python takes ten times as long."""

INPUTS = bodies() | imported() | {name: Input(kind) for name, kind in queries().items()}
WORST_PIECES = {
    "combining": COMBINING,
    "same-mark": "\u0301",
    "base-and-marks": "a" + COMBINING * 15,
    "hangul": "\u1112\u1161\u11ab",
    "composition-grows": "\ufb2c",
    "compatibility-grows": "\ufdfa",
    "emoji": "😀",
    "soft-hyphens": "a\u00ad",
    "blanks": "\u00a0a",
    "lines": "a\n",
    "alternating": "a.",
    "at-signs": "a@",
    "domain": "a@b.",
    "quoted": '"\\',
    "umlauts": "ü-",
    "digits": "0",
    "brackets": "(0)",
    "phone": "0/ -",
    "trunk": "49(0)",
    "letters": "x",
    "url": "https://a:",
}


def is_bounded(schema: dict[str, Any]) -> bool:
    """Whether the schema of a text says how long it may be."""
    return bool({"maxLength", "enum", "const"} & schema.keys()) or schema.get("format") in (
        "uuid",
        "date",
        "date-time",  # at most 60 characters: tests/shared/values/test_datetimes.py
    )


@pytest.mark.parametrize("known", params(INPUTS))
def test_every_text_and_every_list_that_comes_in_has_a_limit(known: Input) -> None:
    """A field without one takes a mebibyte."""
    without = [
        path
        for path, schema in known.paths()
        if (schema.get("type") == "string" and not is_bounded(schema) and "pattern" not in schema)
        or (schema.get("type") == "array" and "maxItems" not in schema)
    ]
    assert without == []


def worst_values(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The worst values of the largest size that is allowed, and the same far beyond it."""
    if schema.get("type") == "string":
        longest = schema.get("maxLength", 60)
        for name, piece in WORST_PIECES.items():
            yield name, (piece * longest)[:longest]
            yield f"e-mail of {name}", ((piece * longest)[: max(longest - 12, 0)] + "@example.org")[:longest]
        for name in ("combining", "blanks", "alternating", "at-signs"):
            yield f"far too long, {name}", (WORST_PIECES[name] * LARGE)[: LARGE // 4]


def seconds_for(known: Input, document: Any) -> float:
    """How long it takes to read the document, whether or not it is refused; at best, where the first time is long."""
    body = json.dumps(document).encode()
    first = _timed(known.adapter, body)
    return first if first < SECONDS else min(first, _timed(known.adapter, body))


def _timed(adapter: TypeAdapter[Any], body: bytes) -> float:
    began = time.thread_time()
    try:
        adapter.validate_json(body)
    except ValidationError as invalid:
        shown = len(problems_of(invalid))
        if shown > MOST_PROBLEMS:
            raise AssertionError(f"{shown} problems") from None
    return time.thread_time() - began


@pytest.mark.parametrize("known", mostly_slow(params(INPUTS), every=4))
def test_the_worst_text_of_every_field_costs_little(known: Input) -> None:
    """Combining marks, signs that expressions stumble over, e-mail addresses without an end."""
    slow = [
        (path, name, seconds)
        for path, schema in known.different_paths()
        for name, value in worst_values(schema)
        if (seconds := seconds_for(known, known.example(path=path, value=value))) > SECONDS
    ]
    assert slow == []


def _items(known: Input, path: Path, schema: dict[str, Any], count: int) -> dict[str, list[Any]]:
    item = known.resolved(schema["items"])
    example = known.example(schema["items"])
    lists = {"same": [example] * count, "null": [None] * count, "objects": [{}] * count, "text": ["x"] * count}
    if item.get("format") == "uuid":
        lists["distinct"] = [f"01933f0e-7c3a-7000-8000-{number:012x}" for number in range(count)]
    elif item.get("type") == "string":
        lists["distinct"] = [f"{number} x" for number in range(count)]
        longest = item.get("maxLength", 30)
        lists["worst"] = [(COMBINING * longest)[:longest]] * min(count, 1_000_000 // (longest * 6))
    return lists


@pytest.mark.parametrize("known", mostly_slow(params(INPUTS), every=4))
def test_the_worst_list_of_every_field_costs_little(known: Input) -> None:
    """25,000 ids once took twenty seconds; a list that is too long is not even read to its end."""
    slow = []
    for path, schema in known.different_paths():
        if schema.get("type") != "array":
            continue
        for count in {schema["maxItems"], 25_000}:
            for name, items in _items(known, path, schema, count).items():
                seconds = seconds_for(known, known.example(path=path, value=items))
                if seconds > SECONDS * 2:
                    slow.append((path, name, count, seconds))
    assert slow == []


UNKNOWN_FIELDS = json.dumps({f"{number:0>26}": [] for number in range(30_000)}).encode()


@pytest.mark.parametrize("known", mostly_slow(params(INPUTS), every=16))
def test_a_mebibyte_of_unknown_fields_costs_little(known: Input) -> None:
    """Each is refused by name; a person reads the first hundred at most."""
    assert _timed(known.adapter, UNKNOWN_FIELDS) < SECONDS_REFUSED


@pytest.mark.parametrize(
    "week",
    [
        {"monday": [{"start": "09:00", "end": "12:00"}] * 25_000},
        {"monday": [{"start": f"{m // 60:02}:{m % 60:02}", "end": "24:00"} for m in range(1440)] * 20},
        {str(number): [] for number in range(60_000)},
        {"monday": list(range(100_000))},
    ],
    ids=["same", "overlapping", "days", "numbers"],
)
def test_weekly_hours_have_a_limit(week: Any) -> None:
    """More windows a day than hours are no office hours; two weeks are compared window by window."""
    began = time.thread_time()
    with pytest.raises(NotAcceptable):
        Weekly.from_json(week)
    assert time.thread_time() - began < SECONDS


def test_the_fullest_week_is_read_and_compared_quickly() -> None:
    """24 windows on each of seven days, on both sides."""
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    week = {day: [{"start": f"{hour:02}:00", "end": f"{hour:02}:59"} for hour in range(24)] for day in days}
    began = time.thread_time()
    known = Weekly.from_json(week)
    assert known is not None
    assert known.intersection(known) == known
    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize("piece", params(WORST_PIECES))
@pytest.mark.parametrize("form", [fold, words])
def test_a_search_of_the_longest_kind_is_folded_quickly(form: Callable[[str], Any], piece: str) -> None:
    """`q` has at most 200 characters."""
    began = time.thread_time()
    form((piece * 200)[:200])
    assert time.thread_time() - began < SECONDS
