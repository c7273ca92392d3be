"""What is published of imports, for who watches them from outside of the platform."""

from __future__ import annotations

from datetime import datetime

from shared.database import Session
from shared.events.catalogue import ImportCompleted, ImportFailed, ImportHeld
from shared.events.event import LONGEST_TEXT
from shared.events.outbox import record
from shared.values.enums import ImportStatus
from therapist_service.store.tables import Import

COUNTED = ("additions", "modifications", "deletions", "unchanged", "waiting", "rejected")


def record_end(session: Session, ended: Import, *, now: datetime) -> None:
    """Publish that an import, which is new or locked, is over."""
    if ended.status != ImportStatus.COMPLETED:
        # what people wrote stays here
        reason = ended.reason[:LONGEST_TEXT] if ended.reason and ended.decided_at is None else None
        failed = ImportFailed(import_id=ended.id, file=ended.file, status=ended.status, reason=reason)
        return record(session, ended, failed, now=now)
    counts = {name: getattr(ended, name) for name in COUNTED}
    about = {"import_id": ended.id, "file": ended.file, "source": ended.source, "scrape_id": ended.scrape_id}
    return record(session, ended, ImportCompleted(**about, finished_at=now, **counts), now=now)


def record_hold(session: Session, held: Import, *, now: datetime) -> None:
    """Publish that a file, whose import is locked, waits for a decision."""
    names = ("file", "source", "scrape_id", "known_before", "would_deactivate", "would_change")
    record(session, held, ImportHeld(import_id=held.id, **{name: getattr(held, name) for name in names}), now=now)
