"""Weekly contact plans, as clients see them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from shared.values.contact_plan_enums import (
    ContactLack,
    ContactPlanStatus,
    PlanGap,
    PlannedChannel,
    PlannedRequestState,
)
from shared.values.datetimes import Instant, IsoDate, PlausibleDate
from shared.values.enums import MatchCriterion
from shared.values.errors import NotAcceptable
from shared.values.lists import Several
from shared.values.rules import rule_across
from shared.values.schemas import Changed, Distinct, EntityView, QuerySchema, Schema
from shared.values.worded import Explanation

MOST_EDITED = 2000
"""So many requests staff take out, and add, of one plan."""


class NewContactPlan(Schema):
    """The week to plan, and limits; what is not sent follows from the settings."""

    week: PlausibleDate | None = None
    """The Monday of the week, at most two weeks ahead; without it the next one, or today."""
    max_requests_per_patient: Annotated[int, Field(ge=1, le=20)] | None = None
    """For each patient at most so many therapists, those who are asked already in that week included."""
    max_patients_per_therapist: Annotated[int, Field(ge=1, le=6)] | None = None
    """Each therapist for at most so many patients, those for whom they are asked already included."""
    max_calls: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """How many practices can be called in that week; callers' hours bound the plan as well, where any are entered."""

    @rule_across("week")
    def _week_begins_on_monday(self) -> None:
        """`week` is a Monday."""
        if self.week is not None and self.week.weekday() != 0:
            raise NotAcceptable("field.not_a_monday")


AN_EDIT: Final[JsonDict] = {
    "removed_request_ids": ["0193a1b2-0000-7000-8000-000000000001"],
    "added_requests": [
        {
            "patient_id": "0193a1b2-0000-7000-8000-000000000002",
            "therapist_id": "0193a1b2-0000-7000-8000-000000000003",
        }
    ],
}


class PlannedPair(Schema):
    """A therapist to be asked for a patient."""

    patient_id: UUID
    """The patient."""
    therapist_id: UUID
    """The therapist."""


class ContactPlanFields(Schema):
    """What staff may change of a plan before they approve it."""

    model_config = ConfigDict(json_schema_extra={"examples": [AN_EDIT]})

    removed_request_ids: Annotated[list[UUID], Distinct(MOST_EDITED)] = []
    """The requests of the plan that are not to be made."""
    added_requests: Annotated[list[PlannedPair], Field(max_length=MOST_EDITED)] = []
    """Requests to be made that the plan does not propose."""

    @rule_across("added_requests")
    def _added_once(self) -> None:
        """No pair of `added_requests` is named twice."""
        pairs = [(each.patient_id, each.therapist_id) for each in self.added_requests]
        if len(set(pairs)) < len(pairs):
            raise NotAcceptable("field.pair_twice")


class ContactPlanView(ContactPlanFields, EntityView):
    """A plan and how far it is: `patients_done` of `patients` are compared, or their requests made."""

    status: Annotated[ContactPlanStatus, Changed(by="POST /api/contact-plans/{id}/approve or /cancel")]
    """Where the plan stands."""
    week: IsoDate
    """The Monday of its week."""
    max_requests_per_patient: int
    """The limit for each patient."""
    max_patients_per_therapist: int
    """The limit for each therapist."""
    requests_for_everyone: int
    """So many requests everybody has, as far as possible, before anybody has more."""
    max_calls: int | None
    """How many practices can be called, as staff said; null: they did not."""
    calls_in_callers_hours: int | None
    """How many practices callers have hours for in that week, as was known when the plan was computed.

    null: no caller has hours, so that only `max_calls` bounds the plan.
    """
    proposed_at: Instant | None
    """When it was ready."""
    approved_by: UUID | None
    """The account of who approved it."""
    approved_at: Instant | None
    """When it was approved."""
    finished_at: Instant | None
    """When it was over: all its requests made, superseded, cancelled or failed."""
    patients: int
    """How many patients searched."""
    patients_done: int
    """For how many of them the present step is done."""
    requests: int
    """How many requests are proposed, with what staff changed."""
    contacts: int
    """How many practices these concern."""
    calls: int
    """How many of these practices are called first; the others are written to."""
    expected_acceptances: float
    """How many acceptances these requests are expected to bring.

    Of several patients of one practice the likeliest counts whole, the second half, the third a quarter.
    """
    made: int
    """How many requests became placement requests after the approval."""
    refused: int
    """How many did not, since the rules did not allow it any more."""


class PlannedRequestView(Schema):
    """A request of a plan: why this therapist, and what became of it."""

    id: UUID
    """Identifies the planned request."""
    patient_id: UUID
    """The patient who searches a place."""
    patient_reference: str | None
    """By what practices know the patient."""
    therapist_id: UUID
    """The therapist."""
    therapist_name: str | None
    """The therapist's name."""
    therapist_city: str | None
    """Town of the practice."""
    state: PlannedRequestState
    """Whether it is proposed, taken out by staff, made or refused."""
    added_by_staff: bool
    """Whether staff added it."""
    channel: PlannedChannel | None
    """How the practice is contacted first; null where it can be neither written to nor called."""
    chance: float | None
    """How likely the practice accepts, from 0 to 1."""
    distance_km: float | None
    """How far away the practice is, in kilometres in a straight line."""
    unknown: list[MatchCriterion]
    """The criteria that nobody could check."""
    reasons: list[Explanation]
    """Why this therapist."""
    placement_request_id: UUID | None
    """The placement request that was made of it."""
    why_refused: list[Explanation]
    """Why it was not made."""


class PlannedPatientView(Schema):
    """How a plan leaves one patient: how many practices fit and are asked, and what was missing."""

    patient_id: UUID
    """The patient."""
    patient_reference: str | None
    """By what practices know the patient."""
    position: int
    """The place in the order of waiting, from 1."""
    days_waited: int | None
    """For how many days the search went on when the plan was made; null: unknown."""
    asked_already: int
    """How many requests counted for the week before the plan."""
    candidates: int
    """How many therapists fit."""
    planned: int
    """For how many therapists the plan proposes a request, with what staff changed."""
    gap: PlanGap | None
    """Why nothing is planned; null where something is, or practices lack capacity."""
    lacks: dict[ContactLack, int]
    """Why therapists who fit are not asked although the patient could have more requests, and how many each."""
    explanation: list[Explanation]
    """The same in words, with codes and values."""


class ContactPlanFilter(QuerySchema):
    """Which plans to list."""

    status: Several[ContactPlanStatus] = []
    """Only those with one of these statuses."""


class PlannedRequestFilter(QuerySchema):
    """Which requests of a plan to list."""

    patient_id: Several[UUID] = []
    """Only those for one of these patients."""
    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""
    state: Several[PlannedRequestState] = []
    """Only those in one of these states."""
    channel: Several[PlannedChannel] = []
    """Only those that begin in one of these ways."""


class PlannedPatientFilter(QuerySchema):
    """Which patients of a plan to list."""

    patient_id: Several[UUID] = []
    """Only these."""
    gap: Several[PlanGap] = []
    """Only those for whom nothing is planned for one of these reasons."""
    lacks: Several[ContactLack] = []
    """Only those who could have more requests if one of these capacities were larger."""


def default_week(today: date) -> date:
    """The next Monday, or today."""
    return date.fromordinal(today.toordinal() + (-today.weekday()) % 7)
