"""The one list of hostile values: every endpoint, event type, import field and setting is fed from it.

Each value has a short id, by which pytest names the case: `@pytest.mark.parametrize("text", params(TEXTS))`. A test
says what must hold of whatever is sent (no 5xx, no exception but the known kinds, an answer in time); it never needs
to know which values are here, so that a value which once did harm is added in this one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, Final, TypeVar
from uuid import UUID

import pytest

Value = TypeVar("Value")

COMBINING: Final = "\u0315\u0300\u05ae\u0325"
"""Combining marks of different classes: in this order normalisation has to sort them."""

LARGE: Final = 400_000
"""Characters of a large text: fits into a body of one mebibyte, even where each takes two bytes."""

TEXTS: Final[dict[str, str]] = {
    "empty": "",
    "blank": " ",
    "rare-blanks": "\u00a0\u2009\u202f\u3000\u2028\u2800",
    "nul": "Anna\x00Muster",
    "only-nul": "\x00",
    "control": "Anna\x07\x1b[31mMuster",
    "c1-control": "Anna\x9b31mMuster",
    "line-breaks": "Anna\r\nBcc: alle@example.org\r\n\r\nMuster",
    "next-line": "Anna\u0085Muster",
    "soft-hyphen": "Lü\u00addenscheid",
    "zero-width": "An\u200bna\u2060 \ufeffMuster",
    "only-invisible": "\u200b\u00ad\u2060",
    "bidi": "Anna \u202eretsuM\u202c \u2066x\u2069",
    "joiners": "👩\u200d⚕\ufe0f Anna",
    "tag-characters": "Anna\U000e0041\U000e007f",
    "private-use": "Anna \ue000 \U0010fffd",
    "noncharacter": "Anna\uffff\ufdd0",
    "decomposed": "Mu\u0308ller-Lu\u0308denscheid",
    "composition-grows": "\ufb2c" * 90,
    "compatibility-grows": "\ufdfa" * 20,
    "one-combining": "\u0301",
    "combining-marks": "a" + COMBINING * 40,
    "emoji": "😀" * 50,
    "arabic-digits": "٠٣٠ ١٢٣٤٥٦٧",
    "superscript": "030 123456²",
    "sharp-s": "STRAẞE Straße",
    "dotted-i": "İstanbul ıspanak",
    "quotes": "'; DROP TABLE patients; --",
    "like": "%_\\%",
    "markup": "<script>alert(1)</script>&amp;",
    "template": "{{ 7 * 7 }} ${7*7} {0.__class__} %(name)s %s",
    "formula": "=cmd|' /C calc'!A0",
    "path": "../../../../etc/passwd",
    "header": "x\nSubject: y",
    "json": '{"a": [1, 2]}',
    "null-word": "null",
    "true-word": "true",
    "nan-word": "NaN",
    "infinity-word": "-Infinity",
    "zero": "0",
    "minus": "-1",
    "digits-5000": "9" * 5000,
    "exponent": "1e999",
    "hex": "0x1F",
    "long-256": "x" * 256,
    "long-5000": "Muster " * 714,
    "long": "x" * LARGE,
    "long-blanks": " " * LARGE,
    "long-blank-middle": "a" + " " * LARGE + "b",
    "long-combining": COMBINING * (LARGE // 8),
    "long-emoji": "😀" * (LARGE // 4),
    "long-soft-hyphens": "a" + "\u00ad" * (LARGE // 2),
    "long-lines": "a\n" * (LARGE // 4),
    "long-alternating": "a." * (LARGE // 2),
    "long-email": "a" * 64 + "@" + "b." * 60_000 + "de",
    "email-many-dots": "a." * 30_000 + "@example.org",
    "email-many-ats": "@" * 60_000,
    "email-quoted": '"' + "\\" * 50_000 + '"@example.org',
    "email-combining": COMBINING * 50_000 + "@example.org",
    "email-umlaut-domain": "praxis@" + "ü" * 60_000 + ".de",
    "email-two": "a@example.org, b@example.org",
    "email-header": "a@example.org\r\nBcc: b@example.org",
    "phone-long": "+49" + "(0)" * 50_000 + "1",
    "phone-blanks": "0" + "\u00a0" * 50_000 + "301234567",
    "phone-trunk": "49(0)345 1234567",
    "phone-two": "030 1234567 / 0171 2345678",
    "url": "javascript:alert(1)",
    "url-long": "https://" + "a:" * 60_000 + "@example.org",
}
"""Texts without halves of surrogate pairs, which JSON in UTF-8 cannot carry as such: those are in `BROKEN_TEXTS`."""

BROKEN_TEXTS: Final[dict[str, str]] = {
    "high-surrogate": "Anna\ud800",
    "low-surrogate": "\udc00Muster",
    "swapped-surrogates": "\udc00\ud800",
}
"""Texts that Python can hold and neither UTF-8 nor PostgreSQL; in JSON they are written `\\ud800`."""

NUMBERS: Final[dict[str, int | float]] = {
    "zero": 0,
    "minus-zero": -0.0,
    "minus-one": -1,
    "one": 1,
    "half": 0.5,
    "smallest": 5e-324,
    "largest-float": 1.7976931348623157e308,
    "int16": 2**15,
    "int31": 2**31 - 1,
    "int32": 2**31,
    "minus-int32": -(2**31) - 1,
    "int63": 2**63 - 1,
    "int64": 2**63,
    "minus-int64": -(2**63) - 1,
    "days-overflow": 10**9,
    "int128": 2**127,
    "digits-400": 10**400,
    "not-whole": 3.000000000000001,
}
"""Numbers that JSON has."""

UNREAL_NUMBERS: Final[dict[str, float]] = {"nan": float("nan"), "infinity": float("inf"), "minus": float("-inf")}
"""Numbers that JSON lacks and Python writes and reads all the same."""

WRITTEN_NUMBERS: Final[dict[str, str]] = {
    "nan": "NaN",
    "infinity": "Infinity",
    "minus-infinity": "-Infinity",
    "overflow": "1e999",
    "minus-overflow": "-1e999",
    "underflow": "1e-999",
    "digits-5000": "9" * 5000,
    "digits-400000": "9" * LARGE,
    "fraction-100000": "0." + "1" * 100_000,
    "exponent-100000": "1e" + "9" * 100_000,
    "leading-zero": "01",
    "plus": "+1",
    "hex": "0x10",
}
"""Numbers as they may stand in JSON, some of them no JSON."""

DATES: Final[dict[str, str]] = {
    "first": "0001-01-01",
    "second": "0001-01-02",
    "year-zero": "0000-01-01",
    "four-weeks-in": "0001-01-28",
    "1582": "1582-10-10",
    "1899": "1899-12-31",
    "1900": "1900-01-01",
    "1999": "1999-12-31",
    "2000": "2000-01-01",
    "leap": "2028-02-29",
    "no-leap": "2027-02-29",
    "clock-change": "2027-03-28",
    "2038": "2038-01-20",
    "2099": "2099-12-31",
    "2100": "2100-01-01",
    "2999": "2999-01-01",
    "four-weeks-before": "9999-12-03",
    "last": "9999-12-31",
    "year-10000": "10000-01-01",
    "month-13": "2026-13-01",
    "day-32": "2026-01-32",
    "minus": "-2026-01-01",
    "week": "2026-W01-1",
    "compact": "20261201",
    "german": "01.12.2026",
    "arabic-digits": "٢٠٢٦-١٢-٠١",
    "zero": "0",
    "unix": "1764547200",
    "instant": "2026-12-01T00:00:00Z",
    "empty": "",
    "infinity": "infinity",
    "today": "today",
}
"""Days as they are written; the plausible ones among them are the edges of what is taken."""

INSTANTS: Final[dict[str, str]] = {
    "first": "0001-01-01T00:00:00Z",
    "first-east": "0001-01-01T00:00:00+14:00",
    "first-west": "0001-01-01T00:00:00-14:00",
    "1899": "1899-12-31T23:59:59Z",
    "unix-zero": "1970-01-01T00:00:00Z",
    "1999": "1999-12-31T23:59:59Z",
    "2000": "2000-01-01T00:00:00Z",
    "skipped-hour": "2027-03-28T02:30:00+01:00",
    "twice": "2027-10-31T02:30:00+01:00",
    "leap-second": "2016-12-31T23:59:60Z",
    "2099": "2099-12-31T23:59:59Z",
    "2100": "2100-01-01T00:00:00Z",
    "last": "9999-12-31T23:59:59Z",
    "last-east": "9999-12-31T23:59:59+14:00",
    "last-west": "9999-12-31T23:59:59-14:00",
    "fractions": "2026-12-01T09:00:00." + "9" * 60 + "Z",
    "long-fractions": "2026-12-01T09:00:00." + "9" * 100_000 + "Z",
    "offset-24": "2026-12-01T09:00:00+24:00",
    "offset-99": "2026-12-01T09:00:00+99:99",
    "no-offset": "2026-12-01T09:00:00",
    "hour-24": "2026-12-01T24:00:00Z",
    "only-day": "2026-12-01",
    "unix": "1764547200",
    "empty": "",
    "infinity": "infinity",
}
"""Instants as they are written."""

DAYS: Final[dict[str, date]] = {
    "first": date.min,
    "1899": date(1899, 12, 31),
    "1999": date(1999, 12, 31),
    "2100": date(2100, 1, 1),
    "last": date.max,
}
"""Days outside what any field takes, but for a date of birth."""

MOMENTS: Final[dict[str, datetime]] = {
    "first": datetime.min.replace(tzinfo=UTC),
    "1899": datetime(1899, 12, 31, tzinfo=UTC),
    "1999": datetime(1999, 12, 31, 22, 59, 59, tzinfo=UTC),
    "2100": datetime(2100, 1, 1, tzinfo=UTC),
    "last": datetime.max.replace(tzinfo=UTC),
}
"""Instants outside what any field takes."""

WINDOWS: Final[dict[str, Any]] = {
    "text": "monday",
    "number": 1,
    "list": [],
    "unknown-day": {"mon": []},
    "null-day": {"monday": None},
    "text-in-day": {"monday": ["09:00-12:00"]},
    "hour-25": {"monday": [{"start": "25:00", "end": "26:00"}]},
    "backwards": {"monday": [{"start": "12:00", "end": "09:00"}]},
    "numbers": {"monday": [{"start": 9, "end": 12}]},
    "overlap": {"monday": [{"start": "09:00", "end": "12:00"}, {"start": "11:00", "end": "13:00"}]},
    "surplus": {"monday": [{"start": "09:00", "end": "12:00", "note": "x"}]},
    "nested": {"monday": {"monday": {"monday": []}}},
    "same-10000": {"monday": [{"start": "09:00", "end": "12:00"}] * 10_000},
    "minutes-1440": {
        "monday": [
            {"start": f"{m // 60:02}:{m % 60:02}", "end": f"{(m + 1) // 60:02}:{(m + 1) % 60:02}"}
            for m in range(0, 1438, 2)
        ]
    },
    "days-100000": {str(number): [] for number in range(50_000)},
}
"""Weekly hours that are none, or too many."""

DEPTHS: Final[dict[str, bytes]] = {
    "lists-200": b"[" * 200 + b"]" * 200,
    "lists-1000": b"[" * 1000 + b"]" * 1000,
    "lists-open-1000": b"[" * 1000,
    "lists-100000": b"[" * 100_000 + b"]" * 100_000,
    "objects-200": b'{"a":' * 200 + b"1" + b"}" * 200,
    "objects-1000": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "objects-100000": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}
"""Deep JSON."""

SIZES: Final[tuple[int, ...]] = (0, 1, 20, 21, 100, 101, 200, 201, 1000, 1001, 4000, 4001, 25_000, 100_000)
"""Lengths of lists and texts: around every limit, and far beyond."""

IDS: Final[dict[str, str]] = {
    "nil": "00000000-0000-0000-0000-000000000000",
    "max": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "upper": "01933F0E-7C3A-7000-8000-ABCDEFABCDEF",
    "braces": "{01933f0e-7c3a-7000-8000-abcdefabcdef}",
    "urn": "urn:uuid:01933f0e-7c3a-7000-8000-abcdefabcdef",
    "no-hyphens": "01933f0e7c3a70008000abcdefabcdef",
    "short": "01933f0e-7c3a-7000-8000",
    "long": "01933f0e-7c3a-7000-8000-abcdefabcdef" * 1000,
    "blank": "01933f0e-7c3a-7000-8000-abcdefabcdef ",
    "number": "1",
    "text": "patient",
    "nul": "01933f0e-7c3a-7000-8000-abcdefabcde\x00",
    "empty": "",
    "null-word": "null",
}
"""Ids as they are written; the first four are UUIDs that nobody has."""


def distinct_ids(count: int) -> list[str]:
    """That many different ids."""
    return [str(UUID(int=number + 1)) for number in range(count)]


LISTS: Final[dict[str, list[Any]]] = {
    "empty": [],
    "null": [None],
    "nested": [[[]]],
    "mixed": [1, "a", None, {}, [], True],
    "same-25000": ["VT"] * 25_000,
    "ids-25000": distinct_ids(25_000),
    "same-id-25000": ["01933f0e-7c3a-7000-8000-abcdefabcdef"] * 25_000,
    "texts-25000": [f"Text {number}" for number in range(25_000)],
    "blanks-50000": [""] * 50_000,
    "nulls-100000": [None] * 100_000,
    "objects-25000": [{}] * 25_000,
}
"""Lists that are too long, or hold what no list of ours does."""

OBJECTS: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "empty-object": {},
    "nul-key": {"a\x00b": 1},
    "empty-key": {"": ""},
    "prototype": {"__proto__": {"a": 1}, "__class__": "x", "constructor": {}},
    "keys-50000": {f"k{number}": number for number in range(50_000)},
    "long-key": {"k" * LARGE: 1},
}
"""Values of other kinds than text, number and list."""

BODIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "blank": b" \n",
    "bom": b'\xef\xbb\xbf{"a": 1}',
    "nul": b"\x00",
    "latin-1": '{"last_name": "Müller"}'.encode("latin-1"),
    "utf-16": '{"last_name": "Anna"}'.encode("utf-16"),
    "cut-off": b'{"last_name": "An',
    "two-documents": b"{}{}",
    "comma": b'{"a": 1,}',
    "single-quotes": b"{'a': 1}",
    "null": b"null",
    "number": b"1",
    "text": b'"text"',
    "list": b"[]",
    "repeated-key": b'{"last_name": "A", "last_name": "B"}',
    "high-surrogate": b'{"last_name": "\\ud800"}',
    "nul-escape": b'{"last_name": "\\u0000"}',
    "nul-key": b'{"\\u0000": 1}',
    "surrogate-key": b'{"\\udfff": 1}',
    "invalid-escape": b'{"a": "\\x41"}',
    "overlong-utf8": b'{"a": "\xc0\x80"}',
    "random": bytes(range(256)),
    "keys-50000": json.dumps({f"k{number}": number for number in range(50_000)}).encode(),
    "surplus": b'{"a": "' + b"x" * LARGE + b'"}',
    **{f"depth-{name}": value for name, value in DEPTHS.items()},
    **{f"field-depth-{name}": b'{"last_name": ' + value + b"}" for name, value in DEPTHS.items()},
    **{f"number-{name}": f'{{"priority": {value}}}'.encode() for name, value in WRITTEN_NUMBERS.items()},
}
"""Whole messages: bodies of requests, lines of files, values on a topic."""


def params(values: Mapping[str, Value]) -> list[Any]:
    """The values as pytest's parameters, named by their ids."""
    return [pytest.param(value, id=name) for name, value in values.items()]


def json_values() -> Iterator[tuple[str, Any]]:
    """Every value that JSON can carry in a field, with an id that is unique among them."""
    kinds: dict[str, Mapping[str, Any]] = {
        "text": TEXTS,
        "number": NUMBERS,
        "date": DATES,
        "instant": INSTANTS,
        "hours": WINDOWS,
        "id": IDS,
        "list": LISTS,
        "object": OBJECTS,
    }
    return chain.from_iterable(
        ((f"{kind}-{name}", value) for name, value in values.items()) for kind, values in kinds.items()
    )
