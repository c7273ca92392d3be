"""The scraper's file: read whole before anything of it is applied, without holding all records in memory at once."""

from __future__ import annotations

import json
import re
import zlib
from codecs import getincrementaldecoder
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import StringIO
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from shared.values.moments import PlausibleInstant
from shared.values.schemas import RecordSchema, problems_of
from shared.values.text import Line
from shared.values.words import ImportAction, ImportStatus

KNOWN_MAJOR = "1"
EARLY = timedelta(days=1)
"""A name may be this far ahead of the clock; beyond, it would make every file until then look old."""

_BLOCK = 1 << 16
_BLANKS = re.compile(r"[ \t\n\r]*")
_VERSION = re.compile(r"(\d+)(\.\d+)*", re.ASCII)
_NAME = re.compile(r"therapists_(\d{8}_\d{6})\.json", re.ASCII)

# the order of work: where a file contradicts itself, the later record counts, and being there outweighs being gone
_LISTS = {
    "deletions": ImportAction.DELETION,
    "additions": ImportAction.ADDITION,
    "modifications": ImportAction.MODIFICATION,
}


class NotImportable(Exception):
    """The whole file cannot be applied; says what becomes of the import, and why."""

    def __init__(self, reason: str, status: ImportStatus = ImportStatus.FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Metadata(RecordSchema):
    """Where a file comes from."""

    timestamp: PlausibleInstant
    scrape_id: Line
    source: Line
    version: Annotated[str, StringConstraints(min_length=1, max_length=20), Field(examples=["1.0"])]


@dataclass(frozen=True, slots=True)
class Found:
    """A record where it lies in the file's text."""

    action: ImportAction
    start: int
    end: int
    external_id: str | None
    """None where it has none that could be one."""


@dataclass
class ImportFile:
    """A file whose form is right; its records have been found and not yet been looked at."""

    text: str
    metadata: Metadata
    records: list[Found]
    """Deletions, additions, modifications."""
    notes: list[str] = field(default_factory=list)
    """What is odd about the file and does not matter."""

    @cached_property
    def last_positions(self) -> dict[str, int]:
        """Where each `external_id` stands for the last time."""
        return {found.external_id: place for place, found in enumerate(self.records) if found.external_id is not None}

    def json_of(self, found: Found) -> bytes:
        """One record as it stands in the file."""
        return self.text[found.start : found.end].encode()


def moment_of(name: str) -> datetime:
    """When the file was made, from its name, in UTC. Raises `NotImportable` for a moment that does not exist."""
    match = _NAME.fullmatch(name)
    try:
        return datetime.strptime(match[1] if match else "", "%Y%m%d_%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise NotImportable("The name holds no day and time that exist.", ImportStatus.REJECTED) from None


def refuse_out_of_turn(name: str, *, last_applied: str | None, now: datetime) -> None:
    """Raise `NotImportable` for a file from before the last applied one, or from the future."""
    if moment_of(name) > now + EARLY:
        raise NotImportable("The name's time lies in the future.", ImportStatus.REJECTED)
    if last_applied is not None and name < last_applied:
        reason = f"It is older than {last_applied}, which was applied already."
        raise NotImportable(reason, ImportStatus.REJECTED)


def is_whole(packed: bytes) -> bool:
    """Whether the file could be read to its end as JSON: one that is still being written cannot."""
    try:
        _scanned(_text(packed))
    except NotImportable:
        return False
    return True


def read(packed: bytes) -> ImportFile:
    """The file, from its compressed content. Raises `NotImportable`."""
    text = _text(packed)
    scanned = _scanned(text)
    metadata = _metadata(scanned.metadata)
    if not scanned.has_changes:
        raise NotImportable("changes: is required")
    records = [found for name in _LISTS for found in scanned.records.get(name, ())]
    return ImportFile(text, metadata, records, _odd_statistics(scanned.statistics, scanned.records))


def _text(packed: bytes) -> str:
    if not packed:
        raise NotImportable("The file is too large.")
    # block by block: its bytes, their copy and its text at once would be three times its size
    unpacker, decoder, written = zlib.decompressobj(), getincrementaldecoder("utf-8-sig")(), StringIO()
    try:
        for start in range(0, len(packed), _BLOCK):
            written.write(decoder.decode(unpacker.decompress(packed[start : start + _BLOCK])))
        written.write(decoder.decode(unpacker.flush(), final=True))
    except UnicodeDecodeError:
        raise NotImportable("The file is not UTF-8, or was cut off.") from None
    text = written.getvalue()
    if not text or text.isspace():
        raise NotImportable("The file is empty.")
    return text


def _metadata(sent: Any) -> Metadata:
    if not isinstance(sent, dict):
        raise NotImportable("metadata: is required")
    version = sent.get("version")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None or match[1] != KNOWN_MAJOR:
        raise NotImportable(f"metadata.version: must be {KNOWN_MAJOR}.x, the only format that is known here")
    try:
        return Metadata.from_json(sent)
    except ValidationError as invalid:
        problems = (f"metadata.{problem.field}: {problem.message}" for problem in problems_of(invalid))
        raise NotImportable("; ".join(problems)) from None


def _odd_statistics(said: Any, records: dict[str, list[Found]]) -> list[str]:
    if not isinstance(said, dict):
        return ["The file has no statistics."]
    expected = {
        "new_therapists": len(records.get("additions", ())),
        "updated_therapists": len(records.get("modifications", ())),
        "deleted_therapists": len(records.get("deletions", ())),
    }
    odd = [f"statistics.{name} is not {count}, the number of records" for name, count in expected.items()
           if said.get(name) != count]  # fmt: skip
    parts = [said.get(name) for name in ("new_therapists", "updated_therapists", "unchanged_therapists")]
    total = said.get("total_therapists_scraped")
    if not odd and all(type(part) is int for part in parts) and sum(parts) != total:  # type: ignore[arg-type]
        odd.append("statistics.total_therapists_scraped is not the sum of new, updated and unchanged ones")
    return odd


# Finding the records. json.JSONDecoder reads one value at a place in the text and says where it ends (in C), so each
# record is parsed, looked at and forgotten; 40,000 of them as Python objects would take some 150 MB.


def _no_such_number(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_such_number)

ReadHere = Callable[[int], int]
"""Reads the value that begins at this place; returns the place after it."""


@dataclass
class _Scan:
    text: str
    metadata: Any = None
    statistics: Any = None
    has_changes: bool = False
    records: dict[str, list[Found]] = field(default_factory=dict)

    def whole(self) -> None:
        end = self._object(self._skip(0), {
            "metadata": self._keep("metadata"),
            "statistics": self._keep("statistics"),
            "changes": self._changes,
        })  # fmt: skip
        if self._skip(end) != len(self.text):
            raise ValueError("something follows the end")

    def _keep(self, name: str) -> ReadHere:
        def keep(at: int) -> int:
            value, end = _DECODER.raw_decode(self.text, at)
            setattr(self, name, value)
            return end

        return keep

    def _changes(self, at: int) -> int:
        self.has_changes = True
        if self._at(at) != "{":
            raise NotImportable("changes: must be an object")
        return self._object(at, {name: self._list(name) for name in _LISTS})

    def _list(self, name: str) -> ReadHere:
        def find(at: int) -> int:
            if self._at(at) != "[":
                raise NotImportable(f"changes.{name}: must be a list")
            found = self.records[name] = []

            def record(start: int) -> int:
                value, end = _DECODER.raw_decode(self.text, start)
                found.append(Found(_LISTS[name], start, end, _external_id(value)))
                return end

            return self._each(at, "[]", record)

        return find

    def _object(self, at: int, readers: dict[str, ReadHere]) -> int:
        """Read an object's members, the named ones with their readers."""

        def member(start: int) -> int:
            name, end = _DECODER.raw_decode(self.text, start)
            colon = self._skip(end)
            if not isinstance(name, str) or self._at(colon) != ":":
                raise ValueError("no name and colon")
            return readers.get(name, self._pass)(self._skip(colon + 1))

        return self._each(at, "{}", member)

    def _each(self, at: int, brackets: str, read: ReadHere) -> int:
        """Read the elements between two brackets, each with `read`."""
        if self._at(at) != brackets[0]:
            raise ValueError("not the bracket")
        at = self._skip(at + 1)
        if self._at(at) == brackets[1]:
            return at + 1
        while True:
            at = self._skip(read(at))
            if self._at(at) == brackets[1]:
                return at + 1
            if self._at(at) != ",":
                raise ValueError("no comma")
            at = self._skip(at + 1)

    def _pass(self, at: int) -> int:
        return _DECODER.raw_decode(self.text, at)[1]

    def _skip(self, at: int) -> int:
        return _BLANKS.match(self.text, at).end()  # type: ignore[union-attr]  # it matches the empty text

    def _at(self, at: int) -> str:
        return self.text[at : at + 1]


def _scanned(text: str) -> _Scan:
    scan = _Scan(text)
    try:
        scan.whole()
    except (ValueError, RecursionError):
        # the parser's own words may quote the file
        raise NotImportable("The file is not a JSON object, or was cut off.") from None
    return scan


def _external_id(record: Any) -> str | None:
    said = record.get("external_id") if isinstance(record, dict) else None
    if not isinstance(said, str) or not said.strip() or len(said) > 200 or not said.isprintable():
        return None
    return said.strip()
