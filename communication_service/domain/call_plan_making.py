"""From what is known of practices and callers to the question of a plan of calls: without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from communication_service.domain.call_plan_question import CallerWeek, CallQuestion, WantedCall
from communication_service.domain.call_times import CallerTimes, CallTimes, FreeSlot, Span, TakenTime
from communication_service.settings import ContactRules
from shared.values.call_plan_enums import CallGap
from shared.values.datetimes import berlin_day, start_of_berlin_day

DAYS: Final = 7
"""So many days are planned, today among them."""
UNTIL_THE_FIRST: Final = timedelta(minutes=30)
"""Calls that begin so soon stay where they are: somebody may be about to make them."""
_A_CLASS: Final = 28
"""Who has waited as many times four weeks as another counts the same: a day more or less moves no call."""
_MOST_CLASSES: Final = 13


@dataclass(frozen=True)
class KnownCall:
    """A call that is to be made, and what is known of its practice."""

    inquiry_id: UUID
    times: CallTimes
    weight: int
    earliest: datetime | None = None
    """It is not to be made before."""
    unanswered_at: datetime | None = None
    current: FreeSlot | None = None
    """Where it is planned, whenever that is."""


class DaysAhead(NamedTuple):
    """The days of a plan, and when the first of its calls may begin."""

    days: Sequence[datetime]
    """When each of them begins, in order, and when the last one ends."""
    first: datetime

    @property
    def until(self) -> datetime:
        """When the last day ends."""
        return self.days[-1]


@dataclass(frozen=True)
class PosedQuestion:
    """The question, and what is certain without asking it."""

    question: CallQuestion
    gaps: Mapping[UUID, CallGap]
    """Calls that cannot be made in these days, by inquiry."""


def week_from(now: datetime) -> DaysAhead:
    """The days that are planned at this moment."""
    today = berlin_day(now)
    return DaysAhead(
        [start_of_berlin_day(today + timedelta(days=number)) for number in range(DAYS + 1)], now + UNTIL_THE_FIRST
    )


def weight_of(*, potentially_available: bool, waits_since: date | None, today: date) -> int:
    """What a call counts: practices that may have a place before all others, then by how long its patients wait."""
    waited = (today - waits_since).days if waits_since else 0
    classes = min(max(waited, 0) // _A_CLASS, _MOST_CLASSES)
    return 1 + classes + (potentially_available and _MOST_CLASSES + 1)


def ask(
    calls: Sequence[KnownCall],
    callers: Sequence[CallerTimes],
    fixed: Iterable[TakenTime],
    *,
    week: DaysAhead,
    rules: ContactRules,
) -> PosedQuestion:
    """The question of these calls; `fixed`: when callers are in other calls, which stay where they are."""
    spans = {each.inquiry_id: _spans(each, week) for each in calls}
    wanted = [
        WantedCall(each.inquiry_id, each.weight, spans[each.inquiry_id], _in_week(each.current, week))
        for each in calls
        if spans[each.inquiry_id]
    ]
    question = CallQuestion(
        days=week.days,
        length=rules.call_length,
        step=timedelta(minutes=rules.call_step_minutes),
        calls=wanted,
        callers=[CallerWeek(each.caller_id, free_times(each, fixed, week)) for each in callers],
    )
    return PosedQuestion(question, {each.inquiry_id: _gap(each, week) for each in calls if not spans[each.inquiry_id]})


def _spans(call: KnownCall, week: DaysAhead) -> list[Span]:
    first = max(week.first, call.earliest or week.first)
    return call.times.spans(first, week.until, unanswered_at=call.unanswered_at) if first < week.until else []


def _in_week(slot: FreeSlot | None, week: DaysAhead) -> FreeSlot | None:
    return slot if slot is not None and week.first <= slot.starts_at < week.until else None


def _gap(call: KnownCall, week: DaysAhead) -> CallGap:
    is_open = bool(call.times.spans(week.first, week.until))
    return CallGap.NOT_YET if is_open else CallGap.PRACTICE_CLOSED


def free_times(caller: CallerTimes, fixed: Iterable[TakenTime], week: DaysAhead) -> list[Span]:
    """When a caller has time in these days beside the calls that stay where they are."""
    theirs = [(each.starts_at, each.ends_at) for each in fixed if each.caller_id == caller.caller_id]
    busy = replace(caller, absences=[*caller.absences, *theirs])
    days = zip(week.days, week.days[1:], strict=False)
    return [span for opens, closes in days for span in busy.within(max(opens, week.first), closes)]
