"""One record of an import file: read strictly, kept as far as it can be read.

Without an `external_id` or a `last_name` a record is refused. Any other value that cannot be read is set aside with a
note, and what was known of that field stays: a practice with a mistyped fax number is still a practice. Of a list only
the entries that cannot be read are set aside. Reasons name fields, never what was in them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from pydantic import ConfigDict, ValidationError, field_validator
from pydantic_core import ErrorDetails

from shared.values.enums import ImportAction
from shared.values.json_streams import Unreadable, fields_of, repeated_names, value_of
from shared.values.schemas import RecordSchema, problems_of, refused_fields
from therapist_service.domain.entity_resolution import name_key
from therapist_service.domain.import_files import LARGEST_RECORD, LARGEST_USUAL, ImportFile, external_id
from therapist_service.domain.schemas import ExternalId, ImportedFields

LARGEST_SET_ASIDE = 16_000
"""Characters of JSON; unknown fields beyond that are not kept."""
LARGEST_VALUE = LARGEST_USUAL
"""Bytes of one known field in the file; the longest one that could be right, written with escapes, is shorter."""
DEEPEST = 20
"""Levels of objects and lists in one field."""
LONGEST_REASON = 2000
LARGEST_PORTION = 4 * 1024 * 1024
"""Bytes of records that are looked at together; a larger record is alone."""

_IMPORTED = tuple(ImportedFields.model_fields)
KNOWN = frozenset(_IMPORTED) | {"external_id"}
ESSENTIAL = frozenset({"external_id", "last_name"})
NUL = b"\\u0000"
"""How JSON writes the one character that PostgreSQL cannot store."""


class SentRecord(ImportedFields):
    """A record as it stands in the file; unknown fields are kept aside."""

    model_config = ConfigDict(extra="allow")

    external_id: ExternalId

    @field_validator("external_id")
    @classmethod
    def _is_storable(cls, value: Any) -> Any:
        """Takes the place of the look at every field for NUL: a record is searched for it once, as text."""
        return value


class SentDeletion(RecordSchema):
    """A therapist who is no longer in the source."""

    external_id: ExternalId


class SentName(RecordSchema):
    """What of a record is looked at to find whom the file also deletes."""

    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, parsed; either it is refused, or the rest says what the therapist should be like."""

    position: int
    action: ImportAction
    external_id: str | None
    refused: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """The fields of a therapist that could be read, all of them unless `note` says otherwise."""
    set_aside: dict[str, Any] = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as it stands in the file; only its id was read."""

    position: int
    action: ImportAction
    external_id: str | None
    raw: bytes = b""
    refused: str | None = None
    """Why it is refused, whatever else it holds."""


def portions(file: ImportFile, *, start: int, records: int) -> Iterator[list[RawRecord]]:
    """All records from a position on, so many at a time, and fewer where they are large."""
    portion: list[RawRecord] = []
    size = 0
    for position in range(start, file.total):
        size += file.size(position)
        if portion and (len(portion) == records or size > LARGEST_PORTION):
            yield portion
            portion, size = [], file.size(position)
        portion.append(record(file, position))
    if portion:
        yield portion


def record(file: ImportFile, position: int) -> RawRecord:
    """One record as it stands in the file."""
    action = file.action(position)
    if file.size(position) > LARGEST_RECORD:
        return RawRecord(position, action, None, refused=f"is larger than {LARGEST_RECORD} bytes")
    raw = file.record(position)
    again = "The file holds this external_id again; the later record counts." if file.outdated[position] else None
    return RawRecord(position, action, external_id(raw), raw, again)


def name_key_of(sent: RawRecord) -> str | None:
    """The form in which the name is compared; None where there is none, or it cannot be read."""
    if sent.refused is not None or len(sent.raw) > LARGEST_USUAL:
        return None
    try:
        named = SentName.model_validate_json(sent.raw)
    except ValidationError:
        return None
    return name_key({"first_name": named.first_name, "last_name": named.last_name})


def entry(sent: RawRecord) -> Entry:
    """The record, parsed."""
    if sent.refused is not None:
        return Entry(sent.position, sent.action, sent.external_id, sent.refused)
    parse = _deletion if sent.action == ImportAction.DELETION else _state
    return parse(sent.position, sent.action, sent.raw)


def _deletion(position: int, action: ImportAction, sent: bytes) -> Entry:
    gone = external_id(sent)
    if gone is not None:
        return Entry(position, action, gone, note=_note(_Fields.of(fields_of(sent) or ()).problems))
    try:
        SentDeletion.model_validate_json(sent)
    except ValidationError as invalid:
        return Entry(position, action, None, _sentence(invalid))
    return Entry(position, action, None, "cannot be read")


def _state(position: int, action: ImportAction, sent: bytes) -> Entry:
    if len(sent) > LARGEST_USUAL or NUL in sent:
        return _salvaged(position, action, sent)
    try:
        record = SentRecord.model_validate_json(sent)
    except ValidationError:
        return _salvaged(position, action, sent)
    problems = [_again(name) for name in repeated_names(sent)]
    extra = _kept_aside(record.__pydantic_extra__ or {}, problems)
    return _readable(position, action, record, extra, problems)


def _readable(
    position: int,
    action: ImportAction,
    record: SentRecord,
    extra: dict[str, Any],
    problems: Iterable[str],
    *,
    left: Collection[str] = (),
) -> Entry:
    fields = vars(record)
    values = {name: fields[name] for name in _IMPORTED if name not in left}
    return Entry(position, action, record.external_id, None, values, extra, _note(problems))


def _salvaged(position: int, action: ImportAction, sent: bytes) -> Entry:
    """What is left of a record once the values that cannot be read are taken out."""
    fields = fields_of(sent)
    if fields is None:
        return Entry(position, action, None, "must be an object in valid JSON")
    read = _Fields.of(fields)
    known_as = external_id(sent)
    if not read.known.keys() >= ESSENTIAL:
        missing = [
            f"{name}: {read.unreadable.get(name, 'is required')}" for name in sorted(ESSENTIAL - read.known.keys())
        ]
        return Entry(position, action, known_as, _note(missing))
    kept = dict(read.known)
    problems = [*read.problems, *starmap(not_taken, read.unreadable.items())]
    for _ in range(3):  # the rule about both coordinates speaks up only when each field alone is right
        try:
            record = SentRecord.from_json(kept)
        except ValidationError as invalid:
            if {name for error in invalid.errors(include_url=False) for name in _fields(error)} & ESSENTIAL:
                return Entry(position, action, known_as, _sentence(invalid))
            problems += [not_taken(problem.field, problem.message) for problem in problems_of(invalid)]
            kept = _without(kept, invalid)
        else:
            aside = {name: value for name, value in read.known.items() if kept.get(name) != value}
            extra = _kept_aside({**read.unknown, **aside}, problems)
            left = (read.unreadable.keys() | aside.keys()) - kept.keys()
            return _readable(position, action, record, extra, problems, left=left)
    return Entry(position, action, known_as, "cannot be read")


def kept_values(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of a record that was kept as JSON; None where they are not acceptable any more."""
    try:
        known = ImportedFields.from_json(dict(record))
    except ValidationError:
        return None
    return {name: getattr(known, name) for name in record}


@dataclass
class _Fields:
    """The fields of a record, each parsed alone."""

    known: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why a known field could not be parsed."""
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, fields: Iterable[tuple[str | None, bytes]]) -> _Fields:
        """Of fields with one name the last counts, as everywhere in JSON, and the name is noted."""
        last: dict[str | None, bytes] = {}
        read = cls()
        for name, raw in fields:
            if name is not None and name in last:
                read.problems.append(_again(name))
            last[name] = raw
        for name, raw in last.items():
            read._take(name, raw)
        return read

    def _take(self, name: str | None, raw: bytes) -> None:
        is_known = name in KNOWN
        try:
            value = value_of(raw, largest=LARGEST_VALUE if is_known else LARGEST_SET_ASIDE * 4)
            if name is None:
                raise Unreadable("its name cannot be read")
            _as_stored(name, value)
        except Unreadable as problem:
            if name is not None and is_known:
                self.unreadable[name] = str(problem)
            else:
                self.problems.append(f"{_shown(name)}: {problem}, not kept")
            return
        if value is None or _is_blank(value):
            return  # null and blanks say that a field is absent
        self.problems += [f"{_shown(name)}: {_again(inner)}" for inner in repeated_names(raw)]
        (self.known if is_known else self.unknown)[str(name)] = value


def _kept_aside(extra: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Those of the fields that can be stored; the others are added to the problems."""
    kept: dict[str, Any] = {}
    room = LARGEST_SET_ASIDE
    for name, value in extra.items():
        try:
            written = _as_stored(name, value)
        except Unreadable as problem:
            problems.append(f"{_shown(name)}: {problem}, not kept")
            continue
        if len(written) > room:
            problems.append(f"{_shown(name)}: is too large to be kept")
            continue
        room -= len(written)
        kept[name] = value
    return kept


def _as_stored(name: str, value: Any) -> str:
    """The field as PostgreSQL can store it: no NUL, no half surrogate, no endless number, no great depth."""
    try:
        written = json.dumps({name: value}, allow_nan=False, ensure_ascii=False)
        written.encode()
        too_deep = _depth(value) > DEEPEST
    except UnicodeEncodeError:
        raise Unreadable("must be valid Unicode text") from None
    except ValueError:
        raise Unreadable("must be a finite number") from None
    except RecursionError:
        too_deep = True
    if too_deep:
        raise Unreadable("is nested too deeply")
    if NUL.decode() in written:
        raise Unreadable("must not contain the NUL character")
    return written


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _again(name: str) -> str:
    return f"{_shown(name)}: stands there more than once; the last one counts"


def _shown(name: str | None) -> str:
    """A field's name, unless it is not fit to be shown."""
    return name if name is not None and name.isidentifier() and name.isascii() and len(name) <= 60 else "a field"


def not_taken(field: str, problem: str) -> str:
    """Returns the note of a value that the record sent and that the therapist did not get."""
    return f"{field} not taken: {problem}"


def _note(problems: Iterable[str]) -> str | None:
    note = "; ".join(dict.fromkeys(problems))
    return (note if len(note) <= LONGEST_REASON else note[:LONGEST_REASON] + " …") or None


def _without(document: dict[str, Any], invalid: ValidationError) -> dict[str, Any]:
    """The document without what is invalid: entries of lists where only these are, else whole fields."""
    entries_out: dict[str, set[int]] = {}
    whole: set[str] = set()
    for error in invalid.errors(include_url=False):
        names, place = _fields(error), error["loc"][1:2]
        if isinstance(document.get(names[0]), list) and place and isinstance(place[0], int):
            entries_out.setdefault(names[0], set()).add(place[0])
        else:
            whole.update(names)
    if whole & {"latitude", "longitude"}:
        whole |= {"latitude", "longitude"}  # half a place is none
    kept = {name: value for name, value in document.items() if name not in whole}
    for name in entries_out.keys() - whole:
        kept[name] = [value for place, value in enumerate(document[name]) if place not in entries_out[name]]
    return kept


def _fields(error: ErrorDetails) -> list[str]:
    return [field.partition(".")[0] for field in refused_fields(error)]


def _sentence(invalid: ValidationError) -> str:
    sentences = [f"{p.field}: {p.message}" for p in problems_of(invalid) if p.field.partition(".")[0] in ESSENTIAL]
    return _note(sentences) or "must be an object in valid JSON"


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()
