"""The calls of a week of ten callers and 5,000 practices, against first-fit, which gives calls their first slots.

Practices are those of the seeded region with their phone hours. Both have the same hours, holidays and callers, and the
same order: practices that may have a place first, then those whose patients have waited longest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from benchmarks.figures import Figure, at_least, at_most, share_at_least
from communication_service.domain.call_plan_grid import grid_of
from communication_service.domain.call_plan_making import DaysAhead, KnownCall, ask, week_from, weight_of
from communication_service.domain.call_plan_question import CallQuestion, CallSolution, Score
from communication_service.domain.call_times import CallerTimes, CallTimes, TakenTime
from communication_service.jobs.call_plans import solve_apart
from communication_service.settings import ContactRules
from shared.database import new_id
from shared.values.datetimes import berlin_day
from shared.values.weekly import Weekly
from testkit.private_platform import PrivatePlatform
from testkit.synthetic_region import therapists

PRACTICES, CALLERS = 5000, 10
NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
"""A Monday at six, so that a whole week is planned whenever this is measured."""


def measure(_: PrivatePlatform) -> list[Figure]:
    """Measure how long the plan takes, and what it is worth beside first-fit."""
    chance = Random(15)
    calls, callers = _calls(chance), [_caller(chance) for _ in range(CALLERS)]
    return [
        *_measured("", calls, callers, ContactRules()),
        *_measured(", of ten minutes", calls, callers, ContactRules(call_minutes=10)),
        *_measured(", time for all, of ten minutes", calls[:1500], callers, ContactRules(call_minutes=10)),
    ]


def _calls(chance: Random) -> list[KnownCall]:
    """In the order in which composing gives them slots."""
    hours = (Weekly.from_json(each["phone_hours"]) for each in therapists(2 * PRACTICES, seed=15, region="germany"))
    known = [week for week in hours if week][:PRACTICES]
    calls = [KnownCall(new_id(), CallTimes(week, frozenset({"NW"}), []), _weight(chance)) for week in known]
    return sorted(calls, key=lambda call: -call.weight)


def _weight(chance: Random) -> int:
    waited = timedelta(days=min(720, int(chance.expovariate(1 / 142))))
    today = berlin_day(NOW)
    return weight_of(potentially_available=chance.random() < 0.03, waits_since=today - waited, today=today)


def _caller(chance: Random) -> CallerTimes:
    """Six to nine hours on most days: nearly as many calls as there are practices."""
    windows = []
    for day in range(5):
        if chance.random() < 0.95:
            start = day * 1440 + chance.choice([480, 540, 600])
            windows.append((start, start + chance.choice([360, 480, 540])))
    return CallerTimes(new_id(), Weekly.of(windows))


def _measured(
    kind: str, calls: Sequence[KnownCall], callers: Sequence[CallerTimes], rules: ContactRules
) -> Iterator[Figure]:
    week = week_from(NOW)
    started = time.perf_counter()
    question = ask(calls, callers, [], week=week, rules=rules).question
    solution = solve_apart(question)
    took = time.perf_counter() - started
    baseline = _first_fit(calls, callers, week, rules)
    simple = _score(question, baseline)
    print(f"{len(calls)} practices{kind}: {solution.score}, first-fit {simple}")
    yield at_most(f"plan of a week of {CALLERS} callers and {len(calls)} practices{kind}", took, "s", 30)
    yield at_least(f"calls in that week{kind}", solution.score.calls, "", simple.calls, baseline=simple.calls)
    yield share_at_least(f"their weighted value{kind}", solution.score.value, "", 1, baseline=simple.value)
    # planned once more after somebody is ill for a day: what moves
    yield from _moved(kind, question, solution, week)


def _moved(kind: str, question: CallQuestion, solution: CallSolution, week: DaysAhead) -> Iterator[Figure]:
    """How many calls move, which are not those of the one who is ill."""
    first, *others = question.callers
    ill = replace(first, free=[span for span in first.free if span[0] >= week.days[1]])
    planned = [replace(call, current=solution.slots.get(call.inquiry_id)) for call in question.calls]
    again = solve_apart(replace(question, calls=planned, callers=[ill, *others])).slots
    lost = {
        inquiry
        for inquiry, slot in solution.slots.items()
        if slot.caller_id == first.caller_id and slot.starts_at < week.days[1]
    }
    moved = sum(again.get(inquiry) != slot for inquiry, slot in solution.slots.items() if inquiry not in lost)
    yield at_most(f"calls of others that move when a caller is ill for a day{kind}", moved, "", len(solution.slots) / 4)


def _first_fit(
    calls: Sequence[KnownCall], callers: Sequence[CallerTimes], week: DaysAhead, rules: ContactRules
) -> dict[UUID, TakenTime]:
    """What planning without a solver does, one call after another."""
    rules = rules.model_copy(update={"call_horizon_days": len(week.days) - 1})
    by_day: dict[object, list[TakenTime]] = {}
    found = {}
    for call in calls:
        slot = call.times.next_free_slot(
            earliest=week.first,
            rules=rules,
            taken=lambda opens, _: by_day.get(berlin_day(opens), []),
            callers=callers,
        )
        if slot is not None:
            taken = TakenTime(slot.caller_id, slot.starts_at, slot.starts_at + rules.call_length)
            by_day.setdefault(berlin_day(slot.starts_at), []).append(taken)
            found[call.inquiry_id] = taken
    return found


def _score(question: CallQuestion, found: dict[UUID, TakenTime]) -> Score:
    grid = grid_of(question)
    value = 0
    for number, call in enumerate(question.calls):
        slot = found.get(call.inquiry_id)
        if slot is not None:
            value += grid.value(number, int((slot.starts_at - question.days[0]) / question.step))
    return Score(len(found), value, 0)
