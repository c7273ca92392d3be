"""Work on a schedule: what comes back by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Final
from uuid import UUID

from matching_service.dependencies import Dependencies
from matching_service.domain import answers, comparing, plan_approval, plan_help, plan_making
from matching_service.domain.plan_making import Claimed, Help, SearchingPatient
from matching_service.domain.plan_question import PackedPairs, Question, Solution
from matching_service.settings import (
    DEFAULT_INTERVAL,
    DEFAULT_PLAN_RULES,
    AskAgainRules,
    ContactPlanRules,
    Settings,
)
from shared.database import transaction
from shared.runtime import clock
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day

log = logger(__name__)

BEFORE_ALL: Final = UUID(int=0)


def reopen_deferred(now: datetime) -> int:
    """Ask practices again that said "later", when their time has come."""
    with transaction() as session:
        return answers.reopen_deferred(session, today=berlin_day(now), now=now)


def make_contact_plan(
    rules: AskAgainRules,
    now: datetime,
    *,
    days_between_emails: int = DEFAULT_INTERVAL.days_between_emails,
    plan_rules: ContactPlanRules = DEFAULT_PLAN_RULES,
    solve: Callable[[Question], Solution] | None = None,
    renewed_every: timedelta = plan_making.RENEWED_EVERY,
) -> int:
    """Compute the next contact plan that waits."""
    running = clock.running_from(now)
    with transaction() as session:
        claimed = plan_making.claim(session, rules=plan_rules, now=running())
    if claimed is None:
        return 0
    with transaction() as session:
        people = plan_making.waiting(session, claimed, rules=rules, today=berlin_day(now))
        practices = plan_making.practices(session, claimed, days_between_emails=days_between_emails)
    packed = plan_making.packed_practices(practices)
    pairs: list[PackedPairs] = []
    of, done = len(people), len(people) - sum(map(len, plan_making.portions(people)))  # nothing to do for the others
    for portion in plan_making.portions(people):
        with transaction() as session:
            pairs += plan_making.pairs(session, portion, packed)
        done += len(portion)
        with transaction() as session:
            if not plan_making.save_progress(session, claimed, done, of=of, now=running()):
                return 1  # another plan was approved meanwhile: this one begins again
    with _kept_claimed(claimed, of, running, every=renewed_every):
        solution = (solve or solve_apart)(plan_making.question(claimed, people, practices, pairs))
        help = _help_for(plan_making.without_candidates(people, solution))
    with transaction() as session:
        plan_making.propose(session, claimed, people, solution, help=help, now=running())
    return 1


def _help_for(people: Sequence[SearchingPatient]) -> Help:
    """What would help each of those whom no practice fits."""
    found = {}
    for each in people[: plan_help.MOST_PATIENTS]:
        with transaction() as session:
            found[each.id] = list(plan_help.for_search(session, each.search))
    return found


@contextmanager
def _kept_claimed(plan: Claimed, of: int, running: Callable[[], datetime], *, every: timedelta) -> Iterator[None]:
    """Keep the claim of a plan while it is solved, however long that takes: else another worker would begin it anew."""
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.wait(every.total_seconds()):
            try:
                with transaction() as session:
                    plan_making.save_progress(session, plan, of, of=of, now=running())
            except Exception:
                # the claim lasts for several of these, and the database may be back for the next one
                log.exception("contact_plan.claim_not_renewed", plan_id=str(plan.id))

    thread = threading.Thread(target=renew, name="claim of a contact plan", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def solve_apart(question: Question) -> Solution:
    """The solution, computed by a process of its own: it takes seconds and some memory, and holds Python's lock.

    Events and health of the worker go on meanwhile, and what the solver loads is gone with its process.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_solve, question).result()


def _solve(question: Question) -> Solution:
    from matching_service.domain import plan_solving

    return plan_solving.solve(question)


def make_planned_requests(texts: PatientTexts, rules: AskAgainRules, now: datetime) -> int:
    """Make the requests of the contact plan that was approved."""
    with transaction() as session:
        return plan_approval.make_requests(session, texts, rules=rules, today=berlin_day(now), now=now)


class Comparing:
    """Goes through the requests once and again; where it is, it knows itself."""

    def __init__(self, rules: AskAgainRules) -> None:
        self._rules = rules
        self._after = BEFORE_ALL

    def compare_again(self, now: datetime) -> int:
        """Say of requests what does not fit any more, where a practice has moved or something else was published."""
        with transaction() as session:
            ids = comparing.next_requests(session, after=self._after)
            # before they are compared: where that fails, the requests behind them have their turn all the same
            self._after = ids[-1] if ids else BEFORE_ALL
            comparing.compare_again(session, ids, rules=self._rules, today=berlin_day(now), now=now)
        return len(ids)


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written."""
    return [Dependencies.of(settings).rings.needed()]


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    return [
        Job("reopen-deferred", timedelta(minutes=10), reopen_deferred, needs_current_events=True),
        Job(
            "contact-plans",
            timedelta(seconds=5),
            partial(
                make_contact_plan,
                dependencies.rules,
                days_between_emails=dependencies.days_between_emails,
                plan_rules=dependencies.plan_rules,
            ),
        ),
        Job(
            "planned-requests",
            timedelta(seconds=2),
            partial(make_planned_requests, dependencies.texts, dependencies.rules),
            needs_current_events=True,
        ),
        Job("compare-requests", timedelta(minutes=1), Comparing(dependencies.rules).compare_again),
    ]
