"""Dated phone hours of several weeks, folded into one ordinary week.

The directory lists times by date, of some weeks ahead, in one of two generations of its format, and practices write
several times into one field. A weekday has the hours that most of its dates have; of equally many those of the later
date, and hours rather than none. Every date with other hours is an exception and is reported.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from therapist_scraper.text import Unreadable, folded, one_line

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_WINDOWS_A_DAY = 24
MOST_DATES = 400
"""Dates of one entry that are looked at; the site shows a few weeks."""
LONGEST_KIND = 100
LONGEST_PERIOD = timedelta(days=400)

_GERMAN_WEEKDAYS = ("mo", "di", "mi", "do", "fr", "sa", "so")
_PHONE = {"07", "7"}
_PHONE_WORDS = ("telefonische erreichbarkeit", "telefonisch erreichbar", "telefonzeit", "telefonsprechstunde")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T.*)?", re.ASCII)
_GERMAN_DATE = re.compile(r"(?:[^\W\d]{2,10}\.?,? )?([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4})?", re.ASCII)
_TIME = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?: ?(?:uhr|h))?"
_WINDOW = re.compile(rf"(?:von )?{_TIME} ?(?:-|–|—|−|bis) ?{_TIME}", re.IGNORECASE | re.ASCII)
_BETWEEN_WINDOWS = re.compile(r"[;,|/]|\bund\b|\bsowie\b", re.IGNORECASE)

Window = tuple[int, int]
"""Minutes since midnight; the end is exclusive."""
Day = tuple[Window, ...]
Week = dict[str, list[dict[str, str]]]


@dataclass(frozen=True)
class PhoneHours:
    """One ordinary week, and what does not fit into it."""

    week: Week | None = None
    """As the import's record has it; None where nothing is known."""
    exceptions: Mapping[date, Day] = field(default_factory=dict)
    """Dates with other hours than the week says; an empty day has none."""
    unreadable: tuple[str, ...] = ()
    """Why entries were left out."""


@dataclass
class _Collected:
    dated: dict[date, set[Window]] = field(default_factory=lambda: defaultdict(set))
    undated: dict[int, set[Window]] = field(default_factory=lambda: defaultdict(set))
    """By weekday, from pages that name no date."""
    doubtful: set[date] = field(default_factory=set)
    """Dates of which something could not be read: what they have is not what others lack."""
    unreadable: list[str] = field(default_factory=list)


def phone_hours(entries: Iterable[object], today: date) -> PhoneHours:
    """Returns the week of the entries of `tsz`, in either generation; `today` completes dates without a year."""
    collected = _Collected()
    for number, entry in enumerate(entries):
        if number >= MOST_DATES:
            collected.unreadable.append("has too many dates")
            break
        _collect(entry, today, collected)
    dated = _with_dates_between(collected)
    plan = {weekday: _merged(windows) for weekday, windows in collected.undated.items()}
    for weekday in range(7):
        days = {each: day for each, day in dated.items() if each.weekday() == weekday}
        if days and weekday not in plan:
            plan[weekday] = _usual(days)
    exceptions = {each: day for each, day in sorted(dated.items()) if day != plan.get(each.weekday(), ())}
    return PhoneHours(_week(plan), exceptions, tuple(collected.unreadable))


def _collect(entry: object, today: date, collected: _Collected) -> None:
    if not isinstance(entry, Mapping):
        collected.unreadable.append("is no entry of a date")
        return
    try:
        day, weekday = _day(entry, today)
    except Unreadable as problem:
        if any(True for _ in _phone_times(entry)):
            collected.unreadable.append(problem.reason)
        return
    windows = collected.undated[weekday] if day is None else collected.dated[day]
    for written in _phone_times(entry):
        try:
            windows.update(_windows(written))
        except Unreadable as problem:
            collected.unreadable.append(problem.reason)
            if day is not None:
                collected.doubtful.add(day)


def _day(entry: Mapping[str, Any], today: date) -> tuple[date | None, int]:
    """Returns the date of an entry and its weekday; without a date the weekday alone."""
    written, named = one_line(entry.get("d")), one_line(entry.get("t"))
    weekday = None if named is None else _weekday(named)
    if written is None:
        if weekday is None:
            raise Unreadable("has neither a date nor a weekday")
        return None, weekday
    day = _date(written, today)
    if weekday is not None and weekday != day.weekday():
        raise Unreadable("has a date that is another weekday")
    if abs(day - today) > LONGEST_PERIOD:
        raise Unreadable("has a date that is long ago or far ahead")
    return day, day.weekday()


def _weekday(text: str) -> int | None:
    beginning = folded(text)[:2]
    return _GERMAN_WEEKDAYS.index(beginning) if beginning in _GERMAN_WEEKDAYS else None


def _date(text: str, today: date) -> date:
    try:
        if found := _DATE.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _GERMAN_DATE.fullmatch(text):
            day, month = int(found[1]), int(found[2])
            return date(int(found[3]), month, day) if found[3] else _nearest(month, day, today)
    except ValueError:
        raise Unreadable("has a date that does not exist") from None
    raise Unreadable("has a date that cannot be read")


def _nearest(month: int, day: int, today: date) -> date:
    """Returns the date of the year in which it is nearest to today; on 30 December "02.01." is in the next year."""
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue  # 29 February
    if not found:
        raise ValueError
    return min(found, key=lambda each: abs(each - today))


def _phone_times(entry: Mapping[str, Any]) -> Iterator[object]:
    """Yields the times of the phone as they are written, of both generations."""
    for kinds, times, time in (("tszDesTyps", "sprechzeiten", "zeit"), ("typTsz", "sprechzeiten", "z")):
        for kind in _list(entry.get(kinds)):
            if isinstance(kind, Mapping) and _is_phone(kind.get("typ")):
                for each in _list(kind.get(times)):
                    yield each.get(time, each.get("zeit", each.get("z"))) if isinstance(each, Mapping) else each


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_phone(kind: object) -> bool:
    return _names_phone(kind[:LONGEST_KIND].strip()) if isinstance(kind, str) else kind == 7


@lru_cache(maxsize=1000)
def _names_phone(text: str) -> bool:
    return text in _PHONE or any(words in folded(text) for words in _PHONE_WORDS)


def _windows(written: object) -> list[Window]:
    """Returns the windows of one field, which may hold several, joined by `;` or `,`."""
    text = one_line(written)
    parts = [part.strip() for part in _BETWEEN_WINDOWS.split(text or "") if part.strip()]
    return [_window(part) for part in parts]


def _window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise Unreadable("has a time that cannot be read")
    start, end = _minutes(found[1], found[2]), _minutes(found[3], found[4])
    if not start < end:
        raise Unreadable("has a time that ends before it begins")
    return start, end


def _minutes(hours: str, minutes: str | None) -> int:
    time = int(hours) * 60 + int(minutes or 0)
    if int(minutes or 0) > 59 or time > 24 * 60:
        raise Unreadable("has a time that does not exist")
    return time


def _merged(windows: Iterable[Window]) -> Day:
    """Returns the windows in order; those that overlap or touch are one."""
    merged: list[Window] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def _with_dates_between(collected: _Collected) -> dict[date, Day]:
    """Returns the day of each date from the first to the last one; a date that is not listed has no hours."""
    days = {each: _merged(windows) for each, windows in collected.dated.items() if each not in collected.doubtful}
    if not days:
        return {}
    first, last = min(days), max(days)
    between = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {each: days.get(each, ()) for each in between if each not in collected.doubtful}


def _usual(days: Mapping[date, Day]) -> Day:
    often = Counter(days.values())
    newest = {day: each for each, day in sorted(days.items())}
    return max(often, key=lambda day: (often[day], bool(day), newest[day]))


def _week(plan: Mapping[int, Day]) -> Week | None:
    week = {
        WEEKDAYS[weekday]: [{"start": as_time(start), "end": as_time(end)} for start, end in day[:MOST_WINDOWS_A_DAY]]
        for weekday, day in sorted(plan.items())
        if day
    }
    return week or None


def as_time(minutes: int) -> str:
    """Returns minutes since midnight as `09:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
