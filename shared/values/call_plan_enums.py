"""The vocabulary of plans of calls."""

from __future__ import annotations

from enum import StrEnum


class CallPlanState(StrEnum):
    """How far a plan of calls is."""

    WAITING = "waiting"
    """Staff asked for it, and no worker has begun."""
    COMPUTING = "computing"
    """A worker computes it, or moves calls to where it says."""
    DONE = "done"
    """Calls are where it says, but for those about which something changed meanwhile."""
    FAILED = "failed"
    """Workers began it several times and did not come to its end; calls are as they were."""


class CallGap(StrEnum):
    """Why a practice is not called in the days of a plan."""

    PRACTICE_CLOSED = "practice_closed"
    """It has no phone hours then: holidays, its own or public ones, or days on which the agency is closed."""
    NOT_YET = "not_yet"
    """It is not to be called before a later time, which follows from the last call."""
    HOURS_TOO_SHORT = "hours_too_short"
    """Its phone hours end before a call does."""
    NO_CALLER_THEN = "no_caller_then"
    """No caller phones in its phone hours."""
    TIMES_TAKEN = "times_taken"
    """The callers' time in its phone hours is given to other practices."""
