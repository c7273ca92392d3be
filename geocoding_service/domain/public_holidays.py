"""Which days are public holidays in which federal state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from geocoding_service.domain.schemas import LONGEST_SPAN_DAYS, HolidayList, HolidaysQuery, HolidayView
from shared.errors import FieldProblem, RuleBroken
from shared.texts import word
from shared.values.datetimes import LAST_DAY
from shared.values.enums import FederalState
from shared.values.public_holidays import PublicHoliday, is_without_calls, public_holidays


def list_days(wanted: HolidaysQuery, *, today: date) -> HolidayList:
    """The holidays that are asked for; raises `RuleBroken` for a span that is too long or ends before it begins."""
    first = wanted.first or today
    last = wanted.last or min(first + timedelta(days=364), LAST_DAY)
    if last < first:
        raise _refused(FieldProblem.of("to", "field.before_from"))
    if (last - first).days >= LONGEST_SPAN_DAYS:
        raise _refused(FieldProblem.of("to", "field.span_too_long", days=LONGEST_SPAN_DAYS))
    return between(first, last, wanted.federal_state)


def _refused(problem: FieldProblem) -> RuleBroken:
    return RuleBroken("holidays.span", errors=[problem])


def between(first: date, last: date, federal_states: Sequence[FederalState]) -> HolidayList:
    """The public holidays of federal states from one day to another, both included.

    Without a state the holidays of all of them: where nobody knows in which one a practice is, no day that may be a
    holiday there is taken for a working day.
    """
    kept_in: dict[PublicHoliday, list[FederalState]] = defaultdict(list)
    for state in federal_states or FederalState:
        for year in range(first.year, last.year + 1):
            for holiday in public_holidays(state, year):
                if first <= holiday.on <= last:
                    kept_in[holiday].append(state)
    return HolidayList(
        federal_states=list(federal_states),
        first=first,
        last=last,
        items=[_shown(each, kept_in[each]) for each in sorted(kept_in, key=lambda each: each.order)],
        no_calls_on=[day for day in _days(first, last) if is_without_calls(day)],
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _shown(holiday: PublicHoliday, states: Sequence[FederalState]) -> HolidayView:
    return HolidayView(
        on=holiday.on,
        name=holiday.name,
        partial=holiday.partial,
        where=word(holiday.part) if holiday.part else None,
        federal_states=sorted(states),
    )
