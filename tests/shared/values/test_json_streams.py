"""JSON read block by block: the same values wherever the blocks end, and every structure in linear time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.values.json_streams import CutOff, JsonStream, NotJson, NotUtf8, fields_of, repeated_names
from tests.hostile import DEPTHS, WRITTEN_NUMBERS, params

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def blocks(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[start : start + size] for start in range(0, len(raw), size))


def passed(raw: bytes, size: int) -> bytes | None:
    """The one value of this text, passed over in blocks of so many bytes."""
    stream = JsonStream(blocks(raw, size))
    value = stream.value(keep=len(raw))
    stream.end()
    assert value.raw == raw[value.start : value.end]
    return value.raw


@given(VALUES, st.booleans(), st.integers(min_value=1, max_value=40))
def test_a_value_is_found_whole_wherever_blocks_end(value: Any, escaped: bool, size: int) -> None:
    raw = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    assert passed(b" \n" + raw + b"\t ", size) == raw


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES), st.integers(1, 40))
def test_members_and_elements_are_those_of_the_document(document: dict[str, Any], size: int) -> None:
    stream = JsonStream(blocks(json.dumps({"all": [document, document]}, indent=1).encode(), size))
    assert next(members := stream.members()) == "all"
    read = []
    for _ in stream.elements():
        inner = stream.members()
        read.append({name: json.loads(stream.value(keep=10**6).raw or b"") for name in inner})
    assert list(members) == []
    stream.end()
    assert read == [document, document]


@given(VALUES, st.data())
def test_a_cut_document_is_cut_off(value: Any, data: st.DataObject) -> None:
    raw = json.dumps([value]).encode()
    with pytest.raises(CutOff):
        passed(raw[: data.draw(st.integers(0, len(raw) - 1))], 7)


@pytest.mark.parametrize("size", [997, 1 << 20])
@pytest.mark.parametrize("raw", params(DEPTHS | {name: text.encode() for name, text in WRITTEN_NUMBERS.items()}))
def test_what_no_parser_takes_is_passed_over_as_any_value(raw: bytes, size: int) -> None:
    if raw.count(b"[") != raw.count(b"]"):
        with pytest.raises(CutOff):
            passed(raw, size)
    else:
        assert passed(raw, size) == raw


@pytest.mark.parametrize("beside", ['"a"', '{"x": "]"}', "[1, [2]]"])
def test_values_around_one_of_great_depth_are_found(beside: str) -> None:
    """As Debian 12's Python 3.11.2 did not with possessive groups."""
    for depth in range(1, 16):
        inner = beside
        for _ in range(depth):
            inner = f"[{beside}, {inner}, {beside}]"
        stream = JsonStream([f"[{inner}, 2]".encode()])
        raw = [stream.value(keep=1 << 20).raw for _ in stream.elements()]
        assert raw == [inner.encode(), b"2"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{} x", NotJson),
        (b"{} {}", NotJson),
        (b"{}\x00\x00", NotJson),
        (b"", CutOff),
        (b'"\xff"', NotUtf8),
        (b'"\xc3', CutOff),
        ('{"ä": 1}'.encode("latin-1"), NotUtf8),
        ("{}".encode("utf-16"), NotUtf8),
    ],
)
def test_what_is_no_json_says_so(raw: bytes, problem: type[Exception]) -> None:
    for size in (1, 100):
        with pytest.raises(problem):
            passed(raw, size)


def test_an_object_that_is_none_has_no_fields() -> None:
    for raw in (b"{", b'{"a"', b'{"a":1', b'{"a":1,', b'{"a" 1}', b"{a:1}", b'{"a":}', b'{"a":1,}', b"{,}"):
        assert fields_of(raw) is None


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert passed(b"\xef\xbb\xbf{}", 100) == b"{}"


def test_of_a_large_value_only_its_place_is_kept() -> None:
    stream = JsonStream(blocks(b"[" + b'"' + b"x" * 3_000_000 + b'", 1]', 1 << 16))
    found = [stream.value(keep=1_000_000) for _ in stream.elements()]
    assert [(value.raw, value.end - value.start) for value in found] == [(None, 3_000_002), (b"1", 1)]
    assert len(stream._buffer) < 1 << 20


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 2_000_000 + b"]" * 2_000_000,
        b"[]," * 500_000,
        b'"' + b"\\n" * 1_000_000,
        b'{"' * 1_000_000,
        b'"a",' * 500_000,
    ],
    ids=["deep", "pairs", "escapes", "open", "strings"],
)
def test_no_structure_takes_more_than_linear_time(raw: bytes) -> None:
    started = time.process_time()
    stream = JsonStream(blocks(b"[" + raw + b"1]", 1 << 16))
    with suppress(NotJson):
        stream.value(keep=len(raw) + 3)
    assert time.process_time() - started < 5, "a few hundredths of a second for each megabyte"


@given(VALUES)
def test_a_document_of_dicts_repeats_nothing(value: Any) -> None:
    assert repeated_names(json.dumps(value).encode()) == []


def test_repeated_names_are_found_at_any_depth_and_spelling() -> None:
    assert repeated_names(rb'{"a": [{"b": 1, "\u0062": 2, "c": 1}], "c": {"d": 1}, "a": 2}') == ["b", "a"]
