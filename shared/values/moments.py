"""Dates and instants: how they are written, and what a day is in Berlin.

A date is a calendar day in Europe/Berlin. An instant is a point on the UTC time line; it always carries an
offset. Nothing here reads the clock: "today" and "now" are arguments.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from shared.values.refusals import NotAcceptable
from shared.values.words import AgeGroup

BERLIN = ZoneInfo("Europe/Berlin")

ADULT_FROM = 18
ADULT_ONLY_FROM = 21

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)  # RFC 3339, section 5.6


def parse_date(text: str) -> date:
    """The day written as `YYYY-MM-DD`, and in no other way.

    pydantic on its own takes "0" and Unix times for dates, even in strict mode.
    Raises NotAcceptable for anything else, and for days that do not exist.
    """
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        raise NotAcceptable("must be a day that exists, like 2026-11-23") from None
    raise NotAcceptable("must be a date like 2026-11-23")


def parse_instant(text: str) -> datetime:
    """The instant written as RFC 3339 with seconds and an offset (`Z` or `+01:00`), in UTC.

    Raises NotAcceptable for anything else, and for instants that do not exist.
    """
    if not _INSTANT.fullmatch(text):
        raise NotAcceptable("must be a date and time with an offset, like 2026-11-23T09:30:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotAcceptable("must be a date and time that exist, like 2026-11-23T09:30:00Z") from None


def in_utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises NotAcceptable for a datetime without an offset."""
    if moment.utcoffset() is None:
        raise NotAcceptable("must carry an offset from UTC")
    return moment.astimezone(UTC)


def written(moment: datetime) -> str:
    """The instant as RFC 3339 in UTC with `Z`. Raises NotAcceptable without an offset."""
    return in_utc(moment).isoformat().replace("+00:00", "Z")


def _accepted_date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return parse_date(value.strip())
    raise NotAcceptable("must be a date like 2026-11-23")


def _accepted_instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, str):
        return parse_instant(value.strip())
    raise NotAcceptable("must be a date and time with an offset, like 2026-11-23T09:30:00Z")


IsoDate = Annotated[date, BeforeValidator(_accepted_date)]
"""A calendar day in Europe/Berlin; JSON `YYYY-MM-DD` only."""

Instant = Annotated[
    datetime,
    BeforeValidator(_accepted_instant),
    PlainSerializer(written, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time; JSON RFC 3339, offset required; in Python always UTC; written with `Z`."""


def berlin_day(moment: datetime) -> date:
    """The day it is in Berlin at that instant. Raises NotAcceptable without an offset."""
    return in_utc(moment).astimezone(BERLIN).date()


def start_of_berlin_day(day: date) -> datetime:
    """The instant, in UTC, at which that day begins in Berlin."""
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


def days_later(moment: datetime, days: int) -> datetime:
    """The instant, in UTC, that many Berlin calendar days later (or earlier), at the same wall-clock time.

    So "7 days" after Friday 09:00 is the next Friday 09:00, also when the clocks change in between. A time
    that the change to summer time skips is taken an hour later; of one that occurs twice, the first is taken.
    """
    local = in_utc(moment).astimezone(BERLIN)
    return (local + timedelta(days=days)).astimezone(UTC)


def age_on(date_of_birth: date, day: date) -> int:
    """Completed years of life on that day.

    A year is completed at the end of the day before the birthday (BGB §§ 187 (2), 188 (2)), so who was born
    on 29 February is a year older from 1 March in other years. Raises ValueError for a day before the birth.
    """
    if day < date_of_birth:
        raise ValueError("the day lies before the birth")
    had_birthday = (day.month, day.day) >= (date_of_birth.month, date_of_birth.day)
    return day.year - date_of_birth.year - (0 if had_birthday else 1)


def age_groups(date_of_birth: date | None, day: date) -> list[AgeGroup]:
    """The age groups whose therapists may treat someone of that age; empty where the birth date is unknown.

    Under 18 children's therapists, from 21 adults' therapists, between 18 and 20 both (API contract).
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
