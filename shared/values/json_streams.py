"""JSON that is looked at from front to back, block by block, whatever is inside its values.

Only the structure is read here: where each value begins and ends. What a value holds is parsed elsewhere, each alone,
so that one that no parser takes (`NaN`, 5,000 digits, half a surrogate, a great depth) costs itself and nothing around
it. ijson cannot do that: its fast backend fails the whole file at `NaN`, turns half a surrogate into a question mark,
needs minutes for a great depth and crashes the process at 5,000 digits (tried with 3.6.0).
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_AHEAD = 1 << 16
"""Bytes that are in memory before a value is looked at, so that nearly every value is found in one step."""
_USUAL_DEPTH = 6

_BLANKS = re.compile(rb"[ \t\n\r]*+")
_OPENING = re.compile(rb"[{\[]++")
_CLOSING = re.compile(rb"[}\]]++")
_QUOTE_OR_BACKSLASH = re.compile(rb'["\\]')
_BARE = re.compile(rb'[^ \t\n\r,:"{}\[\]]*+')
# groups are atomic, never possessive: until 3.11.4, as in Debian 12, Python backtracks wrongly within `(?:…)*+`
_STRING_BYTES = rb'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
_STRING = re.compile(_STRING_BYTES, re.DOTALL)


def _inner(depth: int) -> bytes:
    return rb'[^"{}\[\]]++|' + _STRING_BYTES + (b"|" + _brackets(depth) if depth else b"")


def _brackets(depth: int) -> bytes:
    return rb"[{\[](?>(?:" + _inner(depth - 1) + rb")*)[}\]]"


_USUAL = re.compile(_brackets(_USUAL_DEPTH), re.DOTALL)
"""An object or list of no great depth: every group is atomic, so the time grows with the length alone."""
_INSIDE = re.compile(b"(?>(?:" + _inner(_USUAL_DEPTH) + b")*)", re.DOTALL)
"""All that lies between two brackets, up to one that is not closed yet, or whose depth is great."""


class NotJson(Exception):
    """The structure is broken; says where and how."""


class CutOff(NotJson):
    """The end came before the end of the JSON."""


class NotUtf8(Exception):
    """The bytes are not UTF-8; says where."""


@dataclass(frozen=True, slots=True)
class Value:
    """Where a value lies, in bytes from the beginning, and the value as it stands there."""

    start: int
    end: int
    raw: bytes | None
    """None where it is larger than what the caller wanted to keep."""


class JsonStream:
    """Blocks of bytes read as JSON; in memory are one block and the value that is looked at, if it is to be kept."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._decoder = getincrementaldecoder("utf-8")()
        self._buffer = b""
        self._at = 0
        self._passed = 0
        self._kept_from: int | None = None
        self._keep = 0
        self._more()
        if self._buffer.startswith(BYTE_ORDER_MARK):
            self._at = len(BYTE_ORDER_MARK)

    @property
    def place(self) -> int:
        """How many bytes lie before the next one."""
        return self._passed + self._at

    def next_byte(self) -> bytes:
        """The next byte that is not blank, left where it is; empty at the end."""
        while True:
            self._at = _BLANKS.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def members(self) -> Iterator[str | None]:
        """The name of each member of the object that begins here; before the next one, take its `value`.

        None stands for a name that cannot be read.
        """
        self._expect(b"{")
        if self._follows(b"}"):
            return
        while True:
            if self.next_byte() != b'"':
                raise self._broken("a name in quotes")
            name = _name(self.value(keep=_AHEAD).raw)
            self._expect(b":")
            yield name
            if self._follows(b"}"):
                return
            self._expect(b",")

    def elements(self) -> Iterator[None]:
        """A turn for each element of the list that begins here, in which to take its `value`."""
        self._expect(b"[")
        if self._follows(b"]"):
            return
        while True:
            yield
            if self._follows(b"]"):
                return
            self._expect(b",")

    def value(self, keep: int) -> Value:
        """Pass over the value that begins here; `keep` bounds the bytes of it that are held in memory."""
        first = self.next_byte()
        if len(self._buffer) - self._at < _AHEAD:
            self._more()
        start, self._kept_from, self._keep = self.place, self._at, keep
        if first in (b"{", b"["):
            self._pass_brackets()
        elif first == b'"':
            self._pass_string()
        else:
            self._pass_bare()
        kept_from, self._kept_from = self._kept_from, None
        is_kept = kept_from is not None and self._at - kept_from <= keep
        return Value(start, self.place, self._buffer[kept_from : self._at] if is_kept else None)

    def end(self) -> None:
        """Raise `NotJson` where anything but blanks follows."""
        if self.next_byte():
            raise NotJson(f"something follows the end of the JSON, at byte {self.place}")

    def _pass_brackets(self) -> None:
        if usual := _USUAL.match(self._buffer, self._at):
            self._at = usual.end()
            return
        depth = 0
        while True:
            if opening := _OPENING.match(self._buffer, self._at):
                self._at = opening.end()
                depth += len(opening[0])
            elif closing := _CLOSING.match(self._buffer, self._at):
                self._at += min(depth, len(closing[0]))
                depth -= len(closing[0])
                if depth <= 0:
                    return
            elif self._at < len(self._buffer):  # a string that goes on in the next block
                self._pass_string()
            else:
                self._need_more()
            self._at = _INSIDE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing too

    def _pass_string(self) -> None:
        if whole := _STRING.match(self._buffer, self._at):
            self._at = whole.end()
            return
        self._at += 1
        while True:
            found = _QUOTE_OR_BACKSLASH.search(self._buffer, self._at)
            if found is None:
                self._at = len(self._buffer)
                self._need_more()
                continue
            self._at = found.end()
            if found[0] == b'"':
                return
            if self._at == len(self._buffer):
                self._need_more()
            self._at += 1  # whatever is escaped

    def _pass_bare(self) -> None:
        start = self.place
        while True:
            self._at = _BARE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._buffer) or not self._more():
                break
        if self.place == start:
            raise self._broken("a value")

    def _follows(self, byte: bytes) -> bool:
        if self.next_byte() != byte:
            return False
        self._at += 1
        return True

    def _expect(self, byte: bytes) -> None:
        if not self._follows(byte):
            raise self._broken(byte.decode())

    def _broken(self, expected: str) -> NotJson:
        if not self.next_byte():
            return CutOff(f"it ends after {self.place} bytes, where {expected} should follow")
        return NotJson(f"{expected} should follow at byte {self.place}")

    def _need_more(self) -> None:
        if not self._more():
            raise CutOff(f"it ends after {self.place} bytes, in the middle of a value")

    def _more(self) -> bool:
        """Take the next block, and let go of what lies behind, unless it is kept."""
        block = next(self._blocks, None)
        if block is None:
            return False
        try:
            self._decoder.decode(block)
        except UnicodeDecodeError:
            before = self._passed + len(self._buffer)
            raise NotUtf8(f"a byte after the first {before} is not UTF-8") from None
        if self._kept_from is not None and self._at - self._kept_from > self._keep:
            self._kept_from = None
        behind = self._at if self._kept_from is None else self._kept_from
        self._buffer = self._buffer[behind:] + block
        self._passed += behind
        self._at -= behind
        if self._kept_from is not None:
            self._kept_from = 0
        return True


def _name(raw: bytes | None) -> str | None:
    try:
        return str(json.loads(raw)) if raw is not None else None
    except ValueError:
        return None


def fields_of(raw: bytes) -> list[tuple[str | None, bytes]] | None:
    """The members of an object, each value as it stands there; None where this is no object."""
    stream = JsonStream([raw])
    try:
        fields = [(name, stream.value(keep=len(raw)).raw or b"") for name in stream.members()]
        stream.end()
    except (NotJson, NotUtf8):
        return None
    return fields


class Unreadable(ValueError):
    """A value that is no JSON, or that nothing here can hold."""


def value_of(raw: bytes, *, largest: int) -> Any:
    """The value in Python's types. Raises `Unreadable`; a number is never longer than 40 characters."""
    if len(raw) > largest:
        raise Unreadable("is too long")
    try:
        return _DECODER.decode(raw.decode())
    except Unreadable:
        raise
    except (ValueError, RecursionError):
        raise Unreadable("cannot be read") from None


def _number(read: Any) -> Any:
    def parse(digits: str) -> Any:
        if len(digits) > 40:
            raise Unreadable("holds a number that is too long")
        return read(digits)

    return parse


def _no_such_number(_: str) -> NoReturn:
    raise Unreadable("must be a finite number")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if isfinite(value) else _no_such_number(digits)


_DECODER = json.JSONDecoder(parse_int=_number(int), parse_float=_number(_finite), parse_constant=_no_such_number)


class _Repeated(Exception):
    """A name stands more than once in one object."""


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise _Repeated


_WITHOUT_REPEATED = json.JSONDecoder(object_pairs_hook=_refuse_repeated)


def repeated_names(raw: bytes) -> list[str]:
    """Names that stand more than once in one object, at any depth; of JSON that a parser took before."""
    text = raw.decode()
    try:
        _WITHOUT_REPEATED.decode(text)
    except _Repeated:
        return _repeated_names(text)
    return []


def _repeated_names(text: str) -> list[str]:
    repeated: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                repeated[name] = None
            seen.add(name)

    json.loads(text, object_pairs_hook=look)
    return list(repeated)
