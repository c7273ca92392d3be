"""All processes together ask a server outside in turns, and leave it alone when it does not answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from geocoding_service.domain import outside_servers
from geocoding_service.domain.outside_servers import FIRST_PAUSE, GEOCODER, MOST_FAILURES, Turn
from geocoding_service.store import outside_servers as store
from tests.conftest import MONDAY

HOUR = 3600.0
SOON = 0.001


def take(
    session: Session, *, interval: float = SOON, longest: float = 2, after: timedelta = timedelta()
) -> Turn | None:
    return outside_servers.take_turn(session, GEOCODER, interval=interval, longest=longest, now=MONDAY + after)


def fail(session: Session, *turns: Turn | None, at_once: bool = False, after: timedelta = timedelta()) -> list[bool]:
    """Returns for each failure whether a trouble began with it."""
    return [
        outside_servers.record_failure(session, GEOCODER, "slow", turn=turn, at_once=at_once, now=MONDAY + after)
        for turn in turns
        if turn is not None
    ]


def test_processes_take_turns_one_request_an_interval(session: Session) -> None:
    first, patient = take(session, interval=HOUR), take(session, interval=HOUR, longest=2 * HOUR)
    assert first is not None
    assert patient is not None
    assert first.seconds == pytest.approx(0, abs=1)
    assert patient.seconds == pytest.approx(HOUR, abs=300)
    assert take(session, interval=HOUR) is None
    assert take(session, interval=HOUR, longest=1.5 * HOUR) is None


def test_requests_that_fail_at_once_are_one_failure(session: Session) -> None:
    """Twelve people ask at the same moment while the server hangs: that is no reason to leave it alone for long."""
    for number in range(1, MOST_FAILURES + 1):
        begins = fail(session, *[take(session, longest=HOUR) for _ in range(12)])
        assert begins == [number == MOST_FAILURES] + [False] * 11
    known = store.state(session, GEOCODER)
    assert known is not None
    assert (known.failures, known.next_try_at) == (MOST_FAILURES, MONDAY + FIRST_PAUSE)
    assert take(session) is None
    probe = take(session, after=FIRST_PAUSE)
    assert (probe is not None, take(session, after=FIRST_PAUSE)) == (True, None)  # one process asks in each pause
    fail(session, probe, after=FIRST_PAUSE)
    assert store.state_for_change(session, GEOCODER).next_try_at == MONDAY + FIRST_PAUSE + 2 * FIRST_PAUSE


def test_a_refusal_among_failures_is_enough(session: Session) -> None:
    one, other = take(session), take(session, longest=HOUR)
    assert fail(session, one) == [False]
    assert fail(session, other, at_once=True) == [True]
    assert outside_servers.record_answer(session, GEOCODER)
    assert outside_servers.trouble(session, GEOCODER) is None


def test_who_has_no_turn_leaves_the_attempt_to_others(session: Session) -> None:
    fail(session, take(session, interval=HOUR), at_once=True)
    assert take(session, interval=HOUR, after=FIRST_PAUSE) is None  # the next request may be sent in an hour
    assert take(session, interval=HOUR, longest=2 * HOUR, after=FIRST_PAUSE) is not None
