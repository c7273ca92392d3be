"""From what happened to numbers: plain functions of values.

Some still search when the last week ends, and some had searched before the first one began. Both count for as long as
they were looked at (Kaplan and Meier's estimate), so that a policy cannot look quick because few are placed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from simulation.records import Played, PlayedSearch
from simulation.region import FIRST_MONDAY

DAYS_UNTIL_ASKED: Final = 28
GROUPS: Final = ("few", "some", "many")
"""Patients by how many practices fit them, a third in each group."""


@dataclass(frozen=True)
class Spell:
    """For how long somebody was seen searching, in days since the search began."""

    first: int
    """On which day of the search the simulation begins; 0 for who arrives later."""
    last: int
    """On which day the place was taken, or the simulation ended."""
    is_placed: bool


Curve = list[tuple[int, float]]
"""From each of these days on, such a share of all still searches; it begins with day 0 and the share 1."""


def spells(searches: Sequence[PlayedSearch], last_day: date) -> list[Spell]:
    """How long each was seen searching."""
    return [
        Spell(
            first=max(0, (FIRST_MONDAY - each.begins_on).days),
            last=((each.placed_on or last_day) - each.begins_on).days,
            is_placed=each.placed_on is not None,
        )
        for each in searches
    ]


def still_searching(found: Sequence[Spell]) -> Curve:
    """The share of patients who search longer than so many days, estimated after Kaplan and Meier."""
    curve, share = [(0, 1.0)], 1.0
    for day in sorted({each.last for each in found if each.is_placed}):
        at_risk = sum(each.first <= day <= each.last for each in found)
        placed = sum(each.is_placed and each.last == day for each in found)
        share *= 1 - placed / at_risk
        curve.append((day, share))
    return curve


def days_until(curve: Curve, share: float) -> int | None:
    """After how many days no more than this share still searches; None where that was never seen."""
    return next((day for day, left in curve if left <= share), None)


def gini(values: Sequence[float]) -> float:
    """How unequal the values are: 0 where all are alike, towards 1 where one has everything; 0 for none."""
    total = sum(values)
    if not total:
        return 0.0
    weighted = sum(place * value for place, value in enumerate(sorted(values), start=1))
    return 2 * weighted / (len(values) * total) - (len(values) + 1) / len(values)


def by_practices(searches: Sequence[PlayedSearch]) -> dict[str, list[PlayedSearch]]:
    """The patients in three groups of the same size, by how many practices fit them."""
    ordered = sorted(searches, key=lambda each: (each.practices_that_fit, each.number))
    bounds = [len(ordered) * number // len(GROUPS) for number in range(len(GROUPS) + 1)]
    return {name: ordered[bounds[place] : bounds[place + 1]] for place, name in enumerate(GROUPS)}


@dataclass(frozen=True)
class Figures:
    """What a report says of one policy. Days are counted from the first day of a search."""

    policy: str
    patients: int
    placed: int
    """Patients who took up a place."""
    places_that_work: int
    days_until_half_have_a_place: int | None
    """Estimated with those who still search; null where fewer than half have one."""
    days_until_three_quarters_have_a_place: int | None
    requests: int
    emails: int
    calls: int
    calls_not_made: int
    contacts_per_place: float | None
    """Letters and calls, by patients who took up a place."""
    requests_per_place: float | None
    gini_of_days: float
    """How unequal the days are that patients have searched, until the place or the last day."""
    longest_search: int
    """Days of who searches longest when the last week ends."""
    not_asked_within_four_weeks: int
    """Patients for whom nobody was asked in the first four weeks in which that was possible."""
    share_placed_by_practices: dict[str, float]
    """The share of patients with a place among those whom few, some and many practices fit."""


def of(played: Played) -> Figures:
    """The figures of one policy."""
    searches, last_day = played.searches, played.last_day
    seen = spells(searches, last_day)
    curve = still_searching(seen)
    placed = sum(each.is_placed for each in seen)
    contacts = played.emails + played.calls
    return Figures(
        policy=played.policy,
        patients=len(searches),
        placed=placed,
        places_that_work=played.confirmed,
        days_until_half_have_a_place=days_until(curve, 0.5),
        days_until_three_quarters_have_a_place=days_until(curve, 0.25),
        requests=played.requests,
        emails=played.emails,
        calls=played.calls,
        calls_not_made=played.calls_not_made,
        contacts_per_place=round(contacts / placed, 1) if placed else None,
        requests_per_place=round(played.requests / placed, 1) if placed else None,
        gini_of_days=round(gini([each.last for each in seen]), 3),
        longest_search=max((each.last for each in seen if not each.is_placed), default=0),
        not_asked_within_four_weeks=sum(_waits_to_be_asked(each, last_day) for each in searches),
        share_placed_by_practices={
            name: round(sum(each.placed_on is not None for each in group) / len(group), 2) if group else 0.0
            for name, group in by_practices(searches).items()
        },
    )


def _waits_to_be_asked(search: PlayedSearch, last_day: date) -> bool:
    possible_from = max(search.begins_on, FIRST_MONDAY)
    return ((search.asked_on or last_day) - possible_from).days >= DAYS_UNTIL_ASKED
