"""Whatever stands in any field of an import record costs that field or that record, never the file, and little time."""

from __future__ import annotations

import json
import time

import pytest

from tests.boundaries.samples import Input
from tests.builders.imports import FIRST, Folder, a_record
from tests.hostile import json_values
from therapist_service.domain.import_records import LARGEST_VALUE, SentRecord

SECONDS = 20.0
"""Processor time for a file with every hostile value in one field; a single one once held the import for 48 s."""
VALUES = dict(json_values())
USUAL = [value for value in VALUES.values() if len(json.dumps(value)) <= LARGEST_VALUE]
"""All but those that are too long for any field."""
FIELDS = dict.fromkeys(str(path[0]) for path, _ in Input(SentRecord).different_paths())
"""Of the fields of one kind the first."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


FIRST_FIELD = next(iter(FIELDS))


@pytest.mark.parametrize("service", ["therapist_service"])
@pytest.mark.parametrize("field", FIELDS)
def test_a_hostile_value_in_one_field_costs_no_other_record(service: str, folder: Folder, field: str) -> None:
    """Every value in a record of its own, between two good ones; those whose size decides, not the field, in one."""
    values = VALUES.values() if field == FIRST_FIELD else USUAL
    hostile = [a_record(f"h-{number}", **{field: value}) if field != "external_id" else a_record(value)
               for number, value in enumerate(values)]  # fmt: skip
    began = time.thread_time()
    done = folder.bring(FIRST, _document([a_record("good-1"), *hostile, a_record("good-2")]))
    assert time.thread_time() - began < SECONDS
    assert done.status == "completed", done.reason
    assert (done.done, done.total) == (len(hostile) + 2, len(hostile) + 2)
    outcomes = {each.external_id: each.outcome for each in folder.records(done)}
    assert (outcomes["good-1"], outcomes["good-2"]) == ("applied", "applied")


def _document(additions: list[object]) -> bytes:
    head = {"timestamp": "2026-11-23T04:00:00Z", "scrape_id": "2026112304", "source": "116117.de", "version": "1.0"}
    return json.dumps({"metadata": head, "changes": {"additions": additions}, "statistics": {}}).encode()
