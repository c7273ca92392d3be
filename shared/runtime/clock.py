"""The only module that reads the wall clock; endpoints call it and pass the datetime on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from shared.values.datetimes import BERLIN


def now() -> datetime:
    """Returns the current instant, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Returns the current calendar day in Berlin."""
    return datetime.now(BERLIN).date()


def running_from(instant: datetime) -> Callable[[], datetime]:
    """Returns a clock that shows this instant now: for work that takes long and was given its beginning."""
    began = monotonic()
    return lambda: instant + timedelta(seconds=monotonic() - began)


def monotonic() -> float:
    """Returns seconds that never decrease, for measuring durations."""
    return time.monotonic()
