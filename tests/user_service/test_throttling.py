"""How fast somebody may try passwords."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.errors import RuleBroken, TooManyRequests, Unauthenticated
from shared.values.account_enums import SessionEnd
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.builders.sign_ins import NEW_PASSWORD
from tests.concurrency import at_once
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import sessions, sign_in, throttling
from user_service.domain.passwords import HashingBusy
from user_service.domain.schemas import NewPassword, PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn
from user_service.domain.throttling import OF_ACCOUNT, OF_ACCOUNT_FROM_ADDRESS, OF_ADDRESS, Limit
from user_service.store import throttles
from user_service.store.tables import AccountChange, SignInThrottle

WRONG = "not this one, I fear"


def attempt(
    needed: Dependencies, *, email: str = EMAIL, password: str = WRONG, address: str = "203.0.113.7", now: datetime
) -> type | int:
    """What came of an attempt: the seconds to wait, or the kind of the answer."""
    try:
        signed_in = jobs.sign_in_person(
            PersonSignIn(email=email, password=password), Origin(address, None), needed, now=now
        )
    except TooManyRequests as refused:
        return refused.retry_after or 0
    except (Unauthenticated, HashingBusy) as refused:
        return type(refused)
    return type(signed_in)


@given(attempts=st.integers(0, 10**9), limit=st.sampled_from([OF_ADDRESS, OF_ACCOUNT, OF_ACCOUNT_FROM_ADDRESS]))
def test_a_delay_grows_and_never_exceeds_minutes(attempts: int, limit: Limit) -> None:
    delay = limit.delay(attempts)
    assert timedelta() <= delay <= limit.delay(attempts + 1) <= timedelta(minutes=5)
    assert (delay == timedelta()) == (attempts <= limit.free)


def test_after_five_attempts_each_next_one_waits_twice_as_long(session: Session, needed: Dependencies) -> None:
    a_person(session)
    now, waited = MONDAY, []
    for _ in range(17):
        while isinstance(answer := attempt(needed, now=now), int):
            waited.append(answer)
            now += timedelta(seconds=answer)
        assert answer is Unauthenticated
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert attempt(needed, password=PASSWORD, now=now) == 300, "a right password passes no earlier"
    assert attempt(needed, password=PASSWORD, now=now + timedelta(seconds=300)) is SignedIn
    assert attempt(needed, now=now + timedelta(seconds=301)) is Unauthenticated, "and the counter begins anew"


def test_a_refused_attempt_delays_nothing_further(session: Session, needed: Dependencies) -> None:
    """Who waits as they were told gets in, however often somebody asked meanwhile."""
    a_person(session)
    answers = [attempt(needed, now=MONDAY) for _ in range(100)]
    assert Counter(answers) == {Unauthenticated: 6, 1: 94}
    assert attempt(needed, password=PASSWORD, now=MONDAY + timedelta(seconds=1)) is SignedIn


def test_whether_the_account_exists_changes_nothing(session: Session, needed: Dependencies) -> None:
    a_person(session)
    known, unknown = (
        [attempt(needed, email=email, address=address, now=MONDAY) for _ in range(10)]
        for email, address in ((EMAIL, "203.0.113.1"), ("nobody@example.org", "203.0.113.2"))
    )
    assert known == unknown


def test_an_attack_from_many_addresses_is_slowed_down_and_locks_nobody_out(
    session: Session, needed: Dependencies
) -> None:
    a_person(session)
    assert attempt(needed, password=PASSWORD, address="198.51.100.9", now=MONDAY) is SignedIn
    now = MONDAY + timedelta(hours=1)
    answers = [attempt(needed, address=f"10.0.{n // 250}.{n % 250}", now=now) for n in range(300)]
    assert answers.count(Unauthenticated) == OF_ACCOUNT.free + 1
    assert attempt(needed, password=PASSWORD, address="198.51.100.9", now=now) is SignedIn
    assert attempt(needed, password=PASSWORD, address="192.0.2.44", now=now) == 1, "from elsewhere a short wait"


@pytest.mark.slow
def test_an_attack_on_a_thousand_accounts_from_one_address_is_slowed_down(
    session: Session, needed: Dependencies
) -> None:
    a_person(session)
    assert attempt(needed, password=PASSWORD, now=MONDAY) is SignedIn
    now = MONDAY + timedelta(hours=1)
    answers = [attempt(needed, email=f"user{n}@example.org", now=now) for n in range(1000)]
    assert answers.count(Unauthenticated) == OF_ADDRESS.free + 1
    assert attempt(needed, password=PASSWORD, now=now) is SignedIn, "who is known there is not held up"
    assert attempt(needed, email="other@example.org", address="192.0.2.1", now=now) is Unauthenticated


def test_signing_in_oneself_does_not_reset_what_others_tried_from_there(session: Session, needed: Dependencies) -> None:
    """Else who has an account here could try all others as fast as they like."""
    a_person(session, email="mallory@example.org")
    now = MONDAY
    for n in range(70):
        wait = attempt(needed, email=f"user{n}@example.org", now=now)
        now += timedelta(seconds=wait if isinstance(wait, int) else 0)
        attempt(needed, email="mallory@example.org", password=PASSWORD, now=now)
    rows = session.query(SignInThrottle).populate_existing()
    assert max(row.attempts for row in rows) > OF_ADDRESS.free


def test_the_counters_name_nobody_and_are_forgotten(session: Session, needed: Dependencies) -> None:
    attempt(needed, now=MONDAY)
    stored = b"".join(bytes(row.key) for row in session.query(SignInThrottle))
    assert b"erika" not in stored
    assert b"203.0" not in stored
    assert throttling.forget_old(session, MONDAY + timedelta(hours=24)) == 0
    assert throttling.forget_old(session, MONDAY + timedelta(hours=24, seconds=1)) == 3


def test_429_says_when_to_come_again(client: FlaskClient, session: Session) -> None:
    def login(**headers: str) -> Any:
        return client.post("/api/auth/login", json={"email": EMAIL, "password": WRONG}, headers=headers)

    answers = [login() for _ in range(12)]
    last = answers[-1]
    assert (last.status_code, last.json["code"]) == (429, "sign_in.too_many_attempts")
    assert int(last.headers["Retry-After"]) >= 1
    assert "erika" not in last.text


@pytest.mark.parametrize("forged", ["203.0.113.9", "nonsense", ""])
def test_a_client_that_is_no_gateway_cannot_say_from_where_it_comes(
    client: FlaskClient, session: Session, forged: str
) -> None:
    def login(address: str) -> int:
        given = {"json": {"email": EMAIL, "password": WRONG}, "headers": {"X-Real-IP": address}}
        return client.post("/api/auth/login", **given, environ_base={"REMOTE_ADDR": "198.51.100.7"}).status_code

    assert [login(f"{forged}{n}" if n else forged) for n in range(8)].count(429) >= 1


@pytest.mark.parametrize("reason", [None, *SessionEnd])
def test_an_address_is_known_unless_its_session_had_to_be_ended(
    session: Session, needed: Dependencies, reason: SessionEnd | None
) -> None:
    """A thief's session, once it was ended, must not leave them the lower counters for a month."""
    person = a_person(session)
    assert attempt(needed, password=PASSWORD, now=MONDAY) is SignedIn
    if reason is not None:
        sessions.end(session, person.id, reason, by=None, now=MONDAY)
    signed_in_from_here = sign_in.has_signed_in_from(session, EMAIL, Origin("203.0.113.7", None))
    assert signed_in_from_here == (reason in (None, SessionEnd.SIGNED_OUT))


def test_an_attacker_with_a_whole_network_of_ipv6_is_one(client: FlaskClient, session: Session) -> None:
    """Every subscriber has 2^64 addresses, and more networks than one are counted apart."""

    def login(address: str) -> int:
        given = {"json": {"email": EMAIL, "password": WRONG}, "headers": {"X-Real-IP": address}}
        return client.post("/api/auth/login", **given).status_code

    assert [login(f"2001:db8:1:2:{n:x}::{n:x}") for n in range(8)].count(429) == 2
    assert login("2001:db8:1:3::1") == 401


@pytest.mark.slow
def test_attempts_at_colleagues_count_for_the_address_of_the_office(session: Session, needed: Dependencies) -> None:
    """All of them are known there, and none is held up by others; who is not known there is."""
    emails = [f"colleague{n}@example.org" for n in range(12)]
    for email in emails:
        a_person(session, email=email)
        assert attempt(needed, email=email, password=PASSWORD, now=MONDAY) is SignedIn
    now = MONDAY + timedelta(minutes=1)
    tried = [attempt(needed, email=email, now=now) for email in emails for _ in range(5)]
    assert tried == [Unauthenticated] * 60
    assert isinstance(attempt(needed, email="nobody@example.org", now=now), int)
    assert attempt(needed, email=emails[0], password=PASSWORD, now=now) is SignedIn


def test_the_present_password_is_tried_with_the_counters_of_a_sign_in(session: Session, needed: Dependencies) -> None:
    """Who has an access token, from however many addresses they come."""
    person = a_person(session)
    given = NewPassword(current_password=WRONG, new_password=NEW_PASSWORD)

    def change(n: int) -> type:
        origin = Origin(f"10.3.0.{n}", None)
        try:
            jobs.change_password(given, origin, needed, session_id=None, by=person.id, now=MONDAY)
        except (RuleBroken, TooManyRequests) as refused:
            return type(refused)
        raise AssertionError("the password was changed")

    assert Counter(change(n) for n in range(40)) == {RuleBroken: OF_ACCOUNT.free + 1, TooManyRequests: 19}
    assert attempt(needed, address="10.3.1.1", now=MONDAY) == 1


def delays(session: Session, account_id: UUID) -> list[str | None]:
    """What the log of an account says of delays."""
    found = session.query(AccountChange).filter_by(account_id=account_id, change="sign_in_delayed")
    return [row.detail for row in found.order_by(AccountChange.changed_at, AccountChange.id)]


def test_that_a_delay_began_is_in_the_log_of_the_account_once(session: Session, needed: Dependencies) -> None:
    person, now = a_person(session), MONDAY
    assert [attempt(needed, now=now) for _ in range(5)] == [Unauthenticated] * 5
    assert delays(session, person.id) == []
    for _ in range(8):
        assert attempt(needed, now=now) is Unauthenticated
        now += timedelta(seconds=attempt(needed, now=now))
    assert delays(session, person.id) == ["203.0.113.7"], "one delay, however often it was tried on"
    assert attempt(needed, password=PASSWORD, now=now) is SignedIn
    assert [attempt(needed, now=now) for _ in range(6)] == [Unauthenticated] * 6
    assert delays(session, person.id) == ["203.0.113.7"] * 2, "another one"


class TestAtOnce:
    """Each in a transaction of its own, on the real database."""

    @pytest.fixture(autouse=True)
    def _committed(self, real_commits: None) -> None:
        with transaction() as session:
            a_person(session)

    def test_of_many_attempts_at_one_account_exactly_the_limit_is_looked_at(self, roomy: Dependencies) -> None:
        """Counted before the password is looked at: else all would be tried before the first is counted."""
        answers = Counter(at_once([lambda: attempt(roomy, now=MONDAY)] * 30))
        looked_at = OF_ACCOUNT_FROM_ADDRESS.free + 1
        assert answers == {Unauthenticated: looked_at, 1: 30 - looked_at}
        assert attempt(roomy, password=PASSWORD, now=MONDAY + timedelta(seconds=1)) is SignedIn

    def test_a_storm_on_many_accounts_is_refused_and_never_fails(self, needed: Dependencies) -> None:
        def one(n: int) -> Any:
            return lambda: attempt(needed, email=f"user{n % 40}@example.org", address=f"10.1.0.{n % 7}", now=MONDAY)

        answers = at_once([one(n) for n in range(80)])
        assert set(map(type, answers)) <= {type, int}, answers
        assert {each for each in answers if isinstance(each, type)} <= {Unauthenticated, HashingBusy}

    def test_a_counter_that_is_removed_at_this_moment_counts_anew(self) -> None:
        old, key = MONDAY - timedelta(days=2), b"somebody"
        with transaction() as session:
            throttles.lock(session, [key], now=old)

        def prune(*_: Any) -> None:
            with ThreadPoolExecutor(1) as other, transaction() as session:
                other.submit(throttles.prune, session, before=MONDAY - timedelta(days=1)).result()

        with transaction() as session:
            event.listen(session.connection(), "after_cursor_execute", prune, once=True)
            rows = throttles.lock(session, [key, b"other"], now=MONDAY)
            assert [row.key for row in rows] == [b"other", key]

    def test_who_could_not_be_looked_at_is_not_counted(self, needed: Dependencies) -> None:
        with needed.passwords._turn(goes_first=False), needed.passwords._turn(goes_first=False):
            answers = at_once([lambda: attempt(needed, now=MONDAY)] * 6)
        assert set(answers) == {HashingBusy}
        with transaction() as session:
            assert {row.attempts for row in session.query(SignInThrottle)} == {0}
