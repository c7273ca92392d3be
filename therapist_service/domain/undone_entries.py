"""The entries of sources when an import is undone: what it found to be known therapists, and what it took for gone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.database import Session
from shared.values.import_enums import UndoOutcome
from therapist_service.store import queries, undo_queries
from therapist_service.store.tables import Import, ImportUndoOutcome, TherapistSource

KEPT: Final = "sources"
"""By this clients know the entries of a therapist."""


def take_back(session: Session, known: Import, *, at_most: int) -> int:
    """Take back the next entries that the import added to therapists who were known; returns the number of them.

    An entry that a newer file has shown stays, and is named. Those of newcomers and those that people approved are not
    concerned.
    """
    found = undo_queries.attached_entries(session, known.id, named_as=KEPT, limit=at_most)
    queries.lock_therapists(session, {each.therapist_id for each in found})
    # somebody may have merged two of them while we waited
    found = undo_queries.attached_entries(session, known.id, named_as=KEPT, limit=at_most)
    for entry in found:
        if _is_newer(entry, known.scraped_at):
            _name(session, known, entry)
        else:
            session.delete(entry)
    session.flush()
    return len(found)


def bring_back(session: Session, known: Import) -> None:
    """Let the source have again what this import's file alone took for gone."""
    undo_queries.bring_back_entries(session, known)


def _is_newer(entry: TherapistSource, scraped_at: datetime | None) -> bool:
    if entry.last_seen_at is None or scraped_at is None:
        return False
    return max(entry.last_seen_at, entry.gone_at or entry.last_seen_at) > scraped_at


def _name(session: Session, known: Import, entry: TherapistSource) -> None:
    """The therapist is not wholly as before."""
    noted = session.get(ImportUndoOutcome, (known.id, entry.therapist_id))
    if noted is None:
        noted = ImportUndoOutcome(
            import_id=known.id, therapist_id=entry.therapist_id, outcome=UndoOutcome.KEPT, kept=[], reason=None
        )
        session.add(noted)
        known.undo_kept += 1
    elif noted.outcome == UndoOutcome.RESTORED:
        noted.outcome = UndoOutcome.PARTLY_RESTORED
        known.undo_kept += 1
    noted.kept = sorted({*noted.kept, KEPT})
