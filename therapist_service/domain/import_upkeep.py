"""What is looked after of imports without anybody asking: records that are kept for long enough, and unusual files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from shared.database import Session
from shared.values.enums import ImportStatus
from therapist_service.store import import_upkeep as queries

AT_ONCE = 5000
"""Records that are removed in one transaction."""
COMPARED_WITH = 14
"""A file's size is compared with those of so many files before it."""
FEWEST = 5
"""Of fewer it cannot be said what is usual."""


def remove_old_records(session: Session, *, days: int, now: datetime) -> int:
    """Remove a portion of what became of each record of an import that was over so many days ago.

    Returns the number of records, or 1 for an import whose records are all gone by now. Its counts and dates stay, by
    which the file is known if it comes again.
    """
    known = queries.next_with_old_records(session, now - timedelta(days=days))
    if known is None:
        return 0
    removed = queries.remove_records(session, known.id, at_most=AT_ONCE)
    if removed < AT_ONCE:
        queries.remove_undo_outcomes(session, known.id)
        known.records_removed_at = known.updated_at = now
    return max(removed, 1)


def remove_old_reviews(session: Session, *, days: int, now: datetime) -> int:
    """Remove a portion of the reviews that were over so many days ago; returns their number.

    What people rejected of an entry is remembered for as long as the source says it.
    """
    return queries.remove_reviews(session, now - timedelta(days=days), at_most=AT_ONCE)


@dataclass(frozen=True)
class ImportFigures:
    """What an operator is alerted by; None where nothing can be said."""

    held: int
    """Files that wait for approval."""
    seconds_since_file: float | None
    """Since the last file arrived that could be read."""
    is_not_applied: bool | None
    """Whether the newest file failed or was rejected."""
    size_ratio: float | None
    """The size of the newest file as a share of what is usual."""


def figures(session: Session, *, now: datetime) -> ImportFigures:
    """How imports are going."""
    last, newest = queries.last_arrival(session), queries.newest(session)
    since = None if last is None else max((now - last).total_seconds(), 0)
    if newest is None:
        return ImportFigures(queries.number_held(session), since, None, None)
    ended_badly = newest.status in (ImportStatus.FAILED, ImportStatus.REJECTED)
    usual = queries.sizes_before(session, newest, limit=COMPARED_WITH)
    ratio = newest.size / max(median(usual), 1) if len(usual) >= FEWEST else None
    return ImportFigures(queries.number_held(session), since, ended_badly, ratio)
