"""What a calendar is to show, before it has a form: `shared/http/calendar_files.py` makes iCalendar of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class CalendarEvent:
    """Something that takes place at a time."""

    id: UUID
    """By which a calendar knows it again that has read it before."""
    changed_at: datetime
    changes: int
    """How often it was changed: a calendar keeps the highest."""
    starts_at: datetime
    ends_at: datetime
    summary: str
    description: str
    is_cancelled: bool = False
