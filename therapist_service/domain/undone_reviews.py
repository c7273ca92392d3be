"""Reviews when an import is undone: what of it waited waits no more, and what it had overtaken waits again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.database import Session, new_id
from shared.database.written_values import Row
from therapist_service.domain import states
from therapist_service.store import review_queries
from therapist_service.store.tables import Import

SAID_AGAIN: Final = (
    "import_id", "position", "source_name", "external_id", "kind", "therapist_id", "candidate_ids", "proposed",
    "set_aside", "difference", "declined",
)  # fmt: skip
"""What a review that waits again has of the one that was overtaken."""


def take_back(session: Session, known: Import, *, now: datetime) -> None:
    """Let nothing of the import wait any more, and again what an earlier file had brought.

    What a later file says as well waits as that one's.
    """
    review_queries.pass_on(session, known, now=now)
    waiting = review_queries.pending_of_import(session, known.id)
    review_queries.supersede(session, waiting, states.columns_of_a_superseded_review() | {"updated_at": now})
    overtaken = review_queries.overtaken_by(session, known)
    review_queries.add(session, [_again(row, now) for row in overtaken])


def _again(overtaken: Row, now: datetime) -> Row:
    """A new review, since the newest one of an entry is the one that counts."""
    return {
        "id": new_id(),
        **{name: overtaken[name] for name in SAID_AGAIN},
        **states.columns_of_a_new_review(),
        "created_at": now,
        "updated_at": now,
        "updated_by": None,
        "version": 1,
        "sequence": 0,
    }
