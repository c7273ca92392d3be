"""What communication_service published of how practices can be contacted, and of when callers phone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from matching_service.store.declarative import Tables
from shared.database import Copy


class PracticeContact(Copy, Tables):
    """How one practice can be contacted, by what only communication_service knows; the id is the therapist's."""

    __tablename__ = "practice_contacts"

    email_suppressed: Mapped[bool]
    """Whether its address gets no inquiries, beside the opt-outs that the therapist's copy knows of."""
    email_again_on: Mapped[date | None]
    """The first day on which it may be written to again."""
    call_again_on: Mapped[date | None]
    """The first day on which it is called since it was written to."""
    planned_call_at: Mapped[datetime | None]
    number_is_wrong: Mapped[bool]


class CallingHours(Copy, Tables):
    """When callers phone: one row."""

    __tablename__ = "calling_hours"

    callers: Mapped[int]
    """How many have hours; with none calls are made on the agency's own line, at any time."""
    days: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    """The minutes in which callers phone on each of the next days."""
