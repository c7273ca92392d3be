"""The scraper's file (docs/domain.md#import-rule-1): read whole before it is applied, and never whole in memory."""

from __future__ import annotations

import re
import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from shared.values.datetimes import PlausibleInstant
from shared.values.enums import ImportAction, ImportStatus
from shared.values.json_streams import (
    CutOff,
    JsonStream,
    NotJson,
    NotUtf8,
    Unreadable,
    fields_of,
    value_of,
)
from shared.values.schemas import RecordSchema, problems_of
from shared.values.text import Line
from therapist_service.domain.schemas import ExternalId

KNOWN_MAJOR = "1"
EARLY = timedelta(days=1)
"""A name may be this far ahead of the clock; beyond, it would make every file until then look old."""
BLOCK = 1 << 20
"""Bytes of a file that are read, stored and held at once."""
LARGEST_FILE = 1024 * BLOCK
"""Four times as much as a file of 400,000 therapists has."""
LARGEST_RECORD = 12 * BLOCK
LARGEST_USUAL = 256 * 1024
"""Bytes of a record up to which it is parsed at once; of a larger one each field is looked at alone."""
MOST_RECORDS = 1 << 20
"""Twenty times as many as there are psychotherapists in Germany; a file of `{},{},…` could hold eighty million."""

_LARGEST_HEAD = 1 << 16
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


class Identified(RecordSchema):
    """All that is looked at of a record while the file is checked."""

    external_id: ExternalId


class Blocks:
    """A file's bytes, of which a block is loaded when it is needed; `load` takes a block's number, from 0."""

    def __init__(self, size: int, load: Callable[[int], bytes]) -> None:
        self._number = -(-size // BLOCK)
        self._load = load
        self._last: tuple[int, bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return (self._block(number) for number in range(self._number))

    def part(self, start: int, length: int) -> bytes:
        """Some bytes from the middle."""
        first, last = start // BLOCK, (start + max(length, 1) - 1) // BLOCK
        begin = start - first * BLOCK
        if first == last:
            return self._block(first)[begin : begin + length]
        return b"".join(self._block(number) for number in range(first, last + 1))[begin : begin + length]

    def _block(self, number: int) -> bytes:
        if self._last is None or self._last[0] != number:
            self._last = number, self._load(number)
        return self._last[1]


@dataclass
class _Places:
    """Where the records of one list lie: a few bytes for each, since there may be a million."""

    starts: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("I"))
    ids: array[int] = field(default_factory=lambda: array("Q"))
    """A keyed digest of each `external_id`; 0 where there is none."""


@dataclass
class ImportFile:
    """A file whose form is right; where its records lie is known, and they have not yet been looked at."""

    metadata: Metadata
    blocks: Blocks
    lists: dict[str, _Places]
    notes: list[str]
    """What is odd about the file and does not matter."""
    outdated: bytearray
    """For each position whether its `external_id` stands again further on."""

    @property
    def total(self) -> int:
        """How many records there are: deletions, additions, modifications."""
        return len(self.outdated)

    def number_of(self, action: ImportAction) -> int:
        """How many records of this kind there are."""
        return sum(len(self.lists[name].starts) for name, each in _LISTS.items() if each == action)

    def action(self, position: int) -> ImportAction:
        """What the list says that the record at this position stands in."""
        return self._found(position)[0]

    def size(self, position: int) -> int:
        """A record's bytes."""
        _, places, index = self._found(position)
        return places.lengths[index]

    def record(self, position: int) -> bytes:
        """The record at this position as it stands in the file; ask for its `size` first."""
        _, places, index = self._found(position)
        return self.blocks.part(places.starts[index], places.lengths[index])

    def _found(self, position: int) -> tuple[ImportAction, _Places, int]:
        index = position
        for name, action in _LISTS.items():
            places = self.lists[name]
            if index < len(places.starts):
                return action, places, index
            index -= len(places.starts)
        raise IndexError(position)


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


def is_whole(blocks: Iterable[bytes]) -> bool:
    """Whether this is JSON up to its end, by its structure: a file that is still being written is not."""
    try:
        stream = JsonStream(blocks)
        stream.value(keep=0)
        stream.end()
    except (NotJson, NotUtf8):
        return False
    return True


def read(blocks: Blocks) -> ImportFile:
    """Look the whole file through. Raises `NotImportable`, whose reason never quotes the file."""
    head = _Head()
    try:
        _look_through(JsonStream(blocks), head)
    except CutOff as problem:
        raise NotImportable(f"The file was cut off: {problem}.") from None
    except NotJson as problem:
        raise NotImportable(f"The file is not JSON: {problem}.") from None
    except NotUtf8 as problem:
        raise NotImportable(f"The file is not UTF-8: {problem}.") from None
    metadata = _metadata(head.raw.get("metadata"))
    if head.lists is None:
        raise NotImportable("changes: is required")
    lists = {name: head.lists.get(name) or _Places() for name in _LISTS}
    notes = head.notes + _odd_statistics(head.raw.get("statistics"), lists)
    return ImportFile(metadata, blocks, lists, notes, _outdated([lists[name].ids for name in _LISTS]))


@dataclass
class _Head:
    """What the outermost object holds."""

    raw: dict[str, bytes] = field(default_factory=dict)
    """`metadata` and `statistics` as they stand in the file."""
    lists: dict[str, _Places] | None = None
    notes: list[str] = field(default_factory=list)


def _look_through(stream: JsonStream, head: _Head) -> None:
    if not (first := stream.next_byte()):
        raise NotImportable("The file is empty.")
    if first != b"{":
        raise NotImportable("The file is not a JSON object.")
    for name in stream.members():
        if name == "changes":
            if head.lists is not None:
                raise NotImportable("changes: stands in the file more than once")
            head.lists = _changes(stream)
        else:
            value = stream.value(keep=_LARGEST_HEAD)
            if name == "metadata" and name in head.raw:
                raise NotImportable("metadata: stands in the file more than once")
            if name == "statistics" and name in head.raw:
                head.notes.append("statistics: stands in the file more than once; the last one counts")
            if name in ("metadata", "statistics"):
                head.raw[name] = value.raw or b""
    stream.end()


def _changes(stream: JsonStream) -> dict[str, _Places]:
    if stream.next_byte() != b"{":
        raise NotImportable("changes: must be an object")
    lists: dict[str, _Places] = {}
    for name in stream.members():
        if name not in _LISTS:
            stream.value(keep=0)
            continue
        if name in lists:
            raise NotImportable(f"changes.{name}: stands in the file more than once")
        if stream.next_byte() != b"[":
            raise NotImportable(f"changes.{name}: must be a list")
        lists[name] = places = _Places()
        others = sum(len(each.starts) for each in lists.values())
        for count, _ in enumerate(stream.elements(), start=others):
            if count >= MOST_RECORDS:
                raise NotImportable(f"changes: there are more than {MOST_RECORDS} records")
            found = stream.value(keep=LARGEST_RECORD)
            places.starts.append(found.start)
            places.lengths.append(found.end - found.start)
            places.ids.append(_digest(external_id(found.raw)))
    return lists


def external_id(raw: bytes | None) -> str | None:
    """The id of a record as it stands in the file; None where it has none that could be one."""
    if raw is None:
        return None
    if len(raw) > LARGEST_USUAL:
        return _hidden_id(raw)
    try:
        return Identified.model_validate_json(raw).external_id
    except ValidationError:
        return _hidden_id(raw)


def _hidden_id(raw: bytes) -> str | None:
    """The id of a record in which something else cannot be read; of several the last one counts, as in all of JSON."""
    found = [value for name, value in fields_of(raw) or () if name == "external_id"]
    try:
        return Identified.from_json({"external_id": value_of(found[-1], largest=_LARGEST_HEAD)}).external_id
    except (IndexError, Unreadable, ValidationError):
        return None


_KEY = secrets.token_bytes(16)


def _digest(known_as: str | None) -> int:
    if known_as is None:
        return 0
    # keyed, so that nobody can choose two ids that would be taken for one
    return int.from_bytes(blake2b(known_as.encode(), digest_size=8, key=_KEY).digest(), "big") or 1


def _outdated(lists: Iterable[array[int]]) -> bytearray:
    ids = array("Q")
    for each in lists:
        ids.extend(each)
    outdated = bytearray(len(ids))
    for positions in _by_last_byte(ids):
        later: set[int] = set()
        for position in reversed(positions):
            if ids[position] in later:
                outdated[position] = 1
            later.add(ids[position])
    return outdated


def _by_last_byte(ids: array[int]) -> list[array[int]]:
    """The positions of all ids, in 256 parts of which each has all positions of its ids: of one part there are few."""
    parts = [array("I") for _ in range(256)]
    for position, each in enumerate(ids):
        if each:
            parts[each & 255].append(position)
    return parts


def _metadata(raw: bytes | None) -> Metadata:
    if raw is None:
        raise NotImportable("metadata: is required")
    fields = fields_of(raw)
    if fields is None:
        raise NotImportable("metadata: must be an object, and not a large one")
    known: dict[str, Any] = {}
    for name, value in fields:
        if name in Metadata.model_fields and name in known:
            raise NotImportable(f"metadata.{name}: stands in the file more than once")
        if name in Metadata.model_fields:
            known[name] = _readable(f"metadata.{name}", value)
    version = known.get("version")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None or match[1] != KNOWN_MAJOR:
        raise NotImportable(f"metadata.version: must be {KNOWN_MAJOR}.x, the only format that is known here")
    try:
        return Metadata.from_json(known)
    except ValidationError as invalid:
        problems = (f"metadata.{problem.field}: {problem.message}" for problem in problems_of(invalid))
        raise NotImportable("; ".join(problems)) from None


def _readable(name: str, raw: bytes) -> Any:
    try:
        value = value_of(raw, largest=_LARGEST_HEAD)
        str(value).encode()
    except UnicodeEncodeError:
        raise NotImportable(f"{name}: must be valid Unicode text") from None
    except Unreadable as problem:
        raise NotImportable(f"{name}: {problem}") from None
    return value


def _odd_statistics(raw: bytes | None, lists: dict[str, _Places]) -> list[str]:
    try:
        said = value_of(raw or b"", largest=_LARGEST_HEAD)
    except Unreadable:
        said = None
    if not isinstance(said, dict):
        return ["The file has no statistics that can be read."]
    expected = {
        "new_therapists": len(lists["additions"].starts),
        "updated_therapists": len(lists["modifications"].starts),
        "deleted_therapists": len(lists["deletions"].starts),
    }
    odd = [f"statistics.{name} is not {count}, the number of records" for name, count in expected.items()
           if said.get(name) != count]  # fmt: skip
    parts = [said.get(name) for name in ("new_therapists", "updated_therapists", "unchanged_therapists")]
    total = said.get("total_therapists_scraped")
    if not odd and all(type(part) is int for part in parts) and sum(parts) != total:  # type: ignore[arg-type]
        odd.append("statistics.total_therapists_scraped is not the sum of new, updated and unchanged ones")
    return odd
