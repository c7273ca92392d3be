"""Parsing the records of a file before anything is locked for them."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from shared.database import transaction
from therapist_service.domain import import_portions, import_records
from therapist_service.domain.import_records import Entry, RawRecord

THREAD: Final = "parse-records"
"""How the names of its threads begin."""
Portion = Sequence[RawRecord]
Parsed = Mapping[int, Entry]
"""The records of a portion that are not as they were applied before, by position."""


def parse(source: str, portion: Portion) -> Parsed:
    """The records that are not as they were applied before, by position.

    One may take longer than a claim lasts: so no transaction is open meanwhile, and the claim can be renewed.
    """
    return _entries(_not_as_before(source, portion))


def parsed_ahead(
    source: str, portions: Iterable[Portion], *, unchanged: Collection[int] = ()
) -> Generator[tuple[Portion, Parsed], None, None]:
    """Each portion with what `parse` returns of it; the next one is parsed while the caller works on it.

    So parsing costs no time while the caller waits for the database. Of the portions that begin with one of the
    `unchanged` positions nothing is parsed. Close the iterator where it is left early: it ends the thread.
    """
    with ThreadPoolExecutor(1, thread_name_prefix=THREAD) as thread:
        ahead: tuple[Portion, Future[Parsed]] | None = None
        for portion in portions:
            # asked before the portion before is applied: who is changed by that is parsed when it is applied
            others = [] if portion[0].position in unchanged else _not_as_before(source, portion)
            ready, ahead = ahead, (portion, thread.submit(_entries, others))
            if ready is not None:
                yield ready[0], ready[1].result()
        if ahead is not None:
            yield ahead[0], ahead[1].result()


def _not_as_before(source: str, portion: Portion) -> Portion:
    with transaction() as session:
        as_before = import_portions.applied_as_they_are(session, source, portion)
    return [each for each in portion if each.position not in as_before]


def _entries(portion: Portion) -> Parsed:
    return {each.position: import_records.entry(each) for each in portion}
