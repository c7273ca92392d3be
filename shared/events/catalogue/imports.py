"""Events of the therapist service about files of therapists, for who watches imports from outside of the platform."""

from __future__ import annotations

from uuid import UUID

from shared.events.catalogue.payloads import Count
from shared.events.event import Event
from shared.values.datetimes import PlausibleInstant


class ImportCompleted(Event, name="import.completed"):
    """Every record of a file has an outcome; the counts are those of `GET /api/imports/{id}`."""

    import_id: UUID
    file: str
    source: str | None = None
    scrape_id: str | None = None
    finished_at: PlausibleInstant
    additions: Count = 0
    modifications: Count = 0
    deletions: Count = 0
    unchanged: Count = 0
    waiting: Count = 0
    rejected: Count = 0


class ImportHeld(Event, name="import.held"):
    """A file would deactivate or change unusually many therapists and waits for a decision; later files wait, too."""

    import_id: UUID
    file: str
    source: str | None = None
    scrape_id: str | None = None
    known_before: Count = 0
    """How many therapists are known from its source."""
    would_deactivate: Count = 0
    would_change: Count = 0


class ImportFailed(Event, name="import.failed"):
    """Nothing more of a file is applied: it cannot be read, is out of turn, or a person rejected it."""

    import_id: UUID
    file: str
    status: str
    """failed or rejected."""
    reason: str | None = None
