"""Days (Berlin's) on which a practice can be phoned, by which of our callers, and which slot is free.

docs/domain.md#contact-rule-7 has the rule. A slot lies in the hours of the practice and in those of the caller. Where
no caller has hours, calls are planned on the agency's own line, which makes one call at a time, at any time of day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from communication_service.settings import ContactRules
from shared.values.datetimes import BERLIN, berlin_day, berlin_minute_of_week
from shared.values.practice_holidays import Days, periods
from shared.values.public_holidays import is_without_calls, may_be_public_holiday
from shared.values.weekly import Weekly, Window

Span = tuple[datetime, datetime]


class TakenTime(NamedTuple):
    """When a caller (None: the agency's own line) is in another call."""

    caller_id: UUID | None
    starts_at: datetime
    ends_at: datetime


class FreeSlot(NamedTuple):
    """When a call may begin, and who is to make it; None: the agency's own line."""

    starts_at: datetime
    caller_id: UUID | None


Taken = Callable[[datetime, datetime], Sequence[TakenTime]]
"""When other calls are planned between two instants."""


def is_closed_by_us(day: date, closing_days: Iterable[Days] = ()) -> bool:
    """Whether nobody of ours calls that day, though practices may be open: 24 and 31 December, and closing days."""
    return is_without_calls(day) or any(first <= day <= last for first, last in closing_days)


def is_closed(
    day: date,
    *,
    states: Set[str],
    practice_holidays: Iterable[Mapping[str, str]],
    closing_days: Iterable[Days] = (),
) -> bool:
    """Whether nobody is phoned that day: a public holiday in one of the states or a part of it, or one of us is closed.

    `states`: the federal states that the practice may be in; none where nothing is known.
    """
    if is_closed_by_us(day, closing_days) or may_be_public_holiday(day, states):
        return True
    return any(first <= day <= last for first, last in periods(practice_holidays))


@dataclass(frozen=True)
class CallerTimes:
    """When one of us phones: weekly hours without absences."""

    caller_id: UUID | None
    hours: Weekly | None
    """None: at any time."""
    absences: Sequence[Span] = ()

    def within(self, opens: datetime, closes: datetime) -> list[Span]:
        """The times of theirs between two instants of one day, in order."""
        own = [(opens, closes)] if self.hours is None else self.hours.datetimes_on(berlin_day(opens))
        times = [(max(start, opens), min(end, closes)) for start, end in own]
        for absence in self.absences:
            times = [rest for time in times for rest in _without(time, absence)]
        return [(start, end) for start, end in times if start < end]

    def allow(self, start: datetime, end: datetime) -> bool:
        """Whether they can make a call then, from its first to its last minute."""
        return (start, end) in self.within(start, end)


def _without(time: Span, absence: Span) -> Iterator[Span]:
    (start, end), (gone, back) = time, absence
    if back <= start or end <= gone or gone == back:
        yield time
        return
    yield start, gone
    yield back, end


OWN_LINE: Final = CallerTimes(None, None)
"""The agency's telephone, while no caller has hours."""


@dataclass(frozen=True)
class CallTimes:
    """When a practice can be phoned: the hours in which it answers, less holidays and what is closed."""

    hours: Weekly
    states: Set[str]
    """The federal states that the practice may be in."""
    practice_holidays: Sequence[Mapping[str, str]]
    closing_days: Sequence[Days] = ()
    """When the agency is closed."""

    def allows(self, start: datetime, end: datetime) -> bool:
        """Whether a call may take place then."""
        return any(opens <= start and end <= closes for opens, closes in self._windows_on(berlin_day(start)))

    def reachable_until(self, moment: datetime) -> datetime | None:
        """Until when the practice answers the phone that does so at this moment; None where it does not."""
        open_now = [closes for opens, closes in self._windows_on(berlin_day(moment)) if opens <= moment < closes]
        return max(open_now, default=None)

    def spans(self, first: datetime, until: datetime, *, unanswered_at: datetime | None = None) -> list[Span]:
        """The times between two instants in which the practice can be phoned, in order.

        `unanswered_at`: nobody answered then, so these are times in its other weekly windows if it has any.
        """
        last = None if unanswered_at is None else self._window_of_week(unanswered_at)
        avoided = last if any(window != last for window in self.hours) else None
        days = (berlin_day(until) - berlin_day(first)).days + 1
        found = [
            (max(opens, first), min(closes, until))
            for opens, closes in self._windows_from(berlin_day(first), days, avoided)
        ]
        return [(opens, closes) for opens, closes in found if opens < closes]

    def next_free_slot(
        self,
        *,
        earliest: datetime,
        rules: ContactRules,
        taken: Taken,
        callers: Sequence[CallerTimes] = (OWN_LINE,),
        unanswered_at: datetime | None = None,
    ) -> FreeSlot | None:
        """The first start from `earliest` on, on a step of the clock, at which a caller is in no other call; UTC.

        Of several callers the first one. `unanswered_at`: nobody answered then, so the slot lies in another of the
        weekly windows if there is one. None where the days of `call_horizon_days` have none.
        """
        last = None if unanswered_at is None else self._window_of_week(unanswered_at)
        for avoided in (last, None) if last is not None else (None,):
            for opens, closes in self._windows_from(berlin_day(earliest), rules.call_horizon_days, avoided):
                found = _first_gap(max(opens, earliest), closes, callers, rules, taken)
                if found is not None:
                    return found
        return None

    def _windows_from(self, first_day: date, days: int, avoided: Window | None) -> Iterator[Span]:
        for each in range(days):
            day = first_day + timedelta(days=each)
            for opens, closes in self._windows_on(day):
                if avoided is None or self._window_of_week(opens) != avoided:
                    yield opens, closes

    def _windows_on(self, day: date) -> Sequence[Span]:
        is_shut = is_closed(
            day, states=self.states, practice_holidays=self.practice_holidays, closing_days=self.closing_days
        )
        return () if is_shut else self.hours.datetimes_on(day)

    def _window_of_week(self, moment: datetime) -> Window | None:
        minute = berlin_minute_of_week(moment)
        return next((window for window in self.hours if window.start <= minute < window.end), None)


def _first_gap(
    opens: datetime, closes: datetime, callers: Sequence[CallerTimes], rules: ContactRules, taken: Taken
) -> FreeSlot | None:
    if opens + rules.call_length > closes:
        return None
    busy = sorted(taken(opens, closes), key=lambda time: time.starts_at)
    found = [
        FreeSlot(start, caller.caller_id)
        for caller in callers
        for first, last in caller.within(opens, closes)
        if (start := _gap(first, last, [each for each in busy if each.caller_id == caller.caller_id], rules))
    ]
    return min(found, key=lambda slot: slot.starts_at, default=None)


def _gap(opens: datetime, closes: datetime, busy: Sequence[TakenTime], rules: ContactRules) -> datetime | None:
    start, length = _on_a_step(opens, rules), rules.call_length
    for time in busy:
        if start + length <= time.starts_at:
            break
        start = max(start, _on_a_step(time.ends_at, rules))
    return start if start + length <= closes else None


def _on_a_step(moment: datetime, rules: ContactRules) -> datetime:
    """The moment, or the next one at which the clock shows a multiple of `call_step_minutes`."""
    step = rules.call_step_minutes
    local = moment.astimezone(BERLIN)
    past = timedelta(minutes=local.minute % step, seconds=local.second, microseconds=local.microsecond)
    return moment + (timedelta(minutes=step) - past if past else timedelta())
