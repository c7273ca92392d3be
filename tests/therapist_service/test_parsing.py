"""Records are parsed one portion ahead of the one that is applied."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.values.enums import ImportAction
from tests.builders.imports import a_record
from therapist_service.domain import import_records
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.jobs import parsing


def portions(number: int) -> Iterator[list[RawRecord]]:
    """Portions of two records each."""
    for first in range(0, 2 * number, 2):
        records = [(position, a_record(f"a-{position}")) for position in (first, first + 1)]
        raws = [(position, record, json.dumps(record).encode()) for position, record in records]
        yield [RawRecord(position, ImportAction.ADDITION, record["external_id"], raw) for position, record, raw in raws]


def parse_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith(parsing.THREAD)]


@pytest.mark.usefixtures("session")
def test_each_portion_comes_with_its_records_and_those_that_need_not_be_parsed_are_not() -> None:
    found = list(parsing.parsed_ahead("116117.de", portions(4), unchanged={2}))
    assert [portion[0].position for portion, _ in found] == [0, 2, 4, 6]
    assert [sorted(parsed) for _, parsed in found] == [[0, 1], [], [4, 5], [6, 7]]
    assert [entry.external_id for _, parsed in found for entry in parsed.values()] == [
        f"a-{n}" for n in (0, 1, *range(4, 8))
    ]
    assert list(parsing.parsed_ahead("116117.de", [])) == []


@pytest.mark.usefixtures("session")
def test_no_thread_is_left_behind_and_a_failure_comes_with_its_portion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closing(parsing.parsed_ahead("116117.de", portions(4))) as ahead:
        next(ahead)
        assert len(parse_threads()) == 1
    assert parse_threads() == []
    read = import_records.entry

    def failing(sent: RawRecord) -> Entry:
        if sent.position == 3:
            raise MemoryError
        return read(sent)

    monkeypatch.setattr(import_records, "entry", failing)
    with closing(parsing.parsed_ahead("116117.de", portions(4))) as ahead:
        assert sorted(next(ahead)[1]) == [0, 1], "the portion before is applied first"
        with pytest.raises(MemoryError):
            next(ahead)
    assert parse_threads() == []
