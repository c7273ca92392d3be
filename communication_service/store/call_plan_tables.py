"""The table of plans of calls; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables
from shared.database import Aggregate, is_one_of
from shared.values.call_plan_enums import CallPlanState

NOT_OVER = (CallPlanState.WAITING, CallPlanState.COMPUTING)


def _count() -> Any:
    return mapped_column(default=0, server_default=text("0"))


class CallPlan(Aggregate, Tables):
    """One time that calls were planned anew: what it was made from, and what came of it."""

    __tablename__ = "call_plans"

    state: Mapped[str]
    claim: Mapped[UUID | None]
    """Whose turn it is to compute the plan; nobody else begins before `claimed_until`."""
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = _count()
    fingerprint: Mapped[str | None]
    """Of everything that it was made from: while that is the same, there is nothing to plan."""
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    wanted: Mapped[int] = _count()
    """Practices that are to be called."""
    planned: Mapped[int] = _count()
    """How many of them are called in these days."""
    moved: Mapped[int] = _count()
    skipped: Mapped[int] = _count()
    """Calls that stayed where they were, since something about them changed meanwhile."""
    callers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    gaps: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    unreachable: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        # two at once would move the same calls
        Index(
            "uq_call_plans_not_over", text("(true)"), unique=True, postgresql_where=text(is_one_of("state", NOT_OVER))
        ),
        CheckConstraint(is_one_of("state", CallPlanState), name="state"),
        CheckConstraint("(claim IS NULL) = (state <> 'computing')", name="claimed_while_computing"),
    )
