"""The only module that reads the wall clock; endpoints call it and pass the datetime on.

In tests a clock may be ahead of the machine's: `follow` says by which file (docs/decisions/0056). It never goes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shared.values.datetimes import BERLIN, LAST_INSTANT


def now() -> datetime:
    """Returns the current instant, aware, in UTC."""
    return datetime.now(UTC) + ahead()


def today() -> date:
    """Returns the current calendar day in Berlin."""
    return now().astimezone(BERLIN).date()


def running_from(instant: datetime) -> Callable[[], datetime]:
    """Returns a clock that shows this instant now: for work that takes long and was given its beginning."""
    began = monotonic()
    return lambda: instant + timedelta(seconds=monotonic() - began)


def monotonic() -> float:
    """Returns seconds that never decrease, for measuring durations."""
    return time.monotonic()


def stopwatch() -> Callable[[], timedelta]:
    """Returns a clock that shows how long ago this was, by whichever clock says more.

    The monotonic clock stands still while a virtual machine is suspended, and the wall clock may be put back.
    """
    began, began_at = monotonic(), now()
    return lambda: max(timedelta(seconds=monotonic() - began), now() - began_at)


class _TestingClock:
    """By how much the clock is ahead of the machine's: what a file says, and nothing where no file is followed."""

    def __init__(self) -> None:
        self.file: Path | None = None
        self._ahead = timedelta()

    def follow(self, file: Path | None) -> None:
        self.file, self._ahead = file, timedelta()

    def ahead(self) -> timedelta:
        if self.file is None:
            return self._ahead
        try:
            found = timedelta(seconds=float(self.file.read_text()))
        except (OSError, ValueError, OverflowError):
            return self._ahead  # not written yet, or no number
        if self._ahead < found <= LAST_INSTANT - datetime.now(UTC):
            # the time at which something was recorded is never to come again
            self._ahead = found
        return self._ahead


_testing_clock = _TestingClock()


def follow(file: Path | None) -> None:
    """From now on be ahead of the machine's clock by the seconds that this file says, read at each look; None: not.

    A file that is not there or says no number moves nothing, and a smaller number than before does not go back.
    """
    _testing_clock.follow(file)


def is_for_testing() -> bool:
    """Whether this process follows a clock of a test."""
    return _testing_clock.file is not None


def ahead() -> timedelta:
    """Returns by how much `now` is ahead of the machine's clock: nothing outside of tests."""
    return _testing_clock.ahead()
