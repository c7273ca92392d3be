"""When something took place, as people in Berlin say it."""

from __future__ import annotations

from datetime import date, datetime, time

from shared.texts import Sentence
from shared.values.datetimes import BERLIN, start_of_berlin_day


def instant_of(at: datetime | None, on: date | None) -> datetime | None:
    """When something took place of which the time or only the day is known: of a day its first instant in Berlin."""
    return start_of_berlin_day(on) if on is not None else at


def local_time(instant: datetime) -> Sentence:
    """The day and the time of day; the day alone at midnight, which is how a day without a time is kept."""
    local = instant.astimezone(BERLIN)
    if local.time() == time():
        return Sentence.of("moment.day", day=local.date())
    return Sentence.of("moment.at", day=local.date(), time=f"{local:%H:%M}")
