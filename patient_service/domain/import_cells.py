"""A row of a CSV file as the JSON document that enters a patient: one column for each field, by its dotted name.

Columns follow from the schema of a new patient: `consultation.held_on`, `contact_persons.1.name` (numbered from 1),
`availability.monday`. What a cell cannot be stays the text that it is, and the schema says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from patient_service.domain.schemas import NewPatient
from shared.errors import FieldProblem
from shared.values.spreadsheets import FORMULA_BEGINS, GUARD

JsonSchema = Mapping[str, Any]
Path = tuple[str | int, ...]

SEPARATOR: Final = "|"
"""Between the values of one cell: no value of a list has it, and no spreadsheet takes it for the end of a cell."""
FORMULAS: Final = FORMULA_BEGINS - frozenset("+-\uff0b\uff0d")
"""Phone numbers and notes begin with the others, and are text here."""

_WORDS: Final = {"true": True, "ja": True, "yes": True, "wahr": True} | dict.fromkeys(
    ("false", "nein", "no", "falsch"), False
)
_NUMBER = re.compile(r"-?[0-9]{1,15}([.,][0-9]{1,15})?")
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_HOURS = re.compile(r"([0-9:]{1,5}) ?[-\u2013] ?([0-9:]{1,5})")


def _text(cell: str) -> Any:
    return cell


def _boolean(cell: str) -> Any:
    return _WORDS.get(cell.lower(), cell)


def _number(cell: str) -> Any:
    if not _NUMBER.fullmatch(cell):
        return cell
    return int(cell) if cell.lstrip("-").isdigit() else float(cell.replace(",", "."))


def _day(cell: str) -> Any:
    german = _GERMAN_DAY.fullmatch(cell)
    return f"{german[3]}-{german[2]:0>2}-{german[1]:0>2}" if german else cell


def _list(cell: str) -> Any:
    return [each.strip() for each in cell.split(SEPARATOR) if each.strip()]


def _windows(cell: str) -> Any:
    found = [(each, _HOURS.fullmatch(each)) for each in _list(cell)]
    return [{"start": hours[1], "end": hours[2]} if hours else each for each, hours in found]


@dataclass(frozen=True)
class FileColumn:
    """Where the values of a column belong in the document, and how a cell is read."""

    name: str
    path: Path
    read: Callable[[str], Any]


@cache
def columns() -> Mapping[str, FileColumn]:
    """All columns that a file may have, by their names."""
    schema = NewPatient.model_json_schema()
    return {each.name: each for each in _columns(schema, schema.get("$defs", {}), ())}


REQUIRED: Final = tuple(name for name, field in NewPatient.model_fields.items() if field.is_required())
"""The columns that no file goes without."""


def _columns(schema: JsonSchema, definitions: JsonSchema, path: Path) -> Iterator[FileColumn]:
    schema = _resolved(schema, definitions)
    if "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from _columns(inner, definitions, (*path, name))
        return
    if schema.get("type") == "array":
        item = _resolved(schema["items"], definitions)
        if {"start", "end"} == item.get("properties", {}).keys():
            yield _column(path, _windows)
        elif "properties" in item:
            for number in range(1, schema["maxItems"] + 1):
                yield from _columns(item, definitions, (*path, number))
        else:
            yield _column(path, _list)
        return
    yield _column(path, _READERS.get(schema.get("format") or schema.get("type", ""), _text))


_READERS: Final = {"boolean": _boolean, "integer": _number, "number": _number, "date": _day}


def _column(path: Path, read: Callable[[str], Any]) -> FileColumn:
    return FileColumn(".".join(map(str, path)), path, read)


def _resolved(schema: JsonSchema, definitions: JsonSchema) -> JsonSchema:
    """The schema itself, where it is a reference or may also be null."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        else:
            schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
    return schema


def document_of(wanted: Sequence[FileColumn], cells: Sequence[str]) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The document of a row, and its cells that hold formulas; an empty cell is a field that is not given."""
    document: dict[str, Any] = {}
    problems = []
    for column, cell in zip(wanted, cells, strict=True):
        if (text := cell.strip())[:1] in FORMULAS and text:
            problems.append(FieldProblem.of(column.name, "field.formula"))
        elif text:
            _put(document, column.path, column.read(_unguarded(text)))
    return _with_lists(document), problems


def _unguarded(text: str) -> str:
    """The text without the apostrophe that our own CSV puts before what looks like a formula."""
    return text[1:] if text[:1] == GUARD and text[1:2] in FORMULA_BEGINS and text[1:] else text


def _put(document: dict[str, Any], path: Path, value: Any) -> None:
    *outer, last = path
    for part in outer:
        document = document.setdefault(part, {})  # type: ignore[arg-type]  # numbers until `_with_lists`
    document[last] = value  # type: ignore[index]


def _with_lists(value: Any) -> Any:
    """The document with a list in place of each dict whose keys are numbers, in their order."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_with_lists(value[key]) for key in sorted(value)]
    return {key: _with_lists(each) for key, each in value.items()}


def column_of(field: str) -> str:
    """The name of the column with this field of the document, whose lists are numbered from 0."""
    parts = [str(int(part) + 1) if part.isdigit() else part for part in field.split(".")]
    names = (".".join(parts[:number]) for number in range(len(parts), 0, -1))
    return next((name for name in names if name in columns()), field)
