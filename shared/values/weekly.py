"""Weekly hours: when, in an ordinary week, a practice answers the phone or a patient has time.

In Python and in the database a week is minutes since Monday 00:00, local wall time (Europe/Berlin), 0 to
10080, in windows that include their start and not their end. In JSON it is a list of windows per day. Unknown
is `None` in Python, `null` or `{}` in JSON, NULL in the database; it does not mean "never".
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE
from sqlalchemy.types import TypeDecorator

from shared.texts import Sentence
from shared.values.datetimes import BERLIN, within_the_calendar
from shared.values.errors import NotAcceptable

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES_OF_DAYS = frozenset(DAYS)
MINUTES_A_DAY = 24 * 60
_MIDNIGHTS = tuple((day, weekday * MINUTES_A_DAY) for weekday, day in enumerate(DAYS))
MINUTES_A_WEEK = 7 * MINUTES_A_DAY
MOST_WINDOWS_A_DAY = 24

_WRITTEN = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in range(MINUTES_A_DAY + 1)]
"""Every time of a day as it is written, by its minutes since midnight."""
_MINUTES = {text: minutes for minutes, text in enumerate(_WRITTEN)}
_START = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_END = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_RANGE = re.compile(r"\[([0-9]+),([0-9]+)\)")
_MULTIRANGE = re.compile(r"\{(\[[0-9]+,[0-9]+\)(,\[[0-9]+,[0-9]+\))*)?\}")

WeeklyJson = dict[str, list[dict[str, str]]]


class Window(NamedTuple):
    """Minutes from `start` up to but not including `end`, since Monday 00:00 or since midnight."""

    start: int
    end: int


@dataclass(frozen=True)
class Weekly:
    """Windows of a week, in order, apart from each other.

    Empty, and false, only as the result of an intersection of weeks without a common time. Create one with
    `of`, `from_json` or `from_multirange`.
    """

    windows: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        reached = -1
        for start, end in self.windows:
            if not 0 <= start < end <= MINUTES_A_WEEK:
                raise ValueError("a window lies outside the week, or does not end after its start")
            if start <= reached:
                raise ValueError("windows are out of order, or not apart from each other")
            reached = end

    @classmethod
    def of(cls, windows: Iterable[tuple[int, int]]) -> "Weekly":
        """The week covered by these windows (minutes since Monday 00:00), in any order, overlapping or not.

        Raises ValueError where a window lies outside the week or does not end after its start.
        """
        merged: list[Window] = []
        for start, end in sorted(windows):
            if start >= end:
                raise ValueError("a window does not end after its start")
            if merged and start <= merged[-1].end:
                merged[-1] = Window(merged[-1].start, max(merged[-1].end, end))
            else:
                merged.append(Window(start, end))
        return cls(tuple(merged))

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __iter__(self) -> Iterator[Window]:
        """The windows in order, in minutes since Monday 00:00."""
        return iter(self.windows)

    @property
    def total_minutes(self) -> int:
        return sum(window.end - window.start for window in self.windows)

    def intersection(self, other: "Weekly") -> "Weekly":
        """The time that lies in both weeks; empty where there is none."""
        common = []
        for mine in self.windows:
            for theirs in other.windows:
                start, end = max(mine.start, theirs.start), min(mine.end, theirs.end)
                if start < end:
                    common.append(Window(start, end))
        return Weekly(tuple(common))

    def overlaps(self, other: "Weekly") -> bool:
        """Whether the two weeks share any minute."""
        return bool(self.intersection(other))

    def contains(self, start: int, end: int) -> bool:
        """Whether one window holds all of the minutes from `start` up to `end` since Monday 00:00."""
        return any(window.start <= start < end <= window.end for window in self.windows)

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """The windows on that calendar day, in minutes (0 to 1440) since its midnight on the wall clock."""
        return self.windows_of_weekday(day.weekday())

    @within_the_calendar
    def datetimes_on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The windows on that day in Berlin as instants in UTC.

        On the two days on which the clocks change, a window can be an hour shorter or longer than it reads,
        and one that lies wholly in the skipped hour is left out.
        """
        instants = ((_instant(day, window.start), _instant(day, window.end)) for window in self.windows_on(day))
        return tuple((opens, closes) for opens, closes in instants if opens < closes)

    def windows_of_weekday(self, weekday: int) -> tuple[Window, ...]:
        """The windows of a weekday, from 0 for Monday, in minutes (0 to 1440) since its midnight."""
        midnight = weekday * MINUTES_A_DAY
        return tuple(
            Window(max(start - midnight, 0), min(end - midnight, MINUTES_A_DAY))
            for start, end in self.windows
            if start < midnight + MINUTES_A_DAY and end > midnight
        )

    @classmethod
    def from_json(cls, value: object) -> "Weekly | None":
        """The week from the form of the API; None (unknown) for `null`, `{}`, days without windows.

        Touching windows are merged. Raises NotAcceptable, with the day and the place of the window, for
        unknown days and fields, times not written `09:00`, ends not after their start and overlaps.
        """
        if value is None:
            return None
        if not isinstance(value, dict) or not value.keys() <= _NAMES_OF_DAYS:
            raise NotAcceptable("field.not_week")
        if (usual := _usual_windows(value)) is not None:
            return cls(usual) if usual else None
        windows: list[tuple[int, int]] = []
        for weekday, day in enumerate(DAYS):
            if day in value:
                midnight = weekday * MINUTES_A_DAY
                windows += [(midnight + start, midnight + end) for start, end in _windows_of_day(day, value[day])]
        return cls.of(windows) if windows else None

    def to_json(self) -> WeeklyJson:
        """The week in the form of the API; windows that run past midnight are split there."""
        days: WeeklyJson = {}
        for start, end in self.windows:
            while start < end:
                weekday, minutes = divmod(start, MINUTES_A_DAY)
                until = min(minutes + end - start, MINUTES_A_DAY)
                days.setdefault(DAYS[weekday], []).append({"start": _WRITTEN[minutes], "end": _WRITTEN[until]})
                start += until - minutes
        return days

    @classmethod
    def from_multirange(cls, text: str) -> "Weekly":
        """The week from PostgreSQL's canonical text of an int4multirange, `{[540,720),[1980,2100)}`.

        Raises ValueError for any other text and for minutes outside the week.
        """
        if not _MULTIRANGE.fullmatch(text):
            raise ValueError("not the text of an int4multirange of minutes")
        return cls.of((int(start), int(end)) for start, end in _RANGE.findall(text))

    def to_multirange(self) -> str:
        """The week as PostgreSQL's canonical text of an int4multirange, `{[540,720),[1980,2100)}`."""
        return "{" + ",".join(f"[{start},{end})" for start, end in self.windows) + "}"


def _usual_windows(value: dict[Any, Any]) -> tuple[Window, ...] | None:
    """The windows of a week that is as most are: well-formed, in order and apart; None for any other.

    An import and every copy read each week, which costs half as much so.
    """
    windows: list[Window] = []
    reached = -1
    for day, midnight in _MIDNIGHTS:
        if day not in value:
            continue
        items = value[day]
        if not isinstance(items, list) or len(items) > MOST_WINDOWS_A_DAY:
            return None
        for item in items:
            try:
                start, end = midnight + _MINUTES[item["start"]], midnight + _MINUTES[item["end"]]
            except (KeyError, TypeError):
                return None
            if len(item) != 2 or not reached < start < end:
                return None
            windows.append(Window(start, end))
            reached = end
    return tuple(windows)


def _windows_of_day(day: str, items: object) -> list[tuple[int, int]]:
    if not isinstance(items, list):
        raise NotAcceptable("field.day_not_list", day=day)
    if len(items) > MOST_WINDOWS_A_DAY:
        raise NotAcceptable("field.too_many_windows", day=day, most=MOST_WINDOWS_A_DAY)
    windows = [_window(day, place, item) for place, item in enumerate(items, start=1)]
    if len(windows) > 1 and any(later[0] < earlier[1] for earlier, later in pairwise(sorted(windows))):
        raise NotAcceptable("field.windows_overlap", day=day)
    return windows


def _window(day: str, place: int, item: object) -> tuple[int, int]:
    if isinstance(item, dict) and len(item) == 2:
        start, end = _minutes(item.get("start")), _minutes(item.get("end"))
        if start is not None and end is not None and start < end:
            return start, end
    raise NotAcceptable("field.window_wrong", day=day, place=place, what=_what_is_wrong(item))


def _what_is_wrong(item: object) -> Sentence:
    if not isinstance(item, dict) or item.keys() != {"start", "end"}:
        return Sentence.of("field.window_wrong.fields")
    if _minutes(item["start"]) in (None, MINUTES_A_DAY):
        return Sentence.of("field.window_wrong.start")
    if _minutes(item["end"]) is None:
        return Sentence.of("field.window_wrong.end")
    return Sentence.of("field.window_wrong.order")


def _minutes(text: object) -> int | None:
    return _MINUTES.get(text) if type(text) is str else None


def _instant(day: date, minutes: int) -> datetime:
    days, minutes = divmod(minutes, MINUTES_A_DAY)
    wall = time(minutes // 60, minutes % 60)
    return datetime.combine(day + timedelta(days=days), wall, BERLIN).astimezone(UTC)


def _accepted(value: object) -> Weekly | None:
    if isinstance(value, Weekly):
        return value or None
    return Weekly.from_json(value)


def _serialised(value: Weekly | None) -> WeeklyJson | None:
    return value.to_json() if value else None


_WINDOW_SCHEMA = {
    "type": "object",
    "properties": {
        "start": {"type": "string", "pattern": f"^({_START.pattern})$", "examples": ["09:00"]},
        "end": {"type": "string", "pattern": f"^({_END.pattern})$", "examples": ["12:00"]},
    },
    "required": ["start", "end"],
    "additionalProperties": False,
}
WEEK_DESCRIPTION = "Local times (Europe/Berlin); end is exclusive. null or {} means unknown, not never."
_WEEK_SCHEMA = {
    "anyOf": [
        {
            "type": "object",
            "description": WEEK_DESCRIPTION,
            "properties": {
                day: {"type": "array", "items": _WINDOW_SCHEMA, "maxItems": MOST_WINDOWS_A_DAY} for day in DAYS
            },
            "additionalProperties": False,
        },
        {"type": "null"},
    ],
    "examples": [{"monday": [{"start": "09:00", "end": "12:00"}]}],
}

WeeklyHours = Annotated[
    Weekly | None,
    PlainValidator(_accepted),
    PlainSerializer(_serialised, when_used="json"),
    WithJsonSchema(_WEEK_SCHEMA),
]
"""Weekly hours as a field: JSON as in docs/api.md#conventions, in Python a Weekly, or None where unknown."""


class WeeklyColumn(TypeDecorator[Weekly]):
    """An int4multirange column holding a Weekly; unknown, and also empty, is NULL.

    Overlap in SQL is `column.overlaps(weekly)` (`&&`), intersection `column.intersection(weekly)` (`*`).
    psycopg2 cannot bind multiranges and returns them as text, so both ways go as text, past the processors of
    SQLAlchemy's own type, which adds the cast that gives PostgreSQL the type of the text.
    """

    impl = INT4MULTIRANGE
    cache_ok = True

    @staticmethod
    def as_text(week: Weekly | None) -> str | None:
        """The week as PostgreSQL reads it."""
        return week.to_multirange() if week else None

    def bind_processor(self, dialect: Dialect) -> Callable[[Weekly | None], str | None]:  # noqa: ARG002 - SQLAlchemy's
        return self.as_text

    def literal_processor(self, dialect: Dialect) -> Callable[[Weekly | None], str]:  # noqa: ARG002 - signatures
        return lambda week: f"'{week.to_multirange()}'::int4multirange" if week else "NULL"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Weekly | None]:  # noqa: ARG002
        return lambda text: Weekly.from_multirange(text) or None if text else None
