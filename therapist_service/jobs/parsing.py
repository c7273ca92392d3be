"""Parsing the records of a file before anything is locked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.database import transaction
from therapist_service.domain import import_portions, import_records
from therapist_service.domain.import_records import Entry, RawRecord


def parse(source: str, portion: Sequence[RawRecord]) -> Mapping[int, Entry]:
    """The records that are not as they were applied before, by position.

    One may take longer than a claim lasts: so no transaction is open meanwhile, and the claim can be renewed.
    """
    with transaction() as session:
        as_before = import_portions.applied_as_they_are(session, source, portion)
    return {each.position: import_records.entry(each) for each in portion if each.position not in as_before}
