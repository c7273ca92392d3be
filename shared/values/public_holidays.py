"""The public holidays of the federal states: one calendar for all services (docs/domain.md#holidays).

A feast that is a public holiday in part of a state only is in it too, and says so (`partial`): which municipalities
keep it is not in our tables, and a call on a holiday costs goodwill, a lost day costs little.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date
from functools import cache

from holidays import CATHOLIC, PUBLIC, country_holidays

from shared.values.datetimes import FIRST_HOLIDAY, LAST_DAY
from shared.values.enums import FederalState
from shared.values.geocoding_enums import PartOfState

AUGSBURG = "Augsburg"
"""To the package `holidays` a state of its own; it keeps one day more than the rest of Bavaria, the Peace Festival."""


@dataclass(frozen=True)
class PublicHoliday:
    """A day, its German name, and in which part of the federal state it is a public holiday; None: in all of it."""

    on: date
    name: str
    part: PartOfState | None = None

    @property
    def partial(self) -> bool:
        """Whether it is one in part of the federal state only."""
        return self.part is not None

    @property
    def order(self) -> tuple[date, str, str]:
        """By the day, then the name; those of whole states before those of parts."""
        return self.on, self.name, self.part or ""


_PARTS_OF_OTHERS = ((PartOfState.CATHOLIC, "", CATHOLIC),)
_PARTS = {FederalState.BAVARIA: (*_PARTS_OF_OTHERS, (PartOfState.AUGSBURG, AUGSBURG, PUBLIC))}
"""The parts of a state that keep more days, and to the package which subdivision and category they are."""


@cache
def public_holidays(state: FederalState, year: int) -> tuple[PublicHoliday, ...]:
    """The public holidays of a federal state in their order; none outside `FIRST_HOLIDAY` to `LAST_DAY`.

    Fronleichnam is one in the Catholic municipalities of Saxony (SächsSFG § 1 (1)) and Thuringia (ThürFGtG § 2 (2)),
    Mariä Himmelfahrt in about 1,700 of Bavaria's 2,056 (BayFTG Art. 1 (1) 2), the Peace Festival in the city of
    Augsburg (BayFTG Art. 1 (2)).
    """
    if not FIRST_HOLIDAY.year <= year <= LAST_DAY.year:
        return ()
    found = [PublicHoliday(*each) for each in _named(state, year, PUBLIC)]
    for part, subdivision, category in _PARTS.get(state, _PARTS_OF_OTHERS):
        before = {each.on for each in found}  # what is kept in more of the state says so
        found += [
            PublicHoliday(*each, part) for each in _named(subdivision or state, year, category) if each[0] not in before
        ]
    return tuple(sorted(found, key=lambda each: each.order))


def _named(subdivision: str, year: int, category: str) -> set[tuple[date, str]]:
    days = country_holidays("DE", subdiv=str(subdivision), years=year, categories=category, language="de")
    return {(day, name) for day in days for name in days.get_list(day)}


def is_without_calls(day: date) -> bool:
    """Whether nobody is phoned that day although it is no public holiday: 24 and 31 December."""
    return day.month == 12 and day.day in (24, 31)


def may_be_public_holiday(day: date, states: Set[str]) -> bool:
    """Whether the day is a public holiday in one of the federal states, or in part of it.

    Several states are where it is not certain which of them it is. Where none is known, a holiday of any state counts,
    and where the year is not known, every day does: no day that may be a holiday is taken for a working day.
    """
    if not FIRST_HOLIDAY <= day <= LAST_DAY:
        return True
    known: Iterable[FederalState] = [each for each in FederalState if each in states] or FederalState
    return any(day in _days(each, day.year) for each in known)


@cache
def _days(state: FederalState, year: int) -> frozenset[date]:
    return frozenset(holiday.on for holiday in public_holidays(state, year))
