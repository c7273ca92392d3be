"""What a simulation writes down while it plays, and the report is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from simulation.region import FIRST_MONDAY, Size


@dataclass
class PlayedSearch:
    """One patient's search."""

    number: int
    begins_on: date
    practices_that_fit: int = 0
    """How many practices fitted in the first week in which the patient could be asked for."""
    asked_on: date | None = None
    """The first day on which practices were asked."""
    placed_on: date | None = None
    """The first day on which the patient took up a place."""


@dataclass
class EndOfWeek:
    """How a week ends."""

    searching: int
    """Patients who have not taken up a place."""
    placed: int
    """Patients who have, since the first week began."""


@dataclass
class Played:
    """What happened under one policy."""

    policy: str
    size: Size
    searches: list[PlayedSearch] = field(default_factory=list)
    weeks: list[EndOfWeek] = field(default_factory=list)
    requests: int = 0
    """Placement requests that were approved."""
    emails: int = 0
    """Inquiries that went out by e-mail."""
    calls: int = 0
    """Calls that were made, whether somebody was reached or not."""
    calls_not_made: int = 0
    """Planned calls for which callers had no time on their day; they are planned again."""
    confirmed: int = 0
    """Places that work."""
    last_day: date = FIRST_MONDAY
    """The day after the last one that is played."""
