"""Plans of calls: begun by staff or by a change, claimed by one worker, recorded when calls are moved.

The plan itself is computed by `call_plan_solving`, and `call_plan_moving` moves calls to it
(docs/decisions/0054-plan-of-calls.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from communication_service.domain import call_plan_states as states
from communication_service.domain.call_plan_schemas import MOST_SHOWN, CallPlanFilter, CallPlanView
from communication_service.store import call_plans as store
from communication_service.store.call_plan_tables import CallPlan
from shared.database import Session, first_version, new_id
from shared.database.rows import require
from shared.runtime.logs import logger
from shared.values.datetimes import berlin_day
from shared.values.lists import Listed, ListRequest

log = logger(__name__)

LEASE: Final = timedelta(minutes=5)
"""For so long nobody else takes a plan of which its worker says nothing."""
RENEWED_EVERY: Final = LEASE / 5
MOST_ATTEMPTS: Final = 3
KEPT: Final = timedelta(days=28)
"""For so long plans that are over can be looked at."""


@dataclass(frozen=True)
class ClaimedPlan:
    """A plan that is this worker's to compute."""

    id: UUID
    claim: UUID


@dataclass(frozen=True)
class Result:
    """What came of a plan."""

    fingerprint: str
    days: tuple[datetime, datetime]
    """When the first of them begins, and when the last one ends."""
    wanted: int
    planned: int
    callers: Sequence[dict[str, Any]]
    unreachable: Sequence[dict[str, str]]


def list_part(session: Session, wanted: ListRequest[CallPlanFilter]) -> Listed:
    """A part of the plans."""
    found = store.plans(session, wanted.part, states=wanted.filters.state)
    return found.shown([CallPlanView.of(each) for each in found.rows])


def get(session: Session, plan_id: UUID) -> CallPlanView:
    """One plan; raises `NotFound`."""
    return CallPlanView.of(require(store.one(session, plan_id), "call_plan"))


def have_planned(session: Session, *, by: UUID | None, now: datetime) -> CallPlanView:
    """Have calls planned anew; the plan that waits or is computed, if there is one."""
    store.take_turn(session)
    plan = store.not_over(session) or _begin(session, by=by, now=now)
    session.flush()
    return CallPlanView.of(plan)


def _begin(session: Session, *, by: UUID | None, now: datetime) -> CallPlan:
    plan = CallPlan(id=new_id(), **first_version(by=by, now=now))
    states.begin(plan)
    session.add(plan)
    return plan


def claim(session: Session, *, is_due: bool, now: datetime) -> ClaimedPlan | None:
    """Claim the plan that waits, or whose worker died; with `is_due` a new one, where there is none."""
    store.take_turn(session)
    plan = store.not_over(session)
    if plan is None and is_due:
        plan = _begin(session, by=None, now=now)
        session.flush()
    if plan is None or (plan.claimed_until is not None and plan.claimed_until > now):
        return None
    if plan.attempts >= MOST_ATTEMPTS:
        states.fail(plan, now=now)
        log.error("call_plan.failed", plan_id=str(plan.id))
        return None
    mine = new_id()
    states.compute(plan, mine, until=now + LEASE, now=now)
    return ClaimedPlan(plan.id, mine)


def record_start(session: Session, mine: ClaimedPlan, fingerprint: str) -> None:
    """Keep what the plan is made from: one that fails is not tried again before that has changed."""
    plan = _own(session, mine)
    if plan is not None:
        plan.fingerprint = fingerprint


def renew(session: Session, mine: ClaimedPlan, *, now: datetime) -> bool:
    """Let the claim last longer; False where another worker has the plan."""
    plan = _own(session, mine)
    if plan is not None:
        plan.claimed_until = now + LEASE
    return plan is not None


def finish(session: Session, mine: ClaimedPlan, result: Result, *, moved: int, skipped: int, now: datetime) -> None:
    """Record what came of the plan, and forget old ones."""
    plan = _own(session, mine)
    if plan is None:
        return
    begins, ends = result.days
    plan.first_day, plan.last_day = berlin_day(begins), berlin_day(ends - timedelta(hours=1))
    plan.fingerprint, plan.wanted, plan.planned = result.fingerprint, result.wanted, result.planned
    plan.moved, plan.skipped, plan.callers = moved, skipped, list(result.callers)
    reasons = [each["reason"] for each in result.unreachable]
    plan.gaps = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    plan.unreachable = list(result.unreachable[:MOST_SHOWN])
    states.finish(plan, now=now)
    store.forget_before(session, now - KEPT)


def _own(session: Session, mine: ClaimedPlan) -> CallPlan | None:
    plan = store.one(session, mine.id, lock=True)
    return plan if plan is not None and plan.claim == mine.claim else None
