"""What the scraper writes is read here with nothing set aside; the two sides meet in files alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.values.errors import NotAcceptable
from shared.values.phone import phone_number
from therapist_service.domain.import_files import BLOCK, Blocks, read
from therapist_service.domain.import_records import KNOWN, entry, record

SAMPLES = Path(__file__).parent.parent / "samples" / "scraper"
"""Written by the scraper's tests (`PYTHONPATH=scraper python -m tests.scraper`)."""


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("therapists_*.json")), ids=lambda path: path.name)
def test_nothing_of_a_scraped_file_is_odd_refused_or_set_aside(path: Path) -> None:
    content = path.read_bytes()
    file = read(Blocks(len(content), lambda number: content[number * BLOCK : (number + 1) * BLOCK]))
    assert file.notes == []
    assert min(len(places.starts) for places in file.lists.values()) > 0
    for position in range(file.total):
        found = entry(record(file, position))
        assert (found.refused, found.note, found.set_aside) == (None, None, {}), position


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("therapists_*.json")), ids=lambda path: path.name)
def test_what_is_read_is_what_was_written(path: Path) -> None:
    """Otherwise a therapist would change with the next file although the directory did not."""
    content = path.read_bytes()
    file = read(Blocks(len(content), lambda number: content[number * BLOCK : (number + 1) * BLOCK]))
    for position in range(file.total):
        written = json.loads(file.record(position))
        assert written.keys() <= KNOWN
        for name, value in entry(record(file, position)).values.items():
            stored = value.to_json() if name == "phone_hours" and value else value
            assert name not in written or stored == written[name], (position, name)


def test_phone_numbers_are_read_alike_on_both_sides() -> None:
    vectors = json.loads((SAMPLES / "phone_numbers.json").read_text(encoding="utf-8"))
    assert {written: phone_number(written) for written, _ in vectors["read"]} == dict(vectors["read"])
    for written in vectors["refused"]:
        with pytest.raises(NotAcceptable):
            phone_number(written)
