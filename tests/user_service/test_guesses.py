"""Guesses at one-time passwords, storms of sign-ins with them, and responses that do not say who has an account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from shared.database import new_id, transaction
from shared.errors import PlatformError
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.builders.sign_ins import HOME, Device, a_device
from tests.concurrency import at_once
from tests.conftest import MONDAY
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import one_time_passwords
from user_service.domain.schemas import PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.throttling import OF_ACCOUNT, OF_ACCOUNT_FROM_ADDRESS, OF_ADDRESS, OF_ONE_TIME_PASSWORD
from user_service.store.tables import Account, AccountEmail

LATER = MONDAY + timedelta(hours=2)
ELSEWHERE = "192.0.2.9"
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
WRONG = "not this one, I fear"


def outcome(
    needed: Dependencies,
    otp: str | None = "000000",
    *,
    email: str = EMAIL,
    password: str = PASSWORD,
    address: str = ELSEWHERE,
) -> str:
    """`in`, or the code of the refusal."""
    given = PersonSignIn(email=email, password=password, otp=otp)
    try:
        jobs.sign_in_person(given, Origin(address, None), needed, now=LATER)
    except PlatformError as refused:
        return refused.code
    return "in"


@pytest.fixture
def device(session: Session, needed: Dependencies) -> Device:
    """The device of a person who has signed in at home."""
    return a_device(needed, a_person(session).id)


def test_who_knows_the_password_and_guesses_holds_up_nobody_at_home(device: Device, needed: Dependencies) -> None:
    """From wherever the guesses come: each address that is not the owner's counts into one counter."""
    guesses = Counter(outcome(needed, address=f"10.1.{n // 200}.{n % 200}") for n in range(60))
    assert guesses["sign_in.otp_refused"] == OF_ONE_TIME_PASSWORD.free + 1
    assert outcome(needed, device.shows(LATER), address=HOME.address) == "in"


def test_guesses_from_the_owners_own_address_are_slowed_down_too(device: Device, needed: Dependencies) -> None:
    guesses = Counter(outcome(needed, address=HOME.address) for _ in range(40))
    assert guesses["sign_in.otp_refused"] <= OF_ONE_TIME_PASSWORD.free + 1
    assert outcome(needed, device.shows(LATER), address=HOME.address) == "sign_in.too_many_attempts"


@pytest.mark.parametrize("guess", ["000000", "AAAA-BBBB-CCCC-DDDD"])
def test_a_guess_counts_as_an_attempt_to_sign_in(device: Device, needed: Dependencies, guess: str) -> None:
    """Else a right password would make one-time passwords free to guess at many accounts."""
    for _ in range(OF_ACCOUNT_FROM_ADDRESS.free + 1):
        assert outcome(needed, guess) == "sign_in.otp_refused"
    assert outcome(needed, None) == "sign_in.too_many_attempts", "also without one"


@pytest.mark.slow
def test_a_storm_on_a_thousand_accounts_with_one_time_passwords(
    session: Session, device: Device, needed: Dependencies
) -> None:
    """Somebody has found a thousand passwords, and guesses the rest from one address."""
    (owner,) = session.query(Account)
    session.add_all(_protected(n, owner, needed) for n in range(1000))
    session.flush()
    answers = Counter(outcome(needed, email=f"user{n}@example.org") for n in range(1000))
    assert answers["sign_in.otp_refused"] == OF_ADDRESS.free + 1
    assert answers["sign_in.too_many_attempts"] == 1000 - OF_ADDRESS.free - 1
    assert outcome(needed, device.shows(LATER), address=HOME.address) == "in"


def _protected(number: int, like: Account, needed: Dependencies) -> Account:
    """Another account with the password of this one, and with one-time passwords."""
    email = f"user{number}@example.org"
    new = Account(id=new_id(), kind="person", name="Ada", email=email, email_key=email, roles=["caller"])
    new.password_hash, new.otp_confirmed_at = like.password_hash, MONDAY
    new.otp_secret = needed.values.box.encrypt(KEY.encode(), one_time_passwords._owner(new))
    new.version, new.created_at, new.updated_at = 1, MONDAY, MONDAY
    return new


class TestAtOnce:
    """Each in a transaction of its own, on the real database."""

    def test_of_many_guesses_exactly_the_limit_is_looked_at(self, real_commits: None, roomy: Dependencies) -> None:
        with transaction() as session:
            account_id = a_person(session).id
        device = a_device(roomy, account_id)
        guesses = [partial(outcome, roomy, address=f"198.51.100.{n}") for n in range(30)]
        looked_at = OF_ONE_TIME_PASSWORD.free + 1
        assert looked_at < OF_ACCOUNT.free, "else passwords are what is limited here"
        assert Counter(at_once(guesses)) == {
            "sign_in.otp_refused": looked_at,
            "sign_in.too_many_attempts": 30 - looked_at,
        }
        assert outcome(roomy, device.shows(LATER), address=HOME.address) == "in"


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    """What the database is asked meanwhile, without the values."""
    asked: list[str] = []

    def note(*given: object) -> None:
        asked.append(re.sub(r"sa_savepoint_\d+", "", str(given[2])))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(connection, "before_cursor_execute", note)


WHO = ["erika@example.org", "closed@example.org", "invited@example.org", "plain@example.org", "nobody@example.org"]


@pytest.fixture
def everybody(session: Session, device: Device) -> None:
    """Accounts of every state beside that with one-time passwords."""
    a_person(session, email="closed@example.org", active=False)
    a_person(session, email="invited@example.org", password=None)
    a_person(session, email="plain@example.org")


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/password-resets"])
def test_neither_words_nor_work_say_whether_there_is_an_account(
    client: FlaskClient, connection: Connection, everybody: None, path: str
) -> None:
    """The same statements take the same time; a password is checked against a hash also where there is none."""
    seen = []
    for number, email in enumerate(WHO):
        body = {"email": email} | ({"password": WRONG, "otp": "123456"} if path.endswith("login") else {})
        with statements(connection) as asked:
            answer = client.post(path, json=body, environ_base={"REMOTE_ADDR": f"198.51.100.{number}"})
        shown = answer.get_json(silent=True) or {}
        shown.pop("correlation_id", None)
        seen.append((answer.status_code, shown, asked))
    assert seen == [seen[0]] * len(WHO)
    assert len(seen[0][2]) >= 3


def test_a_reset_writes_the_same_for_everybody(client: FlaskClient, session: Session, everybody: None) -> None:
    for email in WHO:
        assert client.post("/api/auth/password-resets", json={"email": email}).status_code == 204
    rows = session.query(AccountEmail).filter_by(kind="password_reset")
    assert {(row.account_id, row.email_key) for row in rows} == {(None, email) for email in WHO}
