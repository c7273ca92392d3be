"""Who is asked for whom: small weeks whose best plan is known, and what holds for every week."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching_service.domain.contact_assignment import NO_MAILBOX, Assignment, Practices, assign
from matching_service.domain.plan_pairs import Pairs
from matching_service.domain.plan_question import PlanLimits
from shared.values.contact_plan_enums import ContactLack


@dataclass(frozen=True)
class SmallWeek:
    """A week, and the chance in percent of each pair of a patient and a practice; their rooms are 1 unless named."""

    chances: dict[tuple[int, int], int]
    rooms: list[int] = field(default_factory=lambda: [1, 1, 1])
    weights: list[int] = field(default_factory=lambda: [100, 100, 100])
    practices: list[int] = field(default_factory=lambda: [1, 1, 1])
    mailboxes: list[int] = field(default_factory=lambda: [NO_MAILBOX] * 3)
    called: list[int] = field(default_factory=list)
    calls: int | None = None
    for_everyone: int = 1

    def assigned(self) -> Assignment:
        return assign(
            np.array(self.rooms),
            np.array(self.weights),
            Practices(
                np.array(self.practices),
                np.array(self.mailboxes),
                np.isin(np.arange(len(self.practices)), self.called),
            ),
            Pairs(
                np.array([patient for patient, _ in self.pairs], dtype=np.int64),
                np.array([practice for _, practice in self.pairs], dtype=np.int64),
                np.array([self.chances[pair] * 100 for pair in self.pairs], dtype=np.int64),
            ),
            PlanLimits(self.for_everyone, self.calls),
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return sorted(self.chances)

    def chosen(self) -> set[tuple[int, int]]:
        return {self.pairs[place] for place in self.assigned().chosen}


A, B, C = range(3)
"""Patients, and practices."""


@pytest.mark.parametrize(
    ("week", "expected"),
    [
        pytest.param(SmallWeek({}), set(), id="nobody fits anybody"),
        pytest.param(SmallWeek({(A, A): 5, (A, B): 20}), {(A, B)}, id="the likelier one"),
        pytest.param(
            SmallWeek({(A, A): 20, (A, B): 10, (B, A): 18}), {(A, B), (B, A)}, id="who has only one practice gets it"
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (B, A): 10}, weights=[100, 300, 100]), {(B, A)}, id="who has waited longer"
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (A, B): 20, (B, B): 5}, rooms=[2, 1, 1], weights=[500, 100, 100]),
            {(A, A), (B, B)},
            id="one for everybody comes before two for one",
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (A, B): 20, (B, B): 5}, rooms=[2, 1, 1], weights=[500, 100, 100], for_everyone=0),
            {(A, A), (A, B)},
            id="unless nobody is to have one",
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (B, A): 20, (A, B): 15, (B, B): 15}, practices=[2, 2, 0]),
            None,
            id="two practices rather than the same twice",
        ),
        pytest.param(SmallWeek({(A, A): 20, (A, B): 5}, practices=[0, 1, 1]), {(A, B)}, id="who is full is not asked"),
        pytest.param(SmallWeek({(A, A): 20}, rooms=[0, 1, 1]), set(), id="who is asked for enough"),
        pytest.param(
            SmallWeek({(A, A): 20, (B, B): 10}, mailboxes=[7, 7, NO_MAILBOX]),
            {(A, A)},
            id="one of those with one mailbox",
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (B, B): 10, (B, C): 5}, mailboxes=[7, 7, NO_MAILBOX]),
            {(A, A), (B, C)},
            id="and for the other patient another practice",
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (B, B): 10, (C, C): 5}, called=[A, B, C], calls=2),
            {(A, A), (B, B)},
            id="as many as can be called",
        ),
        pytest.param(
            SmallWeek({(A, A): 20, (B, B): 10}, called=[A], calls=0), {(B, B)}, id="e-mails need nobody who calls"
        ),
    ],
)
def test_the_best_plan_of_a_small_week(week: SmallWeek, expected: set[tuple[int, int]] | None) -> None:
    chosen = week.chosen()
    if expected is None:
        assert len(chosen) == 2
        assert len({practice for _, practice in chosen}) == 2
    else:
        assert chosen == expected


def test_practices_that_are_not_asked_say_why() -> None:
    week = SmallWeek(
        {(A, A): 20, (B, A): 10, (B, B): 10, (C, C): 9}, mailboxes=[7, 7, NO_MAILBOX], called=[C], calls=0
    ).assigned()
    assert week.closed == {B: ContactLack.MAILBOX_SHARED, C: ContactLack.NO_CALL_LEFT}
    assert week.is_full.tolist() == [True, False, False]


@st.composite
def _weeks(draw: st.DrawFn) -> SmallWeek:
    places = st.tuples(st.integers(0, 3), st.integers(0, 3))
    rooms = st.lists(st.integers(0, 3), min_size=4, max_size=4)
    return SmallWeek(
        chances=draw(st.dictionaries(places, st.integers(1, 60), max_size=9)),
        rooms=draw(rooms),
        weights=draw(st.lists(st.integers(100, 600), min_size=4, max_size=4)),
        practices=draw(rooms),
        mailboxes=draw(st.lists(st.sampled_from([NO_MAILBOX, NO_MAILBOX, 1]), min_size=4, max_size=4)),
        called=draw(st.lists(st.integers(0, 3), unique=True)),
        calls=draw(st.sampled_from([None, 0, 1, 2])),
    )


@given(_weeks())
@settings(max_examples=100)
def test_every_plan_keeps_its_limits_and_is_the_same_again(week: SmallWeek) -> None:
    chosen = week.chosen()
    assert all(sum(each == patient for each, _ in chosen) <= room for patient, room in enumerate(week.rooms))
    asked = {practice for _, practice in chosen}
    for practice, room in enumerate(week.practices):
        assert sum(each == practice for _, each in chosen) <= room
    assert week.calls is None or len(asked & set(week.called)) <= week.calls
    written = [week.mailboxes[each] for each in asked - set(week.called) if week.mailboxes[each] != NO_MAILBOX]
    assert len(written) == len(set(written))
    assert week.chosen() == chosen


@given(_weeks())
@settings(max_examples=60)
def test_no_other_plan_is_better_in_any_of_the_three_goals(week: SmallWeek) -> None:
    """Compared with every possible plan, where neither calls nor mailboxes bound it."""
    free = SmallWeek(week.chances, week.rooms, week.weights, week.practices, mailboxes=[NO_MAILBOX] * 4)
    chosen = free.chosen()
    assert _rank(free, chosen) == max(_rank(free, each) for each in _possible(free))


def _possible(week: SmallWeek) -> list[set[tuple[int, int]]]:
    plans = (set(some) for number in range(len(week.pairs) + 1) for some in combinations(week.pairs, number))
    return [
        plan
        for plan in plans
        if all(
            sum(pair[side] == who for pair in plan) <= room
            for side, rooms in enumerate((week.rooms, week.practices))
            for who, room in enumerate(rooms)
        )
    ]


def _rank(week: SmallWeek, plan: set[tuple[int, int]]) -> tuple[int, int, int]:
    """Requests; patients who have one; acceptances by waiting, in ten-thousandths of a hundredth."""
    return len(plan), len({patient for patient, _ in plan}), _worth(week, plan)


def _worth(week: SmallWeek, plan: set[tuple[int, int]]) -> int:
    """What the plan expects, less what a practice's further patients and a patient's further requests do not bring.

    Both are reckoned with the mean of a practice's, and a patient's, pairs.
    """
    chance = {pair: percent * 100 for pair, percent in week.chances.items()}
    value = {pair: each * week.weights[pair[0]] // 100 for pair, each in chance.items()}
    worth = sum(value[pair] for pair in plan)
    for practice, number in Counter(practice for _, practice in plan).items():
        usual = _mean([each for pair, each in value.items() if pair[1] == practice])
        worth -= sum(usual - (usual >> further) for further in range(number))
    for patient, number in Counter(patient for patient, _ in plan).items():
        usual, none_before = _mean([each for pair, each in chance.items() if pair[0] == patient]), 10_000
        for _ in range(number):
            worth -= usual * week.weights[patient] // 100 * (10_000 - none_before) // 10_000
            none_before = none_before * (10_000 - usual) // 10_000
    return worth


def _mean(numbers: list[int]) -> int:
    return sum(numbers) // len(numbers)
