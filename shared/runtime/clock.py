"""The only place that reads the wall clock; endpoints ask it and pass the answer on."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from shared.values.datetimes import BERLIN


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present calendar day in Berlin."""
    return datetime.now(BERLIN).date()


def monotonic() -> float:
    """Seconds that only ever grow, for measuring how long something takes."""
    return time.monotonic()
