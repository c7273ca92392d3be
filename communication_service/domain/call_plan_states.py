"""From one state of a plan of calls to another; nobody else sets one. `states.py` has those of calls."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from communication_service.store.call_plan_tables import CallPlan
from shared.values.call_plan_enums import CallPlanState
from shared.values.transitions import check_transition

S = CallPlanState

CALL_PLANS: Final[dict[CallPlanState, frozenset[CallPlanState]]] = {
    S.WAITING: frozenset({S.COMPUTING, S.FAILED}),
    S.COMPUTING: frozenset({S.COMPUTING, S.DONE, S.FAILED}),
    S.DONE: frozenset(),
    S.FAILED: frozenset(),
}


def begin(plan: CallPlan) -> None:
    """A new plan waits for a worker."""
    plan.state = S.WAITING


def compute(plan: CallPlan, claim: UUID, *, until: datetime, now: datetime) -> None:
    """waiting → computing: a worker has claimed it, perhaps after another one that died."""
    _enter(plan, S.COMPUTING, now)
    plan.claim, plan.claimed_until, plan.attempts = claim, until, plan.attempts + 1


def finish(plan: CallPlan, *, now: datetime) -> None:
    """computing → done: calls are where it says."""
    _enter(plan, S.DONE, now)


def fail(plan: CallPlan, *, now: datetime) -> None:
    """waiting or computing → failed: workers began it several times."""
    _enter(plan, S.FAILED, now)


def _enter(plan: CallPlan, to: CallPlanState, now: datetime) -> None:
    check_transition(CALL_PLANS, plan.state, to)
    plan.state, plan.updated_at = to, now
    plan.claim = plan.claimed_until = None
    plan.finished_at = None if CALL_PLANS[to] else now
