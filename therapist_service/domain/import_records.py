"""One record of an import file: read strictly, kept as far as it can be read.

Without an `external_id` or a `last_name` a record is refused. Any other value that cannot be read is set aside with a
note, and what was known of that field stays: a practice with a mistyped fax number is still a practice. Of a list only
the entries that cannot be read are set aside. Reasons name fields, never what was in them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, ValidationError, field_validator
from pydantic_core import ErrorDetails

from shared.values.schemas import RecordSchema, problems_of
from shared.values.words import ImportAction
from therapist_service.domain.import_files import Found, ImportFile
from therapist_service.domain.schemas import ExternalId, ImportedFields

LARGEST_SET_ASIDE = 16_000
"""Characters of JSON; unknown fields beyond that are not kept."""
KNOWN = frozenset(ImportedFields.model_fields) | {"external_id"}
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, looked at; either it is refused, or the rest says what the therapist should be like."""

    position: int
    action: ImportAction
    external_id: str | None
    refused: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """The fields of a therapist that could be read, all of them unless `note` says otherwise."""
    set_aside: dict[str, Any] = field(default_factory=dict)
    note: str | None = None


def entries(file: ImportFile, *, start: int, end: int) -> list[Entry]:
    """The file's records from one position up to another, looked at."""
    last = file.last_positions
    looked_at = []
    for position in range(start, min(end, len(file.records))):
        found = file.records[position]
        if found.external_id is not None and last[found.external_id] != position:
            again = "The file holds this external_id again; the later record counts."
            looked_at.append(Entry(position, found.action, found.external_id, again))
        else:
            looked_at.append(_looked_at(file, position, found))
    return looked_at


def _looked_at(file: ImportFile, position: int, found: Found) -> Entry:
    sent = file.json_of(found)
    try:
        if found.action == ImportAction.DELETION:
            deletion = SentDeletion.model_validate_json(sent)
            return Entry(position, found.action, deletion.external_id)
        if NUL in sent:
            return _salvaged(sent, position, found)
        record = SentRecord.model_validate_json(sent)
    except ValidationError as invalid:
        if found.action == ImportAction.DELETION:
            return Entry(position, found.action, found.external_id, _sentence(invalid, ESSENTIAL))
        return _salvaged(sent, position, found)
    return _readable(record, position, found, record.__pydantic_extra__ or {})


def _readable(
    record: SentRecord,
    position: int,
    found: Found,
    extra: dict[str, Any],
    problems: Iterable[str] = (),
    *,
    left: Collection[str] = (),
) -> Entry:
    values = {name: getattr(record, name) for name in ImportedFields.model_fields if name not in left}
    notes = list(problems)
    if extra and not _can_be_kept(extra):
        notes.append("Unknown fields were not kept: they are too large or hold what cannot be stored.")
        extra = {}
    note = "; ".join(notes) or None
    return Entry(position, found.action, record.external_id, None, values, extra, note)


def _salvaged(sent: bytes, position: int, found: Found) -> Entry:
    """What is left of a record once the values that cannot be read are taken out."""
    try:
        document = json.loads(sent)
    except (ValueError, RecursionError):
        return Entry(position, found.action, found.external_id, "cannot be read")
    if not isinstance(document, dict):
        return Entry(position, found.action, None, "must be an object")
    # null and blanks say that a field is absent
    kept = {name: value for name, value in document.items() if value is not None and not _is_blank(value)}
    problems = [f"{name}: must not contain the NUL character" for name in _with_nul(kept) & KNOWN]
    if _with_nul(kept) & ESSENTIAL:
        return Entry(position, found.action, found.external_id, "; ".join(sorted(problems)))
    kept = {name: value for name, value in kept.items() if name not in _with_nul(kept)}
    for _ in range(3):  # the rule about both coordinates speaks up only when each field alone is right
        try:
            record = SentRecord.from_json(kept)
        except ValidationError as invalid:
            fields = {_field(error) for error in invalid.errors(include_url=False)}
            if fields & ESSENTIAL or not fields <= KNOWN:
                return Entry(position, found.action, found.external_id, _sentence(invalid, ESSENTIAL))
            problems += [f"{p.field or 'latitude'}: {p.message}, set aside" for p in problems_of(invalid)]
            kept = _without(kept, invalid)
        else:
            aside = {n: v for n, v in document.items() if n in ImportedFields.model_fields and kept.get(n) != v}
            aside = {n: v for n, v in aside.items() if v is not None and not _is_blank(v)}
            extra = {**(record.__pydantic_extra__ or {}), **aside}
            return _readable(record, position, found, extra, problems, left=aside.keys() - kept.keys())
    return Entry(position, found.action, found.external_id, "cannot be read")


def _without(document: dict[str, Any], invalid: ValidationError) -> dict[str, Any]:
    """The document without what is invalid: entries of lists where only these are, else whole fields."""
    entries_out: dict[str, set[int]] = {}
    whole: set[str] = set()
    for error in invalid.errors(include_url=False):
        name, place = _field(error), error["loc"][1:2]
        if isinstance(document.get(name), list) and place and isinstance(place[0], int):
            entries_out.setdefault(name, set()).add(place[0])
        else:
            whole.add(name)
    if whole & {"latitude", "longitude"}:
        whole |= {"latitude", "longitude"}  # half a place is none
    kept = {name: value for name, value in document.items() if name not in whole}
    for name in entries_out.keys() - whole:
        kept[name] = [value for place, value in enumerate(document[name]) if place not in entries_out[name]]
    return kept


def _field(error: ErrorDetails) -> str:
    if error["type"] == "json_invalid":
        return "external_id"  # half a surrogate pair: nothing of the record can be trusted
    # the one rule about several fields is that latitude and longitude go together
    return str(error["loc"][0]) if error["loc"] else "latitude"


def _sentence(invalid: ValidationError, fields: frozenset[str]) -> str:
    told = [f"{p.field}: {p.message}" for p in problems_of(invalid) if p.field.partition(".")[0] in fields]
    return "; ".join(told) or "must be an object in valid Unicode, with an external_id"


def _with_nul(document: dict[str, Any]) -> set[str]:
    return {name for name, value in document.items() if NUL in json.dumps([name, value]).encode()}


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _can_be_kept(extra: dict[str, Any]) -> bool:
    """Whether PostgreSQL can store this as JSON: no NUL, no half surrogate, no infinite number."""
    try:
        written = json.dumps(extra, allow_nan=False, ensure_ascii=False)
        written.encode()
    except (ValueError, RecursionError):
        return False
    return len(written) <= LARGEST_SET_ASIDE and NUL.decode() not in written
