"""What a plan of calls is made from, and what comes out: values that travel to the process that solves, and back.

docs/decisions/0054-plan-of-calls.md says what is planned and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from communication_service.domain.call_times import FreeSlot, Span
from shared.values.call_plan_enums import CallGap


@dataclass(frozen=True)
class WantedCall:
    """A call that is to be made in the days of the plan, if there is time for it."""

    inquiry_id: UUID
    weight: int
    """What it counts against others for the same time: more for who may have a place, and for who has waited longer."""
    spans: Sequence[Span]
    """When the practice answers the phone and may be called, in order."""
    current: FreeSlot | None = None
    """Where it is planned now, in these days; such a call is moved only where something is won."""


@dataclass(frozen=True)
class CallerWeek:
    """When a caller has time for the calls of the plan."""

    caller_id: UUID | None
    free: Sequence[Span]
    """In order: their hours without absences and without calls that stay where they are."""


@dataclass(frozen=True)
class CallQuestion:
    """Everything that a plan is made from."""

    days: Sequence[datetime]
    """When each of the days begins, in order, and when the last one ends."""
    length: timedelta
    """How long a call is."""
    step: timedelta
    """Calls begin when so much time, or a multiple of it, has passed since the first day began."""
    calls: Sequence[WantedCall]
    """Those first that first-fit would give a slot first."""
    callers: Sequence[CallerWeek]


class Score(NamedTuple):
    """What a plan is worth; the greater of two is the better plan."""

    calls: int
    """How many calls are made."""
    value: int
    """Their weights, each for as many times as days are left when it is made."""
    kept: int
    """Three for each call that stays where it was planned, two with another caller, one at another time."""


@dataclass(frozen=True)
class CallSolution:
    """Who makes which call when."""

    slots: Mapping[UUID, FreeSlot]
    """By inquiry."""
    gaps: Mapping[UUID, CallGap]
    """Why the others are not called in these days."""
    score: Score
