"""The job that plans calls anew: reads, has the plan computed by a process of its own, and moves calls to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Final

from communication_service.domain import call_plan_moves, call_plan_reading, call_plans
from communication_service.domain.call_plan_moves import Move
from communication_service.domain.call_plan_moving import Mover
from communication_service.domain.call_plan_question import CallQuestion, CallSolution
from communication_service.domain.call_plan_reading import PlanInput
from communication_service.domain.call_plans import ClaimedPlan
from communication_service.settings import ContactRules
from shared.database import is_trouble, transaction
from shared.runtime import clock
from shared.runtime.logs import logger
from shared.security.patient_texts import PatientTexts

log = logger(__name__)

LONGEST_WAIT: Final = timedelta(minutes=5)
"""Where something changes all the time, calls are planned anew so often."""


def solve_apart(question: CallQuestion) -> CallSolution:
    """The solution, computed by a process of its own: it takes seconds and some memory, and holds Python's lock.

    Events and health of the worker go on meanwhile, and what the solver loads is gone with its process.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_solve, question).result()


def _solve(question: CallQuestion) -> CallSolution:
    from communication_service.domain import call_plan_solving

    return call_plan_solving.solve(question)


class PlanningCalls:
    """Plans calls when staff ask for it, and by itself once hours, holidays, requests or callers have changed."""

    def __init__(
        self, rules: ContactRules, texts: PatientTexts, solve: Callable[[CallQuestion], CallSolution] = solve_apart
    ) -> None:
        self._rules, self._texts, self._solve = rules, texts, solve
        self._noticed: str | None = None
        """What was different at the last look: calls are planned when it is the same at the next one."""
        self._since: datetime | None = None

    def run(self, now: datetime) -> int:
        """Plan calls anew where something has changed, and move them to where the plan has them."""
        running = clock.running_from(now)
        is_due = self._is_due(now)
        with transaction() as session:
            claimed = call_plans.claim(session, is_due=is_due, now=running())
        if claimed is None:
            return 0
        with transaction() as session:
            reading = call_plan_reading.read(session, self._rules, now=running())
            call_plans.record_start(session, claimed, reading.fingerprint)
        solution = self._solve(reading.asked.question)
        self._carry_out(claimed, reading, solution, running)
        return 1

    def _is_due(self, now: datetime) -> bool:
        with transaction() as session:
            found = call_plan_reading.fingerprint(session, self._rules, now=now)
            if not call_plan_reading.is_due(session, found):
                self._noticed = self._since = None
                return False
        is_quiet, self._noticed = found == self._noticed, found
        self._since = self._since or now
        return is_quiet or now - self._since >= LONGEST_WAIT

    def _carry_out(
        self, claimed: ClaimedPlan, reading: PlanInput, solution: CallSolution, running: Callable[[], datetime]
    ) -> None:
        moved = skipped = 0
        renewed = running()
        for ring in call_plan_moves.in_turns(call_plan_reading.moves(reading, solution), reading.length):
            if running() - renewed >= call_plans.RENEWED_EVERY:
                renewed = running()
                with transaction() as session:
                    if not call_plans.renew(session, claimed, now=renewed):
                        return  # another worker took it over
            if self._move(ring, reading, running()):
                moved += len(ring)
            else:
                skipped += len(ring)
        with transaction() as session:
            result = call_plan_reading.result(reading, solution)
            call_plans.finish(session, claimed, result, moved=moved, skipped=skipped, now=running())
        log.info("call_plan.done", plan_id=str(claimed.id), moved=moved, skipped=skipped)

    def _move(self, ring: Sequence[Move], reading: PlanInput, now: datetime) -> bool:
        try:
            with transaction() as session:
                return Mover(session, self._rules, self._texts, reading.week, now).move(ring)
        except Exception as problem:
            if is_trouble(problem):
                raise
            log.exception("call_plan.not_moved", inquiry_ids=[str(each.inquiry_id) for each in ring])
            return False
