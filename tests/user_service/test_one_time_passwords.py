"""One-time passwords and recovery codes: turned on, needed, used once, counted, turned off."""

from __future__ import annotations

from base64 import b32decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import pyotp
import pytest
from cryptography.exceptions import InvalidTag
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from shared.errors import Conflict, Forbidden, PlatformError, RuleBroken, TooManyRequests, Unauthenticated
from shared.runtime import clock
from shared.values.account_enums import OneTimeTokenPurpose
from shared.values.enums import Role
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.builders.sign_ins import HOME, NEW_PASSWORD, Device, a_device, newest_session, sign_in
from tests.conftest import MONDAY
from tests.user_service.conftest import CallAs
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import links
from user_service.domain.one_time_passwords import step_of
from user_service.domain.schemas import OtpSetup, PasswordChoice, PersonSignIn
from user_service.domain.sessions import Origin
from user_service.domain.throttling import OF_ONE_TIME_PASSWORD
from user_service.store.tables import Account, AccountChange, RecoveryCode, SignInSession, SignInThrottle

STEP = timedelta(seconds=30)
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LATER = MONDAY + timedelta(hours=2)


@pytest.fixture
def person(session: Session) -> Account:
    """A person who can sign in."""
    return a_person(session)


@pytest.fixture
def device(person: Account, needed: Dependencies) -> Device:
    """The device of that person, who turned one-time passwords on on MONDAY."""
    return a_device(needed, person.id)


def outcome(needed: Dependencies, otp: str | None, *, now: datetime, **more: str) -> str:
    """`in`, or the code of the refusal."""
    try:
        sign_in(needed, otp=otp, now=now, **more)
    except PlatformError as refused:
        return refused.code
    return "in"


def set_up(needed: Dependencies, account: Account, otp: str | None = None, *, now: datetime) -> Any:
    """Begin or confirm in the newest session."""
    session_id = newest_session(account.id)
    return jobs.set_up_otp(OtpSetup(otp=otp), needed, session_id=session_id, by=account.id, now=now)


def test_the_key_is_shown_as_text_and_as_an_image(person: Account, needed: Dependencies) -> None:
    sign_in(needed, now=MONDAY)
    shown = set_up(needed, person, now=MONDAY)
    uri = urlsplit(shown.uri)
    asked = parse_qs(uri.query)
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == (
        "otpauth",
        "totp",
        f"/Vermittlung von Therapieplätzen:{EMAIL}",
    )
    assert asked == {"secret": [shown.secret], "issuer": ["Vermittlung von Therapieplätzen"]}
    assert len(b32decode(shown.secret)) == 20, "as RFC 4226 wants it"
    assert shown.qr_code.startswith("data:image/svg+xml")
    assert shown.recovery_codes is None


def test_what_was_begun_is_not_needed_before_it_is_confirmed(person: Account, needed: Dependencies) -> None:
    sign_in(needed, now=MONDAY)
    first, second = (set_up(needed, person, now=MONDAY) for _ in range(2))
    assert outcome(needed, None, now=MONDAY) == "in"
    with pytest.raises(RuleBroken):
        set_up(needed, person, Device(first.secret, []).shows(MONDAY), now=MONDAY)
    assert len(set_up(needed, person, Device(second.secret, []).shows(MONDAY), now=MONDAY).recovery_codes) == 10
    assert outcome(needed, None, now=LATER) == "sign_in.otp_needed"


def test_the_password_alone_is_not_enough(device: Device, needed: Dependencies) -> None:
    assert outcome(needed, None, now=LATER) == "sign_in.otp_needed"
    assert outcome(needed, device.shows(LATER), now=LATER) == "in"


def test_whether_one_is_needed_is_said_to_those_who_know_the_password(device: Device, needed: Dependencies) -> None:
    for otp in (None, device.shows(LATER), "000000"):
        assert outcome(needed, otp, password="not this one, I fear", now=LATER) == "sign_in.refused"
        assert outcome(needed, otp, email="nobody@example.org", now=LATER) == "sign_in.refused"


def test_none_is_accepted_twice(device: Device, needed: Dependencies) -> None:
    otp = device.shows(LATER)
    assert outcome(needed, otp, now=LATER) == "in"
    assert outcome(needed, otp, now=LATER) == "sign_in.otp_refused"
    assert outcome(needed, device.shows(LATER - STEP), now=LATER) == "sign_in.otp_refused", "nor one before it"
    assert outcome(needed, device.shows(LATER + STEP), now=LATER) == "in"


def test_the_one_that_confirmed_the_key_is_used_up(device: Device, needed: Dependencies) -> None:
    assert outcome(needed, device.shows(MONDAY), now=MONDAY) == "sign_in.otp_refused"


@given(seconds=st.integers(-200, 200), used=st.none() | st.integers(-3, 3), at=st.integers(10**9, 10**10))
def test_a_clock_may_be_wrong_by_half_a_minute(seconds: int, used: int | None, at: int) -> None:
    """Accepted is what belongs to this step, the one before and the one after, unless one as late was accepted."""
    now, this_step = datetime.fromtimestamp(at, UTC), at // 30
    after = None if used is None else this_step + used
    shown = pyotp.TOTP(KEY).at(now + timedelta(seconds=seconds))
    near = [this_step + n for n in (-1, 0, 1) if after is None or this_step + n > after]
    counts = [step for step in near if pyotp.TOTP(KEY).at(step * 30) == shown]
    assert step_of(KEY, shown, after=after, now=now) == (counts[0] if counts else None)


@pytest.mark.parametrize("otp", ["000 000", "1", "1" * 40, "١٢٣٤٥٦", "🦊", "-1", "NaN", "' OR 1=1"])
def test_what_is_no_one_time_password_is_refused(device: Device, needed: Dependencies, otp: str) -> None:
    assert outcome(needed, otp, now=LATER) == "sign_in.otp_refused"


def test_blanks_are_how_apps_show_it(device: Device, needed: Dependencies) -> None:
    shown = device.shows(LATER)
    assert outcome(needed, f"{shown[:3]} {shown[3:]}", now=LATER) == "in"


@pytest.mark.parametrize("write", [str, str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} "])
def test_a_recovery_code_counts_once_however_it_is_written(
    session: Session, person: Account, device: Device, needed: Dependencies, write: Any
) -> None:
    code, other, *_ = device.recovery_codes
    assert outcome(needed, write(code), now=LATER) == "in"
    assert outcome(needed, write(code), now=LATER) == "sign_in.otp_refused"
    assert outcome(needed, write(other), now=LATER) == "in"
    log = session.query(AccountChange).filter_by(account_id=person.id, change="recovery_code_used")
    assert log.count() == 2


def test_codes_of_others_do_not_count(session: Session, device: Device, needed: Dependencies) -> None:
    other = a_person(session, email="other@example.org")
    sign_in(needed, email="other@example.org", now=MONDAY)
    key = set_up(needed, other, now=MONDAY).secret
    set_up(needed, other, Device(key, []).shows(MONDAY), now=MONDAY)
    code = device.recovery_codes[0]
    assert outcome(needed, code, email="other@example.org", now=LATER) == "sign_in.otp_refused"
    assert outcome(needed, code, now=LATER) == "in"


def test_what_is_stored_shows_neither_key_nor_codes(session: Session, person: Account, device: Device) -> None:
    session.refresh(person)
    assert person.otp_secret is not None
    assert device.key.encode() not in person.otp_secret
    assert b32decode(device.key) not in person.otp_secret
    stored = b"".join(bytes(row.code_hash) for row in session.query(RecoveryCode))
    assert len(stored) == 10 * 32
    assert not [code for code in device.recovery_codes if code.encode() in stored]


def test_the_key_of_one_account_is_useless_in_the_row_of_another(
    session: Session, person: Account, device: Device, needed: Dependencies
) -> None:
    other = a_person(session, email="other@example.org")
    session.refresh(person)
    other.otp_secret, other.otp_confirmed_at = person.otp_secret, MONDAY
    session.flush()
    with pytest.raises(InvalidTag):
        sign_in(needed, email="other@example.org", otp=device.shows(LATER), now=LATER)


def test_guesses_are_counted_and_slowed_down(device: Device, needed: Dependencies) -> None:
    """By whoever knows the password: also when every guess comes after a pause."""
    now, looked_at = LATER, 0
    while now < LATER + timedelta(days=1):
        try:
            sign_in(needed, otp="000000", now=now)
        except Unauthenticated:
            looked_at += 1
        except TooManyRequests as refused:
            now += timedelta(seconds=refused.retry_after or 1)
    assert looked_at < 60
    assert looked_at > OF_ONE_TIME_PASSWORD.free


@pytest.mark.parametrize("known", [True, False])
def test_a_new_password_ends_the_delay_of_who_knew_the_old_one(
    session: Session, person: Account, device: Device, needed: Dependencies, known: bool
) -> None:
    origin = HOME if known else Origin("198.51.100.77", None)

    def try_it(password: str, otp: str) -> str:
        given = PersonSignIn(email=EMAIL, password=password, otp=otp)
        try:
            jobs.sign_in_person(given, origin, needed, now=LATER)
        except (Unauthenticated, TooManyRequests) as refused:
            return refused.code
        return "in"

    tried = [try_it(PASSWORD, "000000") for _ in range(8)]
    assert tried[-1] == "sign_in.too_many_attempts"
    assert "one-time password" in [row.detail for row in session.query(AccountChange)]
    purpose = OneTimeTokenPurpose.PASSWORD_RESET
    token = links.issue(session, person, purpose, lifetime=timedelta(hours=1), now=LATER)
    chosen = PasswordChoice(token=token, new_password=NEW_PASSWORD)
    jobs.choose_password(chosen, purpose, origin, needed, now=LATER)
    assert try_it(NEW_PASSWORD, device.shows(LATER)) == "in"


def test_the_right_one_sets_the_counter_back(device: Device, needed: Dependencies) -> None:
    for n in range(3):
        now = LATER + n * timedelta(minutes=1)
        assert [outcome(needed, "000000", now=now) for _ in range(4)] == ["sign_in.otp_refused"] * 4
        assert outcome(needed, device.shows(now), now=now) == "in"


def test_asking_whether_one_is_needed_counts_as_no_attempt(
    session: Session, device: Device, needed: Dependencies
) -> None:
    """Signing in takes two steps then; an office that does so all day must not slow itself down."""
    for _ in range(70):
        assert outcome(needed, None, now=LATER) == "sign_in.otp_needed"
    assert {row.attempts for row in session.query(SignInThrottle).populate_existing()} == {0}


def test_only_a_recent_sign_in_may_change_how_one_signs_in(person: Account, needed: Dependencies) -> None:
    """An open browser, or a stolen access token, is not enough."""
    sign_in(needed, now=MONDAY)
    set_up(needed, person, now=MONDAY + timedelta(minutes=15))
    with pytest.raises(Forbidden) as refused:
        set_up(needed, person, now=MONDAY + timedelta(minutes=15, seconds=1))
    assert refused.value.code == "session.not_recent"


@pytest.mark.parametrize("which", ["none", "unknown", "of somebody else", "ended"])
def test_a_session_that_is_not_ones_own_is_not_enough(
    session: Session, person: Account, needed: Dependencies, which: str
) -> None:
    a_person(session, email="other@example.org")
    sign_in(needed, email="other@example.org", now=MONDAY)
    (others,) = (row.id for row in session.query(SignInSession))
    sign_in(needed, now=MONDAY)
    mine = newest_session(person.id)
    if which == "ended":
        row = session.get(SignInSession, mine)
        assert row is not None
        row.ended_at, row.end_reason = MONDAY, "revoked"
        session.flush()
    session_id = {"none": None, "unknown": uuid4(), "of somebody else": others, "ended": mine}[which]
    with pytest.raises(Forbidden):
        jobs.set_up_otp(OtpSetup(), needed, session_id=session_id, by=person.id, now=MONDAY)


def test_what_counts_is_not_replaced(person: Account, device: Device, needed: Dependencies) -> None:
    for otp in (None, device.shows(MONDAY + STEP)):
        with pytest.raises(Conflict) as refused:
            set_up(needed, person, otp, now=MONDAY)
        assert refused.value.code == "otp.enabled_before"


def test_what_was_not_begun_is_not_confirmed(person: Account, needed: Dependencies) -> None:
    sign_in(needed, now=MONDAY)
    with pytest.raises(Conflict) as refused:
        set_up(needed, person, "000000", now=MONDAY)
    assert refused.value.code == "otp.not_begun"


class TestOverHttp:
    """With the clock of the server."""

    @pytest.fixture
    def signed_in(self, person: Account, client: FlaskClient, call_as: CallAs) -> None:
        assert client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
        call_as(person.id, Role.ADMIN, session_id=newest_session(person.id))

    @pytest.fixture
    def on(self, signed_in: None, client: FlaskClient) -> Any:
        """What was shown when they were turned on."""
        shown: Any = client.post("/api/me/otp", json={}).json
        otp = Device(shown["secret"], []).shows(clock.now())
        answer = client.post("/api/me/otp", json={"otp": otp})
        assert answer.status_code == 200, answer.text
        return shown | {"recovery_codes": answer.json["recovery_codes"]}

    def test_they_are_turned_on_and_needed(self, on: Any, client: FlaskClient) -> None:
        shown = client.get("/api/me").json
        assert (shown["otp_enabled"], shown["recovery_codes_left"]) == (True, 10)
        answer = client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD})
        assert (answer.status_code, answer.json["code"]) == (401, "sign_in.otp_needed")
        given = {"email": EMAIL, "password": PASSWORD, "otp": on["recovery_codes"][0]}
        assert client.post("/api/auth/login", json=given).status_code == 200
        assert client.get("/api/me").json["recovery_codes_left"] == 9

    def test_they_are_turned_off(self, on: Any, client: FlaskClient, session: Session) -> None:
        proof = {"otp": Device(on["secret"], []).shows(clock.now() + STEP)}
        assert client.delete("/api/me/otp", json=proof, headers={"If-Match": '"1"'}).status_code == 412
        assert client.delete("/api/me/otp", json=proof).status_code == 204
        assert client.delete("/api/me/otp").status_code == 204, "they are off"
        shown = client.get("/api/me").json
        assert (shown["otp_enabled"], shown["recovery_codes_left"]) == (False, 0)
        assert client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD}).status_code == 200
        assert session.query(RecoveryCode).count() == 0

    def test_a_recovery_code_turns_them_off_too(self, on: Any, client: FlaskClient) -> None:
        assert client.delete("/api/me/otp", json={"otp": on["recovery_codes"][0].lower()}).status_code == 204
        assert client.get("/api/me").json["otp_enabled"] is False

    @pytest.mark.parametrize("given", [None, {}, {"otp": "000000"}, {"otp": "AAAA-AAAA-AAAA-AAAA"}, "the one before"])
    def test_a_stolen_session_does_not_turn_them_off(self, on: Any, client: FlaskClient, given: Any) -> None:
        """A thief would let a device of their own count next."""
        sent = {"otp": Device(on["secret"], []).shows(clock.now())} if given == "the one before" else given
        answer = client.delete("/api/me/otp", json=sent)
        assert (answer.status_code, answer.json["code"]) == (422, "otp.wrong")
        assert answer.json["errors"][0]["field"] == "otp"
        shown = client.get("/api/me").json
        assert (shown["otp_enabled"], shown["recovery_codes_left"]) == (True, 10)

    def test_guesses_at_turning_them_off_are_counted(self, on: Any, client: FlaskClient) -> None:
        answers = [client.delete("/api/me/otp", json={"otp": "000000"}) for _ in range(8)]
        assert [each.status_code for each in answers[:5]] == [422] * 5
        assert answers[-1].status_code == 429
        assert "Retry-After" in answers[-1].headers

    def test_an_administrator_turns_them_off_for_who_lost_the_device(
        self, on: Any, client: FlaskClient, person: Account, call_as: CallAs
    ) -> None:
        call_as()
        assert client.delete(f"/api/users/{person.id}/otp").status_code == 204
        assert client.get(f"/api/users/{person.id}").json["otp_enabled"] is False

    def test_an_administrator_shows_the_device_for_their_own(
        self, on: Any, client: FlaskClient, person: Account
    ) -> None:
        """Else a stolen session of theirs would be enough after all."""
        answer = client.delete(f"/api/users/{person.id}/otp")
        assert (answer.status_code, answer.json["code"]) == (403, "otp.own")
        assert client.get("/api/me").json["otp_enabled"] is True

    def test_a_deleted_account_has_none(
        self, on: Any, client: FlaskClient, person: Account, call_as: CallAs, session: Session
    ) -> None:
        a_person(session, email="other@example.org")
        call_as()
        assert client.delete(f"/api/users/{person.id}").status_code == 204
        session.refresh(person)
        assert (person.otp_secret, person.otp_confirmed_at, person.otp_last_step) == (None, None, None)
        assert session.query(RecoveryCode).count() == 0

    def test_a_wrong_one_names_the_field(self, signed_in: None, client: FlaskClient) -> None:
        client.post("/api/me/otp", json={})
        answer = client.post("/api/me/otp", json={"otp": "0"})
        assert (answer.status_code, answer.json["code"]) == (422, "otp.wrong")
        assert answer.json["errors"][0]["field"] == "otp"
