"""The state of each server outside: when it may be asked, by all processes together, and whether it answers at all.

After some requests in a row without an answer that can be read it is in trouble: then nobody asks it but one process
once in each pause, which grows. Meanwhile addresses lie where their postal codes do, routes are estimated, and both
wait. The number of failures and the pauses are chosen, not measured.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

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
"""Between two attempts for one address or route without an answer."""


class Turn(NamedTuple):
    """The right to send one request."""

    seconds: float
    """In how many seconds it may be sent."""
    failures: int
    """The failures in a row that were known when the turn was taken."""


def router_of(mode: TravelMode | None) -> str:
    """Returns the name of the router of a mode among the servers; of None that of a router that knows all modes."""
    return f"{ROUTER}{mode or 'of_all_modes'}"


ROUTERS: Final = tuple(router_of(each) for each in (*TravelMode, None))
"""The names that routers have."""


def take_turn(session: Session, server: str, *, interval: float, longest: float, now: datetime) -> Turn | None:
    """Returns the turn in which this process may send one request; None where there is none within `longest` seconds.

    `interval`: seconds between two requests of all processes.
    """
    known = store.state(session, server)
    failures, next_try_at = (known.failures, known.next_try_at) if known else (0, None)
    if next_try_at is not None and next_try_at > now:
        return None
    seconds = store.reserve(session, server, interval=interval, longest=longest)
    if seconds is None:  # the attempt at a server in trouble stays for who has a turn
        return None
    if next_try_at is not None and not store.take_probe(session, server, now=now, next_at=now + _pause(failures)):
        return None
    return Turn(seconds, failures)


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


def record_failure(session: Session, server: str, cause: str, *, turn: Turn, at_once: bool, now: datetime) -> bool:
    """Record a request without an answer; returns whether a trouble begins with it.

    Requests that were under way at once and failed count as one: they say no more than that the server did not answer
    then. `at_once`: the server refuses us, so that no further request is needed to know it.
    """
    known = store.state_for_change(session, server)
    is_counted = known.failures != turn.failures
    failures = max(known.failures + (0 if is_counted else 1), MOST_FAILURES if at_once else 0)
    if failures == known.failures:
        return False
    known.failures = failures
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
    """Returns how long an address or route waits that was asked for so often without an answer: longer each time."""
    return _doubled(FIRST_PAUSE_OF_ONE, attempts - 1, LONGEST_PAUSE_OF_ONE)


def _pause(failures: int) -> timedelta:
    return _doubled(FIRST_PAUSE, failures - MOST_FAILURES, LONGEST_PAUSE)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    doublings: int = min(max(times, 0), 12)
    return min(first * (1 << doublings), longest)
