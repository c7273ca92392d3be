"""Weekly hours that are compared, and in words short enough for a sentence: `Mo–Fr 8–10, Sa 9:30–12 + 14–16`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from shared.texts import Sentence
from shared.values.weekly import DAYS, Weekly, Window

MINUTES_AN_HOUR: Final = 60
MOST_TIMES: Final = 4
"""So many windows of one day are named; a week that somebody cut into pieces would fill the page."""
_SHORTEST_SPAN: Final = 3
"""Fewer days in a row are named one by one."""

Day = tuple[int, tuple[Window, ...]]
"""A weekday, from 0 for Monday, with its windows."""


class _Span(NamedTuple):
    """Weekdays in a row with the same windows."""

    days: tuple[int, ...]
    windows: tuple[Window, ...]


@lru_cache(1024)
def in_common(one: Weekly | None, other: Weekly | None) -> Weekly | None:
    """Returns the time that lies in both weeks; None where one of them is unknown, or they never meet."""
    return one.intersection(other) or None if one and other else None


@lru_cache(1024)
def in_words(week: Weekly) -> Sequence[Sentence]:
    """Returns the days of a week with their times; days in a row that are alike are named together."""
    return tuple(
        Sentence.of("hours.on", days=_days(span.days), times=_times(span.windows)) for span in _spans(_by_day(week))
    )


def _by_day(week: Weekly) -> list[Day]:
    days = ((number, week.windows_of_weekday(number)) for number in range(len(DAYS)))
    return [(number, windows) for number, windows in days if windows]


def _spans(days: Sequence[Day]) -> list[_Span]:
    # days in a row keep the same distance from their places
    alike = groupby(enumerate(days), key=lambda each: (each[1][0] - each[0], each[1][1]))
    return [_Span(tuple(day for _, (day, _) in found), windows) for (_, windows), found in alike]


def _days(days: Sequence[int]) -> Sequence[Sentence] | Sentence:
    names = [Sentence.of(f"weekday.{DAYS[number]}") for number in days]
    if len(days) < _SHORTEST_SPAN:
        return names
    return Sentence.of("hours.from_to", first=names[0], last=names[-1])


def _times(windows: Sequence[Window]) -> str:
    named = [f"{_time(window.start)}–{_time(window.end)}" for window in windows[:MOST_TIMES]]
    return " + ".join(named if len(windows) <= MOST_TIMES else [*named, "…"])


def _time(minutes: int) -> str:
    hour, minute = divmod(minutes, MINUTES_AN_HOUR)
    return f"{hour}:{minute:02}" if minute else str(hour)
