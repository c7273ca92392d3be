"""Whether a file is as the import expects it: by the schema that is made of the code that reads it, and beyond."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from therapist_scraper.import_file import ADDITIONS, CHANGES, MODIFICATIONS, NAME
from therapist_scraper.online_addresses import email
from therapist_scraper.phone_numbers import phone_numbers
from therapist_scraper.practice_addresses import postal_code
from therapist_scraper.text import Unreadable

MOST_PROBLEMS = 100
READINGS: Mapping[str, Callable[[object], object]] = {
    "phone": phone_numbers, "mobile": phone_numbers, "fax": phone_numbers, "email": email, "postal_code": postal_code,
}  # fmt: skip
"""How the scraper reads these fields, and the import does."""


@dataclass
class _Document:
    value: Any
    repeated: list[str] = field(default_factory=list)
    """Keys that stand in one object more than once."""


def problems(name: str, content: bytes) -> list[str]:
    """Returns what is wrong with a file of this name, at most a hundred sentences; none where nothing is.

    A sentence names the place in the file and never repeats a value.
    """
    return list(islice(_problems(name, content), MOST_PROBLEMS))


@cache
def schema() -> Mapping[str, Any]:
    """Returns the JSON Schema of a file, as the platform's repository publishes it."""
    text = resources.files("therapist_scraper").joinpath("therapist-import.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _problems(name: str, content: bytes) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield "the name is not therapists_YYYYMMDD_HHMMSS.json: the import ignores the file"
    try:
        found = _parsed(content)
    except (ValueError, RecursionError):
        yield "the file is not JSON in UTF-8"
        return
    yield from (f"{key}: stands in an object more than once" for key in found.repeated)
    is_valid = True
    for error in Draft202012Validator(schema()).iter_errors(found.value):
        is_valid = False
        yield f"{_place(error)}: {_what(error)}"
    if is_valid:
        yield from _odd_statistics(found.value)
        yield from _repeated_ids(found.value)
        yield from _unknown_fields(found.value)
        yield from _odd_timestamp(found.value["metadata"]["timestamp"])
        yield from _odd_values(found.value)


def _parsed(content: bytes) -> _Document:
    document = _Document(None)

    def as_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        counted = Counter(key for key, _ in pairs)
        document.repeated += [key[:60] for key, number in counted.items() if number > 1]
        return dict(pairs)

    def refuse(_: str) -> float:
        raise ValueError("no number of JSON")

    document.value = json.loads(content.decode("utf-8"), object_pairs_hook=as_object, parse_constant=refuse)
    return document


def _place(error: ValidationError) -> str:
    return ".".join(str(part)[:60] for part in error.absolute_path) or "the file"


def _what(error: ValidationError) -> str:
    """Returns what the schema wants, without the value that it found."""
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{', '.join(missing)} is required"
    if error.validator == "type":
        return f"must be of type {error.validator_value}"
    if error.validator == "enum":
        return f"must be one of {', '.join(map(str, error.validator_value))}"
    return f"does not fit the schema ({error.validator})"


def _odd_statistics(document: Mapping[str, Any]) -> Iterator[str]:
    changes, said = document["changes"], document["statistics"]
    for name, counted in CHANGES.items():
        if said[counted] != len(changes[name]):
            yield f"statistics.{counted}: is not {len(changes[name])}, the number of {name}"
    parts = ("new_therapists", "updated_therapists", "unchanged_therapists")
    if said["total_therapists_scraped"] != sum(said[name] for name in parts):
        yield "statistics.total_therapists_scraped: is not the sum of new, updated and unchanged ones"


def _repeated_ids(document: Mapping[str, Any]) -> Iterator[str]:
    counted = Counter(record["external_id"].strip() for name in CHANGES for record in document["changes"][name])
    number = sum(1 for times in counted.values() if times > 1)
    if number:
        yield f"changes: {number} external_ids stand there more than once; the later record counts"


def _unknown_fields(document: Mapping[str, Any]) -> Iterator[str]:
    known = schema()["$defs"]["SentRecord"]["properties"].keys()
    records = (record for name in (ADDITIONS, MODIFICATIONS) for record in document["changes"][name])
    names = {name for record in records for name in record.keys() - known}
    if names:
        yield f"changes: fields that the import does not know: {', '.join(sorted(each[:60] for each in names))}"


def _odd_timestamp(text: str) -> Iterator[str]:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 2000 <= moment.year <= 2099:
        yield "metadata.timestamp: must be a date and time with an offset, from 2000 to 2099: the import fails"


def _odd_values(document: Mapping[str, Any]) -> Iterator[str]:
    """Values that fit the schema and that the import does not take, since they cannot be right."""
    for name in (ADDITIONS, MODIFICATIONS):
        for position, record in enumerate(document["changes"][name]):
            for field_name, read in READINGS.items():
                try:
                    read(record.get(field_name) or None)
                except Unreadable as problem:
                    yield f"changes.{name}.{position}.{field_name}: {problem}; the import does not take it"
