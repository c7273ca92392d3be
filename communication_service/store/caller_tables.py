"""The table of those of us who phone practices; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables
from shared.database import Aggregate
from shared.values.weekly import Weekly, WeeklyColumn


class Caller(Aggregate, Tables):
    """One of us who phones practices; never deleted, since the calls they made name them."""

    __tablename__ = "callers"

    user_id: Mapped[UUID | None]
    """Their account, by which they find their own calls."""
    name: Mapped[str]
    hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    absences: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    removed_at: Mapped[datetime | None]
    """When staff removed them; such a row gets no calls."""
    removed_by: Mapped[UUID | None]

    __table_args__ = (
        Index("uq_callers_user_id", "user_id", unique=True, postgresql_where=text("removed_at IS NULL")),
        Index("ix_callers_name", "name", "id"),
        CheckConstraint("removed_by IS NULL OR removed_at IS NOT NULL", name="removed_by_somebody"),
    )
