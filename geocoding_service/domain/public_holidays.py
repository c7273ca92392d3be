"""Which days are public holidays in which federal state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

from holidays import CATHOLIC, PUBLIC, country_holidays

from geocoding_service.domain.schemas import (
    LONGEST_SPAN_DAYS,
    Holiday,
    Holidays,
    HolidaysQuery,
)
from shared.errors import FieldProblem, RuleBroken
from shared.values.moments import LAST_DAY
from shared.values.words import FederalState


def listed(wanted: HolidaysQuery, *, today: date) -> Holidays:
    """The holidays that are asked for; raises `RuleBroken` for a span that is too long or ends before it begins."""
    first = wanted.first or today
    last = wanted.last or min(first + timedelta(days=364), LAST_DAY)
    if last < first:
        raise _refused("to", "must not lie before from")
    if (last - first).days >= LONGEST_SPAN_DAYS:
        raise _refused("to", f"must lie less than {LONGEST_SPAN_DAYS} days after from")
    return between(first, last, wanted.federal_state)


def _refused(field: str, message: str) -> RuleBroken:
    return RuleBroken("holidays.span", "This span of days cannot be answered.", errors=[FieldProblem(field, message)])


def between(first: date, last: date, federal_state: FederalState | None) -> Holidays:
    """The public holidays of a federal state from one day to another, both included.

    Without a state the holidays of all of them: where nobody knows in which one a practice is, no day that may be a
    holiday there is taken for a working day.
    """
    found: dict[date, dict[str, list[FederalState]]] = defaultdict(lambda: defaultdict(list))
    for state in [federal_state] if federal_state else FederalState:
        for year in range(first.year, last.year + 1):
            for day, name in _of_year(state, year).items():
                if first <= day <= last:
                    found[day][name].append(state)
    items = [
        Holiday(on=day, name=name, federal_states=states)
        for day in sorted(found)
        for name, states in sorted(found[day].items())
    ]
    return Holidays(federal_state=federal_state, first=first, last=last, items=items)


@lru_cache(maxsize=2000)
def _of_year(state: FederalState, year: int) -> Mapping[date, str]:
    """German names by day.

    Bavaria with its Catholic holidays: Mariä Himmelfahrt is one in about 1,700 of its 2,056 municipalities (BayFTG
    Art. 1 (1) 2), and which ones is not in our tables.
    """
    categories = (PUBLIC, CATHOLIC) if state is FederalState.BAVARIA else (PUBLIC,)
    return dict(country_holidays("DE", subdiv=state, years=year, categories=categories, language="de"))
