"""First the file for the import, whole, then the state; and neither where a person should look first."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.scraper.entries import FRIDAY, SAMPLES, a_harvest, an_entry, sample
from therapist_scraper import state
from therapist_scraper.delivery import Delivery, deliver, summary
from therapist_scraper.errors import Incomplete, ScraperError, Unusual
from therapist_scraper.raw import Harvest, RawEntry

SATURDAY = FRIDAY + timedelta(days=1)


def bring(folder: Path, *entries: RawEntry, harvest: Harvest | None = None, **options: Any) -> Delivery:
    place = str(folder / "state.jsonl")
    return deliver(
        harvest or a_harvest(*entries), out=str(folder / "out"), state_at=place, **{"now": FRIDAY, **options}
    )


def names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def people(count: int) -> list[RawEntry]:
    return [an_entry(f"p-{number}") for number in range(count)]


def test_the_sample_is_what_the_scraper_writes(tmp_path: Path) -> None:
    made = sample(tmp_path)
    assert made.text == (SAMPLES / made.name).read_text(encoding="utf-8"), (
        "`PYTHONPATH=scraper python -m tests.scraper`"
    )
    assert names(tmp_path) == ["state"]


def test_a_day_after_another(tmp_path: Path) -> None:
    first = bring(tmp_path, *people(3))
    second = bring(tmp_path, *people(2), an_entry("p-9"), now=SATURDAY)
    assert names(tmp_path) == [
        "out/therapists_20261127_040000.json",
        "out/therapists_20261128_040000.json",
        "state.jsonl",
    ]
    document = json.loads((tmp_path / "out" / second.name).read_text(encoding="utf-8"))
    assert document["metadata"] == {
        "timestamp": "2026-11-27T04:00:00Z",
        "scrape_id": "20261127030000",
        "source": "116117.de",
        "version": "1.0",
    }
    assert document["changes"]["deletions"] == [{"external_id": "p-2"}]
    assert [each["external_id"] for each in document["changes"]["additions"]] == ["p-9"]
    assert state.load(str(tmp_path / "state.jsonl")).last_file == second.name
    assert next(iter(summary(first))) == "therapists_20261127_040000.json: 3 added, 0 changed, 0 gone, 0 as before"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    made = bring(tmp_path, *people(3), dry_run=True)
    assert len(json.loads(made.text)["changes"]["additions"]) == 3
    assert names(tmp_path) == []


def test_an_unusual_share_writes_nothing_unless_it_is_allowed(tmp_path: Path) -> None:
    bring(tmp_path, *people(20))
    before = names(tmp_path), (tmp_path / "state.jsonl").read_bytes()
    with pytest.raises(Unusual, match="10 of 20 people are not there any more"):
        bring(tmp_path, *people(10), now=SATURDAY)
    assert before == (names(tmp_path), (tmp_path / "state.jsonl").read_bytes())
    assert "unusual: 10 of 20 people are not there any more" in summary(
        bring(tmp_path, *people(10), now=SATURDAY, dry_run=True)
    )
    allowed = bring(tmp_path, *people(10), now=SATURDAY, allow=True)
    assert len(allowed.difference.deletions) == 10
    assert len(state.load(str(tmp_path / "state.jsonl")).people) == 10


def test_an_outage_writes_nothing(tmp_path: Path) -> None:
    bring(tmp_path, *people(3))
    with pytest.raises(Incomplete):
        bring(tmp_path, now=SATURDAY, allow=True)
    assert len(names(tmp_path)) == 2


def test_a_crash_before_the_state_repeats_the_differences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ScraperError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(state, "save", crash)
        with pytest.raises(ScraperError):
            bring(tmp_path, *people(3))
    assert len(bring(tmp_path, *people(3), now=SATURDAY).difference.additions) == 3


def test_a_file_comes_after_the_last_one(tmp_path: Path) -> None:
    bring(tmp_path, *people(1), now=SATURDAY)
    for now in (SATURDAY, FRIDAY):
        with pytest.raises(ScraperError, match="is the clock right"):
            bring(tmp_path, *people(2), now=now)


def test_the_operator_learns_what_was_left_out(tmp_path: Path) -> None:
    entries = [
        an_entry("p-1", tel="abends"),
        an_entry("p-2", name=None),
        an_entry("p-3", tel="0221 4710123; 0221 4710124"),
    ]
    lines = list(summary(bring(tmp_path, *entries)))
    assert lines[1:] == [
        "3 entries of 2 people were read",
        "1 people could not be read and stay as they were",
        "left out 1× last_name: is required",
        "left out 1× phone: is no phone number",
        "p-3: phone: several numbers, of which the first was taken",
    ]
