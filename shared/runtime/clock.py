"""The only module that reads the wall clock; endpoints call it and pass the datetime on."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from shared.values.datetimes import BERLIN


def now() -> datetime:
    """Returns the current instant, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Returns the current calendar day in Berlin."""
    return datetime.now(BERLIN).date()


def monotonic() -> float:
    """Returns seconds that never decrease, for measuring durations."""
    return time.monotonic()
