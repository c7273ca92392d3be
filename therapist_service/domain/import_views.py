"""Parts of an import as clients see it."""

from __future__ import annotations

from therapist_service.domain.import_schemas import Hold, Undo
from therapist_service.store.tables import Import


def hold_of(known: Import) -> Hold | None:
    """Why the file was held; None where it was not."""
    if known.held_at is None:
        return None
    return Hold.of({name: getattr(known, name) for name in Hold.model_fields})


def undo_of(known: Import) -> Undo | None:
    """How far the import has been undone; None where nobody wanted that."""
    if known.undo_asked_at is None:
        return None
    return Undo(
        asked_at=known.undo_asked_at,
        asked_by=known.undo_asked_by,
        done=known.undo_done,
        total=known.undo_total,
        kept=known.undo_kept,
        finished_at=known.undone_at,
    )
