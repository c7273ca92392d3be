"""Refresh tokens: each continues its session once, and one that is stolen ends it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from joserfc import jws
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.errors import Unauthenticated
from shared.runtime import clock
from shared.values.account_enums import SessionEnd
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.concurrency import at_once, while_uncommitted
from tests.conftest import MONDAY
from tests.user_service.conftest import CallAs
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import accounts, sessions
from user_service.domain.schemas import PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.sign_in import SignedIn
from user_service.store.tables import Account, RefreshToken, SignInSession

HERE = Origin("203.0.113.7", "Firefox")
SOON = MONDAY + timedelta(minutes=5)


def signed_in(needed: Dependencies, *, now: datetime = MONDAY) -> str:
    """The refresh token of somebody who signed in."""
    return jobs.sign_in_person(PersonSignIn(email=EMAIL, password=PASSWORD), HERE, needed, now=now).refresh_token


def renewed(token: str, needed: Dependencies, *, now: datetime = SOON) -> str:
    """The successor of a refresh token."""
    return jobs.renew_session(token, needed, now=now).refresh_token


def is_over(token: str, needed: Dependencies, *, now: datetime = SOON) -> bool:
    """Whether nobody can continue a session with this token."""
    try:
        jobs.renew_session(token, needed, now=now)
    except Unauthenticated as refused:
        return refused.code == "session.over"
    return False


@pytest.fixture
def account(session: Session) -> Account:
    """Somebody who can sign in."""
    return a_person(session)


def test_every_refresh_gives_a_new_token_and_moves_the_end_on(
    session: Session, account: Account, needed: Dependencies
) -> None:
    first = signed_in(needed)
    answer = jobs.renew_session(first, needed, now=SOON)
    assert answer.refresh_token != first
    assert answer.expires_at == SOON + timedelta(hours=12)
    assert not is_over(answer.refresh_token, needed, now=SOON + timedelta(minutes=5))
    stored = session.scalars(text("SELECT token_hash FROM refresh_tokens")).all()
    assert len(stored) == 3
    assert first.encode() not in b"".join(bytes(each) for each in stored)


def test_a_token_that_was_exchanged_before_ends_the_session(
    session: Session, account: Account, needed: Dependencies
) -> None:
    """One of two who have it stole it; nobody knows who, so both must sign in again."""
    first = signed_in(needed)
    second = renewed(first, needed)
    third = renewed(second, needed, now=SOON + timedelta(minutes=1))
    assert is_over(first, needed, now=SOON + timedelta(minutes=2))
    assert is_over(third, needed, now=SOON + timedelta(minutes=3))
    (row,) = session.query(SignInSession).populate_existing()
    assert row.end_reason == SessionEnd.TOKEN_REUSED


def test_the_same_token_again_at_once_gets_the_same_successor(account: Account, needed: Dependencies) -> None:
    """A response is lost on the way, or two tabs of one browser refresh: neither of them may be signed out."""
    first = signed_in(needed)
    second = renewed(first, needed)
    assert renewed(first, needed, now=SOON + timedelta(seconds=10)) == second
    assert not is_over(second, needed, now=SOON + timedelta(minutes=5))


@pytest.mark.parametrize("late", [timedelta(seconds=10, microseconds=1), timedelta(minutes=5), timedelta(hours=11)])
def test_later_it_is_a_stolen_one(account: Account, needed: Dependencies, late: timedelta) -> None:
    first = signed_in(needed)
    second = renewed(first, needed)
    assert is_over(first, needed, now=SOON + late)
    assert is_over(second, needed, now=SOON + late)


def test_within_these_seconds_too_once_its_successor_was_used(account: Account, needed: Dependencies) -> None:
    first = signed_in(needed)
    second = renewed(first, needed)
    third = renewed(second, needed, now=SOON + timedelta(seconds=1))
    assert is_over(first, needed, now=SOON + timedelta(seconds=2))
    assert is_over(third, needed, now=SOON + timedelta(seconds=2))


def test_another_session_of_the_same_person_goes_on(account: Account, needed: Dependencies) -> None:
    first, other = signed_in(needed), signed_in(needed)
    renewed(first, needed)
    assert is_over(first, needed, now=SOON + timedelta(hours=1))
    assert not is_over(other, needed, now=SOON + timedelta(hours=1))


def test_a_session_ends_without_use_and_at_last_in_any_case(account: Account, needed: Dependencies) -> None:
    assert is_over(signed_in(needed), needed, now=MONDAY + timedelta(hours=12))
    token, now = signed_in(needed), MONDAY
    while now < MONDAY + timedelta(days=13, hours=12):
        now += timedelta(hours=11)
        token = renewed(token, needed, now=now)
    assert is_over(token, needed, now=MONDAY + timedelta(days=14))


@pytest.mark.parametrize("token", ["", "nonsense", "a" * 5000, "🦊", "\x00"])
def test_what_is_no_token_continues_nothing(account: Account, needed: Dependencies, token: str) -> None:
    signed_in(needed)
    assert is_over(token, needed)


def test_who_is_deactivated_or_signed_out_by_others_cannot_continue(
    session: Session, account: Account, needed: Dependencies
) -> None:
    token = signed_in(needed)
    sessions.revoke(session, account.id, expected_versions=None, by=None, now=SOON)
    assert is_over(token, needed)
    token = signed_in(needed)
    a_person(session, email="other@example.org")
    accounts.delete(session, account.id, expected_versions=None, by=None, now=SOON)
    session.flush()
    assert is_over(token, needed)


def test_the_token_says_the_roles_that_count_now(session: Session, account: Account, needed: Dependencies) -> None:
    token = signed_in(needed)
    account.roles = ["auditor"]
    session.flush()
    answer = jobs.renew_session(token, needed, now=SOON)
    claims = jws.extract_compact(answer.access_token.access_token.encode()).payload
    assert b'"roles":["auditor"]' in bytes(claims).replace(b" ", b"")


def test_old_sessions_are_removed_with_their_tokens(session: Session, account: Account, needed: Dependencies) -> None:
    renewed(signed_in(needed), needed)
    ended = SOON + timedelta(hours=12)
    assert sessions.remove_old(session, now=ended + timedelta(days=30)) == 0
    assert sessions.remove_old(session, now=ended + timedelta(days=30, seconds=1)) == 1
    assert session.query(RefreshToken).count() == 0


class TestAtOnce:
    """Each in a transaction of its own, on the real database."""

    @pytest.fixture(autouse=True)
    def _committed(self, real_commits: None) -> None:
        with transaction() as session:
            a_person(session)

    def test_two_tabs_with_one_cookie_get_the_same_successor(self, needed: Dependencies) -> None:
        token = signed_in(needed)
        answers = at_once([lambda: jobs.renew_session(token, needed, now=SOON)] * 8)
        assert all(isinstance(answer, SignedIn) for answer in answers), answers
        (successor,) = {answer.refresh_token for answer in answers}
        assert not is_over(successor, needed, now=SOON + timedelta(minutes=5))
        with transaction() as session:
            assert session.query(RefreshToken).count() == 3

    def test_a_stolen_token_that_comes_twice_at_once_ends_the_session_once(self, needed: Dependencies) -> None:
        token = signed_in(needed)
        second = renewed(token, needed)
        late = SOON + timedelta(minutes=1)
        answers = at_once([lambda: jobs.renew_session(token, needed, now=late)] * 4)
        assert {type(answer) for answer in answers} == {Unauthenticated}
        assert is_over(second, needed, now=late)

    def test_who_is_deactivated_while_they_refresh_is_out(self, needed: Dependencies) -> None:
        token = signed_in(needed)
        with transaction() as session:
            a_person(session, email="other@example.org")
            account = session.query(Account).filter_by(email=EMAIL).one()

        def refresh(session: Session) -> None:
            assert sessions.renew(session, token, needed.sessions, needed.values, now=SOON)

        def deactivate() -> None:
            with transaction() as session:
                accounts.delete(session, account.id, expected_versions=None, by=None, now=clock.now())

        while_uncommitted(refresh, deactivate)
        assert is_over(needed.values.successor(token), needed)

    def test_a_request_goes_on_whose_session_ends_meanwhile_and_nothing_after_it(
        self, app: Flask, call_as: CallAs, needed: Dependencies
    ) -> None:
        """An access token counts until it runs out; the next one is refused."""
        token = signed_in(needed)
        with transaction() as session:
            account_id = session.query(Account).filter_by(email=EMAIL).one().id
            call_as(account_id, session_id=session.query(SignInSession).one().id)

        def end_all(session: Session) -> None:
            sessions.get_person(session, account_id, lock=True)  # the request waits for it
            sessions.revoke(session, account_id, expected_versions=None, by=None, now=SOON)

        answer = while_uncommitted(end_all, lambda: app.test_client().patch("/api/me", json={"name": "Erika Neu"}))
        assert (answer.status_code, answer.json["name"]) == (200, "Erika Neu")
        assert is_over(token, needed)
