"""The state of each server outside: when it may be asked, by all processes together, and whether it answers at all.

After some requests in a row without an answer that can be read it is in trouble: then nobody asks it but one process
once in each pause, which grows. Meanwhile addresses lie where their postal codes do, ways are estimated, and both wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from geocoding_service.store import outside_servers as store
from shared.database import Session
from shared.values.enums import TravelMode

GEOCODER: Final = "geocoder"
ROUTER: Final = "router_"
MOST_FAILURES: Final = 3
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=15)
"""Between two attempts at a server in trouble."""
FIRST_PAUSE_OF_ONE: Final = timedelta(minutes=1)
LONGEST_PAUSE_OF_ONE: Final = timedelta(hours=1)
"""Between two attempts for one address or way without an answer."""


def router_of(mode: TravelMode) -> str:
    """Returns the name of the router of a mode among the servers."""
    return f"{ROUTER}{mode}"


def take_turn(session: Session, server: str, *, interval: float, longest: float, now: datetime) -> float | None:
    """Returns in how many seconds this process may send one request; None where it may not within `longest` seconds.

    `interval`: seconds between two requests of all processes.
    """
    known = store.state(session, server)
    if known is not None and known.next_try_at is not None:
        pause = _pause(known.failures)
        if not store.take_probe(session, server, now=now, next_at=now + pause):
            return None
    return store.reserve(session, server, interval=interval, longest=longest)


def record_answer(session: Session, server: str) -> bool:
    """Record that it answered; returns whether this ends a trouble."""
    known = store.state(session, server)
    if known is None or not known.failures:
        return False
    known = store.state_for_change(session, server)
    was_in_trouble = known.since is not None
    known.failures, known.since, known.cause, known.next_try_at = 0, None, None, None
    session.flush()
    return was_in_trouble


def record_failure(session: Session, server: str, cause: str, *, at_once: bool, now: datetime) -> bool:
    """Record a request without an answer; returns whether a trouble begins with it.

    `at_once`: the server refuses us, so that no further request is needed to know it.
    """
    known = store.state_for_change(session, server)
    known.failures = max(known.failures + 1, MOST_FAILURES if at_once else 0)
    begins = known.failures >= MOST_FAILURES and known.since is None
    if known.failures >= MOST_FAILURES:
        known.since, known.cause = known.since or now, cause
        known.next_try_at = now + _pause(known.failures)
    session.flush()
    return begins


def trouble(session: Session, server: str) -> str | None:
    """Returns since when it does not answer, with our words for the cause; None while it answers."""
    known = store.state(session, server)
    if known is None or known.since is None:
        return None
    return f"{server} is not asked since {known.since:%Y-%m-%d %H:%M} UTC: {known.cause}"


def pause_of_one(attempts: int) -> timedelta:
    """Returns how long an address or way waits that was asked for so often without an answer: longer each time."""
    return _doubled(FIRST_PAUSE_OF_ONE, attempts - 1, LONGEST_PAUSE_OF_ONE)


def _pause(failures: int) -> timedelta:
    return _doubled(FIRST_PAUSE, failures - MOST_FAILURES, LONGEST_PAUSE)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    doublings: int = min(max(times, 0), 12)
    return min(first * (1 << doublings), longest)
