"""The plan of calls as a function: what it never does, what it is never worse than, and small weeks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communication_service.domain import call_plan_solving
from communication_service.domain.call_plan_grid import first_fit, grid_of
from communication_service.domain.call_plan_question import CallerWeek, CallQuestion, CallSolution, Score, WantedCall
from communication_service.domain.call_times import CallerTimes, CallTimes, FreeSlot, Span, TakenTime
from shared.values.call_plan_enums import CallGap
from shared.values.datetimes import start_of_berlin_day
from shared.values.weekly import MINUTES_A_DAY, Weekly
from tests.builders.communication import RULES
from tests.conftest import MONDAY


@pytest.fixture(autouse=True)
def _in_one_transaction() -> None:
    """No database: everything here is a value."""


DAYS = [start_of_berlin_day(MONDAY.date() + timedelta(days=number)) for number in range(4)]
MINUTE = timedelta(minutes=1)
SPANS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(108, 118), st.integers(1, 5)).map(lambda each: span(*each)), max_size=3
)


def span(day: int, step: int, steps: int) -> Span:
    """Some five-minute steps of a day, counted from midnight."""
    opens = DAYS[day] + step * 5 * MINUTE
    return opens, opens + steps * 5 * MINUTE


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same times in order, without overlaps."""
    found: list[Span] = []
    for opens, closes in sorted(spans):
        if found and opens <= found[-1][1]:
            found[-1] = (found[-1][0], max(closes, found[-1][1]))
        else:
            found.append((opens, closes))
    return found


def a_question(calls: list[tuple[int, list[Span]]], callers: list[list[Span]], *, minutes: int = 5) -> CallQuestion:
    """A question about calls with their weights and hours, and callers with theirs."""
    return CallQuestion(
        days=DAYS,
        length=minutes * MINUTE,
        step=5 * MINUTE,
        calls=[WantedCall(UUID(int=n), weight, joined(spans)) for n, (weight, spans) in enumerate(calls)],
        callers=[CallerWeek(UUID(int=100 + n), joined(free)) for n, free in enumerate(callers)],
    )


QUESTIONS = st.builds(
    lambda calls, callers, minutes: a_question(calls, callers, minutes=minutes),
    st.lists(st.tuples(st.integers(1, 4), SPANS), max_size=8),
    st.lists(SPANS, min_size=1, max_size=2),
    st.sampled_from([5, 5, 5, 10]),
)


def planned_as(question: CallQuestion, solution: CallSolution) -> CallQuestion:
    """The same question once the solution is planned."""
    calls = [replace(each, current=solution.slots.get(each.inquiry_id)) for each in question.calls]
    return replace(question, calls=calls)


def check_is_possible(question: CallQuestion, solution: CallSolution) -> None:
    spans = {each.inquiry_id: each.spans for each in question.calls}
    free = {each.caller_id: each.free for each in question.callers}
    assert solution.slots.keys() | solution.gaps.keys() == spans.keys()
    assert not solution.slots.keys() & solution.gaps.keys()
    of_caller: dict[UUID | None, list[datetime]] = {}
    for inquiry, slot in solution.slots.items():
        ends = slot.starts_at + question.length
        assert any(opens <= slot.starts_at and ends <= closes for opens, closes in spans[inquiry])
        assert any(opens <= slot.starts_at and ends <= closes for opens, closes in free[slot.caller_id])
        assert (slot.starts_at - DAYS[0]) % question.step == timedelta()
        of_caller.setdefault(slot.caller_id, []).append(slot.starts_at)
    for starts in of_caller.values():
        assert all(later - earlier >= question.length for earlier, later in pairwise(sorted(starts)))


@settings(max_examples=20, deadline=None)
@given(QUESTIONS)
def test_a_plan_keeps_to_all_hours_and_is_never_worse_than_first_fit(question: CallQuestion) -> None:
    found = call_plan_solving.solve(question)
    check_is_possible(question, found)
    simple = call_plan_solving.solve_by_first_fit(question)
    check_is_possible(question, simple)
    assert found.score >= simple.score
    assert call_plan_solving.solve(question) == found, "the same question has the same answer"
    # what is planned already stays where it is
    again = call_plan_solving.solve(planned_as(question, found))
    assert (again.score.calls, again.score.value) >= (found.score.calls, found.score.value)
    if question.length == question.step:
        assert again.slots == found.slots
    # nothing is taken away from what is planned, wherever that is
    kept = call_plan_solving.solve(planned_as(question, simple))
    assert (kept.score.calls, kept.score.value) >= (simple.score.calls, simple.score.value)


@settings(max_examples=40, deadline=None)
@given(st.lists(SPANS.filter(bool), max_size=6), st.lists(SPANS.filter(bool), min_size=1, max_size=2))
def test_the_first_fit_it_is_compared_with_is_that_of_planning(
    calls: list[list[Span]], callers: list[list[Span]]
) -> None:
    question = a_question([(1, spans) for spans in calls], callers)
    who = [CallerTimes(each.caller_id, weekly(each.free)) for each in question.callers]
    taken: list[TakenTime] = []
    for call in question.calls:
        times = CallTimes(weekly(call.spans), frozenset({"NW"}), [])
        rules = RULES.model_copy(update={"call_horizon_days": 3})
        found = times.next_free_slot(earliest=DAYS[0], rules=rules, taken=lambda *_: taken, callers=who)
        if found is not None:
            taken.append(TakenTime(found.caller_id, found.starts_at, found.starts_at + 5 * MINUTE))
    grid = grid_of(question)
    ours = [grid.slot(place) for _, place in sorted(first_fit(grid).items())]
    assert ours == [FreeSlot(each.starts_at, each.caller_id) for each in taken]


def weekly(spans: Iterable[Span]) -> Weekly:
    """These times in each week; they begin on a Monday."""
    monday = DAYS[0] - (MONDAY.weekday() * MINUTES_A_DAY) * MINUTE
    return Weekly.of([(int((opens - monday) / MINUTE), int((closes - monday) / MINUTE)) for opens, closes in spans])


NINE = 108
ONE, TWO, BOTH_DAYS = [span(0, NINE, 1)], [span(0, NINE, 2)], [span(0, NINE, 1), span(1, NINE, 1)]


@pytest.mark.parametrize(
    ("why", "question", "slots", "gaps"),
    [
        (
            "first-fit gives the first practice the only time of the second",
            a_question([(1, BOTH_DAYS), (1, ONE)], [BOTH_DAYS]),
            {0: (1, NINE), 1: (0, NINE)},
            {},
        ),
        (
            "who has waited longer comes first, though both are called",
            a_question([(1, BOTH_DAYS), (9, BOTH_DAYS)], [BOTH_DAYS]),
            {0: (1, NINE), 1: (0, NINE)},
            {},
        ),
        (
            "of several for the last times those are called who have waited longest",
            a_question([(9, TWO), (1, ONE), (2, [span(0, NINE + 1, 1)])], [TWO]),
            {0: (0, NINE), 2: (0, NINE + 1)},
            {1: CallGap.TIMES_TAKEN},
        ),
        (
            "there is nobody, or no time for a whole call",
            a_question([(1, [span(2, NINE, 4)]), (1, [(DAYS[0], DAYS[0] + 4 * MINUTE)])], [ONE]),
            {},
            {0: CallGap.NO_CALLER_THEN, 1: CallGap.HOURS_TOO_SHORT},
        ),
        (
            "longer calls: a caller's time is not cut where that leaves one out",
            a_question([(1, TWO), (1, [span(0, NINE + 3, 2)])], [[span(0, NINE, 5)]], minutes=10),
            {0: (0, NINE), 1: (0, NINE + 3)},
            {},
        ),
    ],
)  # fmt: skip
def test_a_small_week(
    why: str, question: CallQuestion, slots: dict[int, tuple[int, int]], gaps: dict[int, CallGap]
) -> None:
    found = call_plan_solving.solve(question)
    starts = {UUID(int=call): DAYS[day] + step * 5 * MINUTE for call, (day, step) in slots.items()}
    assert {call: slot.starts_at for call, slot in found.slots.items()} == starts, why
    assert found.gaps == {UUID(int=call): gap for call, gap in gaps.items()}


def test_only_what_must_move_moves_and_another_caller_is_less_than_another_time() -> None:
    whole, half = [span(0, NINE, 4)], [span(0, NINE + 2, 2)]
    question = a_question([(1, whole), (1, whole), (1, whole)], [whole, whole])
    first = call_plan_solving.solve(question)
    assert first.score == Score(3, 9, 0)
    late = [FreeSlot(span(0, NINE + n, 1)[0], UUID(int=100 + n % 2)) for n in range(3)]
    planned = planned_as(
        question,
        CallSolution(dict(zip((each.inquiry_id for each in question.calls), late, strict=True)), {}, first.score),
    )
    assert list(call_plan_solving.solve(planned).slots.values()) == late, "sooner on the same day is no reason to move"
    absent = replace(planned, callers=[CallerWeek(UUID(int=100), half), planned.callers[1]])
    moved = call_plan_solving.solve(absent)
    assert list(moved.slots.values()) == [late[0]._replace(caller_id=UUID(int=101)), *late[1:]]
    assert moved.score.calls == 3
