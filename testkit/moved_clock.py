"""The clock of a private platform, which a test moves ahead: weeks pass for all of its services at once.

clock = MovedClock(platform.settings)
clock.go_to(clock.now() + timedelta(days=7))
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path


class MovedClock:
    """What the processes of one platform take for the present time (`TESTING_CLOCK`, docs/decisions/0056)."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._file = Path(settings["TESTING_CLOCK"])
        self._ahead = float(self._file.read_text()) if self._file.exists() else 0.0

    def now(self) -> datetime:
        """Returns the platform's present time."""
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self._ahead, UTC)

    def go_to(self, moment: datetime) -> None:
        """Let it be that moment from now on, in every process. Raises `ValueError` for one that is past."""
        if moment < self.now():
            raise ValueError(f"{moment} is past: a clock does not go back")
        self._ahead = moment.timestamp() - datetime.now(UTC).timestamp()
        part = self._file.with_suffix(".part")
        part.write_text(str(self._ahead))
        os.replace(part, self._file)  # whole at once: a process may read it at this moment
