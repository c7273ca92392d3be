"""The tables of calls, of those of us who make them, and of wrong numbers; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from communication_service.store.declarative import Tables, many_ids
from shared.database import Aggregate, is_one_of
from shared.values.call_enums import InsistedReason, ReleaseReason
from shared.values.enums import CallStatus, Direction
from shared.values.weekly import Weekly, WeeklyColumn

OWN_LINE = f"'{UUID(int=0)}'::uuid"
"""Stands for the agency's own line where a constraint compares who makes a call."""


class PhoneCaller(Aggregate, Tables):
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


class PhoneCall(Aggregate, Tables):
    """A call to a practice: planned, or what came of it; never deleted (docs/domain.md#contact-rule-12)."""

    __tablename__ = "phone_calls"

    therapist_id: Mapped[UUID]
    inquiry_id: Mapped[UUID | None] = mapped_column(ForeignKey("inquiries.id"))
    placement_request_ids: Mapped[list[UUID]] = many_ids()
    caller_id: Mapped[UUID | None] = mapped_column(ForeignKey("callers.id"), index=True)
    """Who is to make it, and cannot be in two calls at once; None: the agency's own line."""
    direction: Mapped[str] = mapped_column(default="outbound", server_default="outbound")
    status: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    attempt: Mapped[int]
    result: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    next_attempt_after: Mapped[datetime | None]
    notes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), default=list, server_default=text("'{}'"))
    """What is kept of the note for each request, in their order, encrypted with its patient's key
    (`domain/call_notes.py`); empty where it is not about it.
    """
    recorded_by: Mapped[UUID | None]
    """Who recorded what came of it; `caller_id` is who was to make it."""
    corrected_at: Mapped[datetime | None]
    """When somebody took back what came of it: it proves what was recorded, and counts no more."""
    corrected_by: Mapped[UUID | None]
    corrections: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), default=list, server_default=text("'{}'"))
    """Why, kept as the note is."""
    insisted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Staff insisted on it, at a time outside of the hours that are known, or against what the practice waits for:
    planning leaves it there.
    """
    insisted_because: Mapped[str | None]
    """Why they did, where the rule of contact said that the practice waits."""
    chosen_by_staff: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Staff chose its time: a plan of calls leaves it there, while it fits the hours."""
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    """When the claim ends unless it is renewed; one that is over claims nothing (`domain/claims.py`)."""
    released_by: Mapped[UUID | None]
    released_until: Mapped[datetime | None]
    """Who gave the claim back, and until when they do not get the call again as the next one."""
    release_reason: Mapped[str | None]

    __table_args__ = (
        ExcludeConstraint(
            (func.coalesce(text("caller_id"), text(OWN_LINE)), "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            using="gist",
            where=text("status = 'planned' AND direction = 'outbound'"),
            name="ex_phone_calls_one_call_at_a_time",
            # calls may change places (`domain/call_plan_moving.py`): then it is checked when all of them have moved
            deferrable=True,
        ),
        # one contact with one practice at a time (docs/domain.md#contact-rule-6), and so one claim
        Index(
            "uq_phone_calls_planned",
            "therapist_id",
            unique=True,
            postgresql_where=text("status = 'planned' AND direction = 'outbound'"),
        ),
        Index("ix_phone_calls_inquiry_id", "inquiry_id"),
        Index("ix_phone_calls_starts_at", "starts_at", "id"),
        Index("ix_phone_calls_therapist_id", "therapist_id", "starts_at"),
        CheckConstraint(is_one_of("direction", Direction), name="direction"),
        CheckConstraint(is_one_of("status", CallStatus), name="status"),
        CheckConstraint("starts_at < ends_at", name="takes_time"),
        CheckConstraint("(status IN ('completed', 'failed')) = (result IS NOT NULL)", name="result"),
        CheckConstraint("(result IS NULL) = (occurred_at IS NULL)", name="made_at"),
        CheckConstraint("corrected_at IS NULL OR result IS NOT NULL", name="corrects_a_result"),
        CheckConstraint("claimed_until IS NULL OR status = 'planned'", name="claimed_before_it_is_made"),
        CheckConstraint("claimed_by IS NULL OR claimed_until IS NOT NULL", name="claimed_for_a_time"),
        CheckConstraint(is_one_of("release_reason", ReleaseReason), name="release_reason"),
        CheckConstraint(is_one_of("insisted_because", InsistedReason), name="insisted_because"),
        CheckConstraint("insisted_because IS NULL OR insisted", name="insisted_for_a_reason"),
    )


class WrongNumber(Tables):
    """The numbers of a practice as they were when one of them was wrong: it is not called before they have changed."""

    __tablename__ = "wrong_numbers"

    therapist_id: Mapped[UUID] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    mobile: Mapped[str | None]
    phone_call_id: Mapped[UUID]
    """The call that found it out."""
    noted_at: Mapped[datetime]
