"""Which status may follow which: what the `domain/states.py` of each service declares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

Status = TypeVar("Status", bound=StrEnum)


class TransitionNotAllowed(Exception):
    """A status was to follow another one that it cannot follow: the caller must refuse that before."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"{before} cannot become {after}")


def check_transition(allowed: Mapping[Status, Collection[Status]], before: str, after: Status) -> None:
    """Raise `TransitionNotAllowed` where no transition leads from one status to the other."""
    if not any(before == status and after in following for status, following in allowed.items()):
        raise TransitionNotAllowed(before, after)
