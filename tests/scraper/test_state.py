"""The state is replaced as a whole, and a broken one is not taken for an empty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scraper.entries import SOURCE
from therapist_scraper import state
from therapist_scraper.errors import ScraperError
from therapist_scraper.state import KnownPerson, State

SOMEBODY = KnownPerson({"external_id": "p-1", "last_name": "Line\u2028Separator"}, frozenset({"aachen", "koeln"}))
KNOWN = State(SOURCE, {"p-1": SOMEBODY}, "therapists_20261127_040000.json")


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    place = str(tmp_path / "new" / "state.jsonl")
    assert state.load(place, SOURCE) == State(SOURCE)
    for each in (State(SOURCE), KNOWN):
        state.save(place, each)
        assert state.load(place, SOURCE) == state.load(place) == each
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["state.jsonl"]


@pytest.mark.parametrize(
    "cut",
    ["", "{}", "garbage\n", '{"version": 2, "people": 0, "source": "116117.de", "last_file": null}', None, "\x00"],
)
def test_a_state_that_cannot_be_read_is_not_empty(tmp_path: Path, cut: str | None) -> None:
    place = tmp_path / "state.jsonl"
    state.save(str(place), KNOWN)
    place.write_text("".join(place.read_text().splitlines(keepends=True)[:1]) if cut is None else cut)
    with pytest.raises(ScraperError, match="cannot be read"):
        state.load(str(place), SOURCE)


def test_the_state_of_another_source_is_not_used(tmp_path: Path) -> None:
    place = str(tmp_path / "state.jsonl")
    state.save(place, KNOWN)
    with pytest.raises(ScraperError, match="not of other"):
        state.load(place, "other.example.org")
    with pytest.raises(ScraperError, match="There is no state"):
        state.load(str(tmp_path / "nowhere"))
    with pytest.raises(ScraperError, match=r"a state is the file people\.jsonl"):
        state.load(str(tmp_path))
