"""Days (Berlin's) on which a practice can be phoned, and which slot is free (docs/domain.md#contact-rule-7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from communication_service.settings import ContactRules
from shared.values.datetimes import BERLIN, berlin_day
from shared.values.public_holidays import may_be_public_holiday
from shared.values.weekly import Weekly

Taken = Callable[[datetime, datetime], Sequence[tuple[datetime, datetime]]]
"""When other calls are planned between two instants."""


def is_closed_by_us(day: date) -> bool:
    """Whether nobody of ours calls that day, though practices may be open: 24 and 31 December."""
    return day.month == 12 and day.day in (24, 31)


def is_closed(day: date, *, states: Set[str], practice_holidays: Iterable[Mapping[str, str]]) -> bool:
    """Whether nobody is phoned that day: a public holiday in one of the states or a part of it, or one of us is closed.

    `states`: the federal states that the practice may be in; none where nothing is known.
    """
    if is_closed_by_us(day) or may_be_public_holiday(day, states):
        return True
    return any(first <= day <= last for first, last in _periods(practice_holidays))


def _periods(written: Iterable[Mapping[str, str]]) -> Iterator[tuple[date, date]]:
    for period in written:
        try:
            yield date.fromisoformat(period["from"]), date.fromisoformat(period["to"])
        except (KeyError, ValueError, TypeError):
            continue  # what cannot be read closes no day


@dataclass(frozen=True)
class CallTimes:
    """When a practice can be phoned: the hours in which it answers, less holidays and what is closed."""

    hours: Weekly
    states: Set[str]
    """The federal states that the practice may be in."""
    practice_holidays: Sequence[Mapping[str, str]]

    def allows(self, start: datetime, end: datetime) -> bool:
        """Whether a call may take place then."""
        day = berlin_day(start)
        if is_closed(day, states=self.states, practice_holidays=self.practice_holidays):
            return False
        return any(opens <= start and end <= closes for opens, closes in self.hours.datetimes_on(day))

    def next_free_slot(self, *, earliest: datetime, rules: ContactRules, taken: Taken) -> datetime | None:
        """The first start from `earliest` on, on a step of the clock, that meets no other call; UTC.

        None where the days of `call_horizon_days` have none.
        """
        first_day = berlin_day(earliest)
        for days in range(rules.call_horizon_days):
            day = first_day + timedelta(days=days)
            if is_closed(day, states=self.states, practice_holidays=self.practice_holidays):
                continue
            for opens, closes in self.hours.datetimes_on(day):
                start = _first_gap(max(opens, earliest), closes, rules, taken)
                if start is not None:
                    return start
        return None


def _first_gap(opens: datetime, closes: datetime, rules: ContactRules, taken: Taken) -> datetime | None:
    start, length = _on_a_step(opens, rules), rules.call_length
    if start + length > closes:
        return None
    for busy_from, busy_until in sorted(taken(start, closes)):
        if start + length <= busy_from:
            break
        start = max(start, _on_a_step(busy_until, rules))
    return start if start + length <= closes else None


def _on_a_step(moment: datetime, rules: ContactRules) -> datetime:
    """The moment, or the next one at which the clock shows a multiple of `call_step_minutes`."""
    step = rules.call_step_minutes
    local = moment.astimezone(BERLIN)
    past = timedelta(minutes=local.minute % step, seconds=local.second, microseconds=local.microsecond)
    return moment + (timedelta(minutes=step) - past if past else timedelta())
