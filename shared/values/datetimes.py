"""Dates and instants: their text forms, and days in Berlin.

A date is a calendar day in Europe/Berlin. An instant is a point on the UTC time line; it always carries an
offset. Nothing here reads the clock: "today" and "now" are arguments.

Input has one of the types with a range (`PlausibleDate`, `DateOfBirth`, `PastDate`, `HolidayDate`,
`PlausibleInstant`), the same at
every boundary: HTTP, events, import files, the command line. So every service accepts what another has accepted, and no
sum of a day and a setting exceeds the calendar. `IsoDate` and `Instant` are for output only.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic.config import JsonDict

from shared.values.enums import AgeGroup
from shared.values.errors import NotAcceptable

BERLIN = ZoneInfo("Europe/Berlin")

CLOCKS_MAY_DIFFER = timedelta(minutes=5)
"""An instant that somebody states may be this far ahead of our clock."""

ADULT_FROM = 18
ADULT_ONLY_FROM = 21

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Days on which something is agreed, planned or answered are in this range; others are typing mistakes."""
FIRST_BIRTH = date(1900, 1, 1)
FIRST_HOLIDAY = date(1991, 1, 1)
"""Holidays of the sixteen states are known from the first year after the reunification."""
FIRST_INSTANT, LAST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 22, 59, 59, 999999, tzinfo=UTC)
"""The last instant is that of the last day in Berlin."""

_LONGEST_INPUT = 60

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)  # RFC 3339, section 5.6


def parse_date(text: str) -> date:
    """Returns the day written as `YYYY-MM-DD`, the only accepted form.

    pydantic on its own accepts "0" and Unix times as dates, even in strict mode.
    Raises NotAcceptable for anything else, and for days that do not exist.
    """
    try:
        if len(text) <= _LONGEST_INPUT and _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise NotAcceptable("field.no_such_day") from None
    raise NotAcceptable("field.not_date")


def parse_instant(text: str) -> datetime:
    """Returns the instant written as RFC 3339 with seconds and an offset (`Z` or `+01:00`), in UTC.

    Raises NotAcceptable for anything else, and for instants that do not exist.
    """
    if len(text) > _LONGEST_INPUT or not _INSTANT.fullmatch(text):
        raise NotAcceptable("field.not_instant")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAcceptable("field.no_such_instant") from None


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def within_the_calendar(compute: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a computation outside of the years 1 to 9999 raise NotAcceptable: OverflowError is no ValueError."""

    @wraps(compute)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return compute(*args, **kwargs)
        except OverflowError:
            raise NotAcceptable("field.beyond_calendar") from None

    return run


@within_the_calendar
def in_utc(instant: datetime) -> datetime:
    """Returns the instant in UTC. Raises NotAcceptable for a datetime without an offset, or beyond the calendar."""
    if instant.utcoffset() is None:
        raise NotAcceptable("field.without_offset")
    return instant.astimezone(UTC)


def format_datetime(instant: datetime) -> str:
    """Returns the instant as RFC 3339 in UTC with `Z`. Raises NotAcceptable without an offset."""
    in_zone = instant if instant.tzinfo is UTC else in_utc(instant)
    return in_zone.isoformat().replace("+00:00", "Z")


def _accepted_date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return parse_date(value.strip())
    raise NotAcceptable("field.not_date")


def _accepted_instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, str):
        return parse_instant(value.strip())
    raise NotAcceptable("field.not_instant")


IsoDate = Annotated[date, BeforeValidator(_accepted_date)]
"""Any calendar day in Europe/Berlin; JSON `YYYY-MM-DD` only."""

Instant = Annotated[
    datetime,
    BeforeValidator(_accepted_instant),
    PlainSerializer(format_datetime, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Any point in time; JSON RFC 3339, offset required; in Python always UTC; written with `Z`."""

Point = TypeVar("Point", date, datetime)


def _between(first: Point, last: Point) -> AfterValidator:
    def is_plausible(point: Point) -> Point:
        if not first <= point <= last:
            raise NotAcceptable("field.implausible_day", first=first, last=last)
        return point

    return AfterValidator(is_plausible)


def _described(first: date, last: date, years: str | None = None, *, example: str) -> Any:
    """The range in the OpenAPI document: JSON Schema has no bounds for dates, only a pattern for their years."""
    extra: JsonDict | None = {"pattern": f"^({years})-"} if years else None
    return Field(description=f"From {first} to {last}", examples=[example], json_schema_extra=extra)


PlausibleDate = Annotated[
    IsoDate, _between(FIRST_DAY, LAST_DAY), _described(FIRST_DAY, LAST_DAY, "20[0-9]{2}", example="2026-12-01")
]
"""A day on which something is agreed, planned or answered."""
DateOfBirth = Annotated[
    IsoDate,
    _between(FIRST_BIRTH, LAST_DAY),
    _described(FIRST_BIRTH, LAST_DAY, "19[0-9]{2}|20[0-9]{2}", example="1991-10-04"),
]
"""A day of birth; the caller, who knows the current day, checks that it is not in the future."""
PastDate = Annotated[
    IsoDate,
    _between(FIRST_BIRTH, LAST_DAY),
    _described(FIRST_BIRTH, LAST_DAY, "19[0-9]{2}|20[0-9]{2}", example="2024-03-31"),
]
"""A day in somebody's life; the caller checks that it is not in the future."""
HolidayDate = Annotated[
    IsoDate,
    _between(FIRST_HOLIDAY, LAST_DAY),
    _described(FIRST_HOLIDAY, LAST_DAY, "199[1-9]|20[0-9]{2}", example="2026-12-01"),
]
"""A day for which public holidays are known."""
PlausibleInstant = Annotated[
    Instant, _between(FIRST_INSTANT, LAST_INSTANT), _described(FIRST_DAY, LAST_DAY, example="2026-11-23T09:30:00Z")
]
"""An instant at which something happened or is planned."""


def parse_berlin_datetime(text: str) -> datetime:
    """Returns a command line's `2026-12-01T09:00` in UTC; it is Berlin time without an offset. Raises NotAcceptable."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise NotAcceptable("field.not_local_time") from None
    instant = in_utc(parsed if parsed.tzinfo else parsed.replace(tzinfo=BERLIN))
    if not FIRST_INSTANT <= instant <= LAST_INSTANT:
        raise NotAcceptable("field.implausible_day", first=FIRST_DAY, last=LAST_DAY)
    return instant


@within_the_calendar
def berlin_day(instant: datetime) -> date:
    """Returns the calendar day in Berlin at that instant. Raises NotAcceptable without an offset."""
    return in_utc(instant).astimezone(BERLIN).date()


@within_the_calendar
def start_of_berlin_day(day: date) -> datetime:
    """Returns the instant, in UTC, at which that day begins in Berlin."""
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


@within_the_calendar
def days_later(instant: datetime, days: int) -> datetime:
    """Returns the instant, in UTC, that many Berlin calendar days later (or earlier), at the same wall-clock time.

    So "7 days" after Friday 09:00 is the next Friday 09:00, also when the clocks change in between. A time
    that the change to summer time skips is taken an hour later; of one that occurs twice, the first is taken.
    """
    local = in_utc(instant).astimezone(BERLIN)
    return (local + timedelta(days=days)).astimezone(UTC)


def month_of(day: date) -> tuple[date, date]:
    """Returns the first and the last day of the calendar month of a day."""
    first = day.replace(day=1)
    return first, day.replace(day=monthrange(day.year, day.month)[1])


def age_on(date_of_birth: date, day: date) -> int:
    """Returns the completed years of life on that day.

    A year is completed at the end of the day before the birthday (BGB §§ 187 (2), 188 (2)), so who was born
    on 29 February is a year older from 1 March in other years. Raises ValueError for a day before the birth.
    """
    if day < date_of_birth:
        raise ValueError("the day lies before the birth")
    had_birthday = (day.month, day.day) >= (date_of_birth.month, date_of_birth.day)
    return day.year - date_of_birth.year - (0 if had_birthday else 1)


def years_later(day: date, years: int) -> date:
    """Returns the last day of a period of that many years that began after a day (BGB § 188 (2), (3)).

    It is the same day of the month; after 29 February, in other years, it is 28 February. Raises ValueError beyond
    the calendar.
    """
    year = day.year + years
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def age_groups(date_of_birth: date | None, day: date) -> list[AgeGroup]:
    """Returns the age groups whose therapists may treat someone of that age; empty where the birth date is unknown.

    Under 18 children's therapists, from 21 adults' therapists, between 18 and 20 both (docs/domain.md#days).
    Raises ValueError for a day before the birth.
    """
    if date_of_birth is None:
        return []
    age = age_on(date_of_birth, day)
    groups = []
    if age < ADULT_ONLY_FROM:
        groups.append(AgeGroup.CHILD_ADOLESCENT)
    if age >= ADULT_FROM:
        groups.append(AgeGroup.ADULT)
    return groups
