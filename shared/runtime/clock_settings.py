"""The setting of a clock that tests move (docs/decisions/0056)."""

from __future__ import annotations

from pydantic import ValidationInfo, field_validator

from shared.runtime.environment import EnvironmentSettings
from shared.runtime.hosts import is_loopback


class ClockSettings(EnvironmentSettings):
    """Which clock a process follows."""

    testing_clock: str = ""
    """For tests only, and only while BIND is an address of this machine for itself: a file that says by how many
    seconds the clock of each process is ahead of the machine's. Empty: by none."""

    @field_validator("bind", check_fields=False)
    @classmethod
    def _is_for_tests_of_this_machine(cls, bind: str, others: ValidationInfo) -> str:
        if others.data.get("testing_clock") and not is_loopback(bind):
            raise ValueError("with TESTING_CLOCK only 127.0.0.1 is possible: a clock that is moved is for tests")
        return bind
