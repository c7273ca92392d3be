from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scraper.samples import SAMPLES
from therapist_scraper.areas import Circle
from therapist_scraper.errors import UnknownForm
from therapist_scraper.sources.directory_116117 import body, queries, read_answer, read_query

ENTRY = {"id": "1", "name": "Null"}


@pytest.mark.parametrize(("generation", "more"), [("coded", False), ("named", True)])
def test_both_generations_are_read(generation: str, more: bool) -> None:
    answer = read_answer(json.loads((SAMPLES / f"answer_{generation}.json").read_text()))
    assert [entry["id"] for entry in answer.entries] == ["p-0001", "p-0002"]
    assert answer.more_results is more


def test_every_search_is_asked_for_in_codes_and_read_back() -> None:
    posted = [body(Circle(50.7, 6.1, 12.5), query) for query in queries()]
    assert posted[0] == {
        "r": 12.5,
        "lat": 50.7,
        "lon": 6.1,
        "filterSelections": [
            {"fieldName": "fgg", "selectedCodes": ["12"]},
            {"fieldName": "ptv", "selectedCodes": ["A"]},
            {"fieldName": "pta", "selectedCodes": ["E"]},
            {"fieldName": "pts", "selectedCodes": ["E"]},
        ],
    }
    assert len(posted) == 16
    assert [read_query(each) for each in posted] == queries()


@pytest.mark.parametrize(
    "posted",
    [
        None,
        [],
        {},
        {"filterSelections": 3},
        {"filterSelections": [{"fieldName": "ptv", "selectedCodes": ["V", "T"]}, {"fieldName": "pta"}, 7]},
    ],
)
def test_of_other_searches_nothing_is_concluded(posted: Any) -> None:
    assert read_query(posted) == {}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "no JSON object"),
        ([], "no JSON object"),
        ({}, "it has: nothing"),
        ({"error": "gone", "code": 3}, "it has: code, error"),
        ({"\x1b[31m" + "x" * 9999: 1, "y" * 9999: 1}, r"it has: \[31mx{35}…, y{40}…$"),
        ({"arztPraxisDatas": []}, "lacks arztPraxisDatas or moreResults"),
        ({"arztPraxisDatas": {}, "moreResults": False}, "lacks"),
        ({"arztPraxisDatas": [], "moreResults": "no"}, "lacks"),
        ({"arztPraxisDatas": [ENTRY, 7], "moreResults": False}, "of 2 entries only 1 have"),
        ({"arztPraxisDatas": [ENTRY, {"key": 1}, {"key": 2}], "moreResults": False}, "of 3 entries only 1 have"),
        ({"arztPraxisDatas": [ENTRY | {"tsz": [{"day": "Mo"}]}], "moreResults": False}, "times .tsz."),
    ],
)
def test_a_changed_form_is_named(document: Any, said: str) -> None:
    with pytest.raises(UnknownForm, match=said):
        read_answer(document)


def test_a_single_bad_entry_is_left_to_the_normalisation() -> None:
    strange = {"name": "Tietz -Roder", "tsz": "never"}
    assert len(read_answer({"arztPraxisDatas": [ENTRY, strange], "moreResults": False}).entries) == 2
