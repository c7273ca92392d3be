"""The tables of weekly contact plans; `store/tables.py` has the others."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from matching_service.store.declarative import Tables
from shared.database import Aggregate, is_one_of, new_id, text_list
from shared.values.contact_plan_enums import ContactPlanStatus, PlanGap, PlannedChannel, PlannedRequestState

NOT_OVER = (ContactPlanStatus.WAITING, ContactPlanStatus.COMPUTING, ContactPlanStatus.APPROVING)
"""In these a job works on the plan, or is to."""


def _count() -> Any:
    return mapped_column(default=0, server_default=text("0"))


class ContactPlan(Aggregate, Tables):
    """Who is to be asked for whom in one week, and how far the plan is."""

    __tablename__ = "contact_plans"

    status: Mapped[str]
    week: Mapped[date]
    """The Monday."""
    max_requests_per_patient: Mapped[int]
    max_patients_per_therapist: Mapped[int]
    requests_for_everyone: Mapped[int]
    max_calls: Mapped[int | None]
    calls_in_callers_hours: Mapped[int | None]
    """How many practices callers had hours for in that week when the plan was computed; None: nobody has hours."""
    claim: Mapped[UUID | None]
    """Whose turn it is to compute the plan: only this one may propose it; nobody else begins before `claimed_until`."""
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = _count()
    proposed_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    patients: Mapped[int] = _count()
    """How many patients search."""
    patients_done: Mapped[int] = _count()
    """For how many of them the present step is done: compared with practices, or their requests made."""
    requests: Mapped[int] = _count()
    contacts: Mapped[int] = _count()
    calls: Mapped[int] = _count()
    expected: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """The sum of the chances, in ten-thousandths."""
    made: Mapped[int] = _count()
    refused: Mapped[int] = _count()

    __table_args__ = (
        Index("ix_contact_plans_not_over", "id", postgresql_where=text(is_one_of("status", NOT_OVER))),
        CheckConstraint(is_one_of("status", ContactPlanStatus), name="status"),
        CheckConstraint("(claim IS NULL) = (status <> 'computing')", name="claimed_while_computing"),
        CheckConstraint("EXTRACT(isodow FROM week) = 1", name="week_begins_on_monday"),
    )


class PlannedPatient(Tables):
    """How a plan leaves one patient who searched when it was made."""

    __tablename__ = "contact_plan_patients"

    plan_id: Mapped[UUID] = mapped_column(ForeignKey(ContactPlan.id), primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]
    """The place in the order of waiting, from 1."""
    days_waited: Mapped[int | None]
    asked_already: Mapped[int]
    candidates: Mapped[int]
    planned: Mapped[int]
    gap: Mapped[str | None]
    lacks: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Why practices that fit are not asked, and how many for each reason."""
    help: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    """What would help a patient whom no practice fits: sentences by their keys."""
    done_at: Mapped[datetime | None]
    """When the requests were made, after the approval."""

    __table_args__ = (
        Index("uq_contact_plan_patients_position", "plan_id", "position", unique=True),
        Index("ix_contact_plan_patients_patient_id", "patient_id"),
        CheckConstraint(is_one_of("gap", PlanGap), name="gap"),
    )


class PlannedRequest(Tables):
    """One request that a plan proposes, or that staff added, and what became of it."""

    __tablename__ = "contact_plan_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey(ContactPlan.id))
    patient_id: Mapped[UUID]
    therapist_id: Mapped[UUID]
    state: Mapped[str]
    added_by_staff: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    channel: Mapped[str | None]
    chance: Mapped[int | None]
    """In ten-thousandths."""
    metres: Mapped[int | None]
    is_hinted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_preferred: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    unknown: Mapped[list[str]] = text_list()
    """The criteria that nobody could check."""
    placement_request_id: Mapped[UUID | None]
    refusal: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """Why it was not made: sentences by their keys."""

    __table_args__ = (
        Index("uq_contact_plan_requests_pair", "plan_id", "patient_id", "therapist_id", unique=True),
        Index("ix_contact_plan_requests_plan", "plan_id", "id"),
        Index("ix_contact_plan_requests_patient_id", "patient_id"),
        CheckConstraint(is_one_of("state", PlannedRequestState), name="state"),
        CheckConstraint(is_one_of("channel", PlannedChannel), name="channel"),
        CheckConstraint("(state = 'made') = (placement_request_id IS NOT NULL)", name="made"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused"),
    )
