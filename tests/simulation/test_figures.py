"""Numbers from what happened: who still searches counts too, and so does who had searched before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from simulation import figures, plots
from simulation.figures import Spell
from simulation.records import Played, PlayedSearch
from simulation.region import FIRST_MONDAY, Size

LAST_DAY = FIRST_MONDAY + timedelta(days=70)


@pytest.mark.parametrize(
    ("found", "curve"),
    [
        ([], [(0, 1.0)]),
        # half have a place after ten days, and nobody knows of the others
        ([Spell(0, 10, True), Spell(0, 20, False)], [(0, 1.0), (10, 0.5)]),
        # who stopped being looked at before is not among those of whom somebody is placed
        ([Spell(0, 5, False), Spell(0, 10, True), Spell(0, 20, False)], [(0, 1.0), (10, 0.5)]),
        # who had searched for thirty days before the first week says nothing about the tenth day
        ([Spell(30, 40, True), Spell(0, 10, True), Spell(0, 50, True)], [(0, 1.0), (10, 0.5), (40, 0.25), (50, 0.0)]),
        # who begins to search on a day is among those of whom somebody is placed on it
        ([Spell(0, 0, True), Spell(0, 20, False)], [(0, 1.0), (0, 0.5)]),
        # placed on the very first day that was looked at
        ([Spell(30, 30, True)], [(0, 1.0), (30, 0.0)]),
    ],
)
def test_the_share_that_still_searches_is_estimated_with_those_who_do(
    found: list[Spell], curve: list[tuple[int, float]]
) -> None:
    assert figures.still_searching(found) == curve


def test_the_days_until_half_have_a_place_are_unknown_while_fewer_have_one() -> None:
    curve = [(0, 1.0), (10, 0.6), (30, 0.5)]
    assert (figures.days_until(curve, 0.5), figures.days_until(curve, 0.25)) == (30, None)


@pytest.mark.parametrize(
    ("values", "expected"), [([], 0), ([0, 0], 0), ([5, 5, 5], 0), ([0, 0, 0, 8], 0.75), ([1, 3], 0.25)]
)
def test_inequality_is_none_among_equals(values: list[float], expected: float) -> None:
    assert figures.gini(values) == pytest.approx(expected)


def a_search(
    number: int, begins: int, *, fits: int, asked: int | None = None, placed: int | None = None
) -> PlayedSearch:
    """A search by days from the first Monday."""
    return PlayedSearch(
        number, _day(begins) or FIRST_MONDAY, practices_that_fit=fits, asked_on=_day(asked), placed_on=_day(placed)
    )


def _day(days: int | None) -> date | None:
    return None if days is None else FIRST_MONDAY + timedelta(days=days)


def test_the_figures_of_a_policy() -> None:
    searches = [
        a_search(1, -30, fits=1, asked=0, placed=20),  # 50 days
        a_search(2, 0, fits=9, asked=0, placed=10),
        a_search(3, 30, fits=5, asked=58),  # 40 days until the end; asked in the fifth week
        a_search(4, 65, fits=2),  # too short a time to have been asked for
        a_search(5, 10, fits=0),  # nobody ever asked
        a_search(6, 0, fits=7, asked=0, placed=60),
    ]
    played = Played("plan", Size(), searches, requests=12, emails=6, calls=9, confirmed=2, last_day=LAST_DAY)

    found = figures.of(played)

    assert (found.patients, found.placed, found.places_that_work) == (6, 3, 2)
    assert (found.contacts_per_place, found.requests_per_place) == (5, 4)
    assert (found.longest_search, found.not_asked_within_four_weeks) == (60, 2)
    assert found.share_placed_by_practices == {"few": 0.5, "some": 0.0, "many": 1.0}


def test_without_a_place_there_are_no_contacts_for_one() -> None:
    found = figures.of(Played("plan", Size(), last_day=LAST_DAY))
    assert (found.contacts_per_place, found.days_until_half_have_a_place, found.gini_of_days) == (None, None, 0)


def test_the_curve_of_who_still_searches_goes_on_level_to_the_last_day() -> None:
    searching = figures.Spell(first=0, last=28, is_placed=False)
    assert plots.until_last_day([searching]) == [(0, 1.0), (28, 1.0)]
    placed = figures.Spell(first=0, last=14, is_placed=True)
    assert plots.until_last_day([searching, placed]) == [(0, 1.0), (14, 0.5), (28, 0.5)]
    assert plots.until_last_day([]) == [(0, 1.0)]
