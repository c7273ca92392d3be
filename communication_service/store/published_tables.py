"""What was published of how practices can be contacted, and of when callers phone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables
from shared.database import Aggregate


class PublishedContact(Aggregate, Tables):
    """How one practice can be contacted, as it was published last; the id is the therapist's."""

    __tablename__ = "published_contacts"

    email_suppressed: Mapped[bool]
    email_again_on: Mapped[date | None]
    """The first day after the days without another e-mail."""
    call_again_on: Mapped[date | None]
    """The first day on which it is called since it was written to."""
    planned_call_at: Mapped[datetime | None]
    number_is_wrong: Mapped[bool]


class PublishedCallingHours(Aggregate, Tables):
    """When callers phone, as it was published last: one row."""

    __tablename__ = "published_calling_hours"

    callers: Mapped[int]
    days: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
