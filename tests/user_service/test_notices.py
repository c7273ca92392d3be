"""Who changes how one signs in may be somebody else: the owner of the account is told by e-mail, without any secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.values.account_enums import OneTimeTokenPurpose
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.builders.sign_ins import NEW_PASSWORD, Device, a_device, newest_session, sign_in
from tests.fakes.smtp import FakeMailServer
from tests.user_service.conftest import CallAs, SendDue
from user_service.dependencies import Dependencies
from user_service.domain import links
from user_service.store.tables import Account, AccountChange, AccountEmail

PASSWORD_CHANGED = "Ihr Passwort wurde geändert / Your password was changed"
ON = "Einmalpasswörter sind eingeschaltet / One-time passwords are on"
OFF = "Einmalpasswörter sind ausgeschaltet / One-time passwords are off"
EMAIL_CHANGED = "Ihre E-Mail-Adresse wurde geändert / Your e-mail address was changed"
CODE_USED = "Ein Wiederherstellungscode wurde benutzt / A recovery code was used"


@pytest.fixture
def person(session: Session) -> Account:
    """A person who can sign in."""
    return a_person(session)


@pytest.fixture
def sent(catcher: FakeMailServer, send: SendDue) -> Callable[[], list[EmailMessage]]:
    """Sends what waits and returns what arrived since the last time."""

    def send_all() -> list[EmailMessage]:
        catcher.envelopes.clear()
        while send(clock.now()):
            pass
        return catcher.messages

    return send_all


Sent = Callable[[], list[EmailMessage]]


def change_password(client: FlaskClient, old: str, new: str) -> int:
    """The status of a change of one's own password."""
    given = {"current_password": old, "new_password": new}
    return client.post("/api/me/password", json=given).status_code


@pytest.fixture
def device(person: Account, needed: Dependencies, sent: Sent) -> Device:
    """The device of that person; what was sent when it was turned on is over."""
    made = a_device(needed, person.id, now=clock.now())
    assert [mail["Subject"] for mail in sent()] == [ON]
    return made


def test_a_changed_password(
    client: FlaskClient, person: Account, call_as: CallAs, sent: Sent, needed: Dependencies
) -> None:
    call_as(person.id)
    assert change_password(client, PASSWORD, NEW_PASSWORD) == 204
    (mail,) = sent()
    assert (mail["To"], mail["Subject"]) == (EMAIL, PASSWORD_CHANGED)
    text = mail.get_content().replace("\r\n", "\n")
    assert "Guten Tag Erika Musterfrau,\n\ndas Passwort Ihres Kontos wurde geändert. Das war am " in text
    assert text.count(f"{needed.public_url}/reset-password\n") == 2
    assert "token" not in text
    assert PASSWORD not in text
    assert NEW_PASSWORD not in text


def test_each_change_has_an_e_mail_of_its_own(
    client: FlaskClient, person: Account, call_as: CallAs, sent: Sent
) -> None:
    """Else somebody could change a password unnoticed, right after its owner did."""
    call_as(person.id)
    assert change_password(client, PASSWORD, NEW_PASSWORD) == 204
    assert change_password(client, NEW_PASSWORD, PASSWORD) == 204
    assert [mail["Subject"] for mail in sent()] == [PASSWORD_CHANGED] * 2


def test_a_password_that_was_reset(client: FlaskClient, session: Session, person: Account, sent: Sent) -> None:
    purpose = OneTimeTokenPurpose.PASSWORD_RESET
    token = links.issue(session, person, purpose, lifetime=timedelta(hours=1), now=clock.now())
    given = {"token": token, "new_password": NEW_PASSWORD}
    assert client.post("/api/auth/password-resets/complete", json=given).status_code == 204
    (mail,) = sent()
    assert mail["Subject"] == PASSWORD_CHANGED
    assert token not in mail.as_string()


def test_a_recovery_code_that_was_used(device: Device, needed: Dependencies, sent: Sent) -> None:
    code = device.recovery_codes[0]
    sign_in(needed, otp=code, now=clock.now())
    (mail,) = sent()
    assert mail["Subject"] == CODE_USED
    assert code not in mail.get_content()


@pytest.mark.parametrize("by", ["its owner", "an administrator"])
def test_one_time_passwords_that_were_turned_off(
    client: FlaskClient, person: Account, device: Device, call_as: CallAs, sent: Sent, by: str
) -> None:
    path = "/api/me/otp" if by == "its owner" else f"/api/users/{person.id}/otp"
    proof = {}
    if by == "its owner":
        call_as(person.id, session_id=newest_session(person.id))
        proof = {"otp": device.shows(clock.now() + timedelta(seconds=30))}
    else:
        call_as()
    assert client.delete(path, json=proof).status_code == 204
    (mail,) = sent()
    assert (mail["To"], mail["Subject"]) == (EMAIL, OFF)
    assert client.delete(path).status_code == 204
    assert sent() == [], "nothing was changed"


def test_a_changed_address(client: FlaskClient, session: Session, person: Account, call_as: CallAs, sent: Sent) -> None:
    """Each old address hears of it, whatever happens to the account right after it; the new one does not."""
    a_person(session, email="boss@example.org")
    call_as()
    url = f"/api/users/{person.id}"
    for email in ("second@example.org", "third@example.org"):
        assert client.patch(url, json={"email": email}).status_code == 200
    assert client.patch(url, json={"active": False}).status_code == 200
    mails = sent()
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [
        (EMAIL, EMAIL_CHANGED),
        ("second@example.org", EMAIL_CHANGED),
    ]
    assert "third" not in "".join(mail.as_string() for mail in mails)


def test_what_changed_nothing_is_not_said(
    client: FlaskClient, session: Session, person: Account, needed: Dependencies, call_as: CallAs, sent: Sent
) -> None:
    sign_in(needed, now=clock.now())
    call_as(person.id)
    assert change_password(client, "not this one, I fear", NEW_PASSWORD) == 422
    assert client.patch("/api/me", json={"name": "Erika Neu"}).status_code == 200
    assert session.query(AccountEmail).count() == 0
    assert sent() == []


def test_who_is_gone_is_told_nothing(
    client: FlaskClient, session: Session, person: Account, call_as: CallAs, sent: Sent
) -> None:
    a_person(session, email="other@example.org")
    call_as(person.id)
    assert change_password(client, PASSWORD, NEW_PASSWORD) == 204
    call_as()
    assert client.delete(f"/api/users/{person.id}").status_code == 204
    assert sent() == []
    assert session.query(AccountEmail).count() == 0
    assert session.query(AccountChange).filter_by(account_id=person.id, change="email_failed").count() == 0
