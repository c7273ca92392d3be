"""Time, as one object, so that tests wait for nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the time is, and waiting."""

    def now(self) -> datetime:
        """Returns the instant (aware)."""

    def sleep(self, seconds: float) -> None:
        """Wait so long."""


class SystemClock:
    """The time of the machine."""

    def now(self) -> datetime:
        """Returns the instant in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait so long."""
        time.sleep(seconds)
