"""`validate` finds what the import would find odd, and names the place without its value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.scraper.entries import SAMPLES
from therapist_scraper.validation import MOST_PROBLEMS, problems

NAME = "therapists_20261127_040000.json"
SAMPLE = (SAMPLES / NAME).read_bytes()


def test_nothing_is_wrong_with_what_the_scraper_writes() -> None:
    assert problems(NAME, SAMPLE) == []


def small() -> dict[str, Any]:
    record = {"external_id": "geheim-1", "last_name": "Null"}
    document: dict[str, Any] = json.loads(SAMPLE)
    return document | {
        "changes": {"additions": [record], "modifications": [], "deletions": [{"external_id": "geheim-2"}]},
        "statistics": {"total_therapists_scraped": 1, "new_therapists": 1, "updated_therapists": 0,
                       "deleted_therapists": 1, "unchanged_therapists": 0},
    }  # fmt: skip


def first(document: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = document["changes"]["additions"][0]
    return record


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d.pop("changes"), "the file: changes is required"),
        (lambda d: d["metadata"].update(version="2.0"), "metadata.version: does not fit the schema (pattern)"),
        (lambda d: d["metadata"].pop("source"), "metadata: source is required"),
        (lambda d: first(d).pop("last_name"), "changes.additions.0: last_name is required"),
        (lambda d: first(d).update(procedures=["geheim"]), "changes.additions.0.procedures.0: must be one of VT"),
        (lambda d: first(d).update(phone=7), "changes.additions.0.phone: does not fit"),
        (lambda d: d["metadata"].update(timestamp="gestern"), "metadata.timestamp: must be a date and time"),
        (lambda d: first(d).update(phone="12"), "changes.additions.0.phone: "),
        (lambda d: first(d).update(email="x"), "changes.additions.0.email: "),
        (lambda d: first(d).update(postal_code="99999"), "changes.additions.0.postal_code: "),
        (lambda d: first(d).update(favourite="geheim"), "fields that the import does not know: favourite"),
        (
            lambda d: d["statistics"].update(new_therapists=2, total_therapists_scraped=2),
            "statistics.new_therapists: is not 1",
        ),
        (
            lambda d: d["statistics"].update(unchanged_therapists=2),
            "statistics.total_therapists_scraped: is not the sum",
        ),
        (
            lambda d: d["changes"]["deletions"][0].update(external_id="geheim-1"),
            "1 external_ids stand there more than once",
        ),
    ],
)
def test_what_is_wrong_is_named_without_its_value(change: Callable[[Any], object], problem: str) -> None:
    document = small()
    assert problems(NAME, json.dumps(document).encode()) == []
    change(document)
    found = problems(NAME, json.dumps(document).encode())
    assert len(found) == 1
    assert problem in found[0]
    assert "geheim" not in found[0]


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[" * 100_000, SAMPLE[:-9], SAMPLE.replace(b"50.94", b"NaN")])
def test_what_is_not_json_is_said(content: bytes) -> None:
    assert problems(NAME, content) == ["the file is not JSON in UTF-8"]


def test_names_repeated_keys_and_many_problems() -> None:
    assert problems("therapists.json", SAMPLE) == [
        "the name is not therapists_YYYYMMDD_HHMMSS.json: the import ignores the file"
    ]
    twice = json.dumps(small()).replace('"last_name"', '"last_name": "x", "last_name"').encode()
    assert problems(NAME, twice) == ["last_name: stands in an object more than once"]
    broken = small() | {"changes": {"additions": [{}] * 500, "modifications": [], "deletions": []}}
    assert len(problems(NAME, json.dumps(broken).encode())) == MOST_PROBLEMS
