"""Plans of calls, as clients see them."""

from __future__ import annotations

from uuid import UUID

from shared.values.call_plan_enums import CallGap, CallPlanState
from shared.values.datetimes import Instant, IsoDate
from shared.values.lists import Several
from shared.values.schemas import EntityView, QuerySchema, Schema

MOST_SHOWN = 1000
"""So many practices are named that are not called; `gaps` counts all of them."""


class CallPlanFilter(QuerySchema):
    """Which plans are wanted."""

    state: Several[CallPlanState] = []
    """How far they are."""


class CallerMinutes(Schema):
    """How much of a caller's time a plan uses."""

    caller_id: UUID | None
    """The caller; null: the agency's own line, which has no hours."""
    minutes_available: int
    """Their hours in these days without absences, from the beginning of the plan on."""
    minutes_planned: int
    """What calls take of it."""


class UnreachablePractice(Schema):
    """A practice that is not called in the days of a plan."""

    therapist_id: UUID
    """The practice."""
    inquiry_id: UUID
    """What it would be called about."""
    reason: CallGap
    """Why it is not."""


class CallPlanView(EntityView):
    """One time that calls were planned anew."""

    state: CallPlanState
    """How far it is."""
    first_day: IsoDate | None
    """The first of its days; null while no worker has begun."""
    last_day: IsoDate | None
    """The last of them."""
    wanted: int
    """How many practices are to be called."""
    planned: int
    """How many of them are called in these days."""
    moved: int
    """How many calls the plan moved or added."""
    skipped: int
    """How many it left where they were, since something about them changed while it was computed."""
    gaps: dict[CallGap, int]
    """Why others are not called in these days, and how many for each reason."""
    callers: list[CallerMinutes]
    """How much of each caller's time is used."""
    unreachable: list[UnreachablePractice]
    """The practices that are not called in these days, at most 1000."""
    finished_at: Instant | None
    """When calls were where it says."""
