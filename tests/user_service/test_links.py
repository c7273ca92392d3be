"""Invitations and password resets over HTTP: the link that was sent, used once, and everything that is no such link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.values.account_enums import OneTimeTokenPurpose
from tests.builders.accounts import EMAIL, PASSWORD, a_machine, a_person
from tests.builders.sign_ins import NEW_PASSWORD, token_in
from tests.fakes.smtp import FakeMailServer
from tests.user_service.conftest import CallAs, SendDue
from user_service.domain import links
from user_service.store.tables import Account, AccountChange, AccountEmail, OneTimeToken, SignInSession

RESETS = "/api/auth/password-resets"
COMPLETE = f"{RESETS}/complete"
ACCEPT = "/api/auth/invitations/accept"
INVITATION, RESET = OneTimeTokenPurpose.INVITATION, OneTimeTokenPurpose.PASSWORD_RESET


def login(client: FlaskClient, password: str = PASSWORD, **headers: str) -> int:
    """The status of a sign-in."""
    return client.post("/api/auth/login", json={"email": EMAIL, "password": password}, headers=headers).status_code


def use(client: FlaskClient, token: object, password: str = NEW_PASSWORD, where: str = COMPLETE) -> Any:
    """The response to a link that is used."""
    return client.post(where, json={"token": token, "new_password": password})


def a_link(session: Session, account: Account, purpose: OneTimeTokenPurpose = RESET, minutes: float = 60) -> str:
    """The token of a link that was sent to this account."""
    return links.issue(session, account, purpose, lifetime=timedelta(minutes=minutes), now=clock.now())


def test_who_is_invited_chooses_a_password_and_signs_in(
    client: FlaskClient, session: Session, call_as: CallAs, catcher: FakeMailServer, send: SendDue
) -> None:
    person = a_person(session, password=None, roles=["caller"])
    admin = call_as()
    answer = client.post(f"/api/users/{person.id}/invite")
    assert (answer.status_code, answer.json["id"]) == (202, str(person.id))
    assert answer.headers["Location"] == f"/api/users/{person.id}"
    assert login(client) == 401
    assert (send(clock.now()), send(clock.now())) == (1, 0)
    (mail,) = catcher.messages
    token = token_in(mail)
    assert (mail["To"], mail["Subject"]) == (EMAIL, "Ihre Einladung / Your invitation")
    assert use(client, token, where=ACCEPT).status_code == 204
    assert login(client, NEW_PASSWORD) == 200
    assert client.get(f"/api/users/{person.id}").json["has_password"]
    log = {row.change: row.changed_by for row in session.query(AccountChange).filter_by(account_id=person.id)}
    assert log == {
        "created": None,
        "invited": admin.id,
        "email_sent": None,
        "invitation_accepted": person.id,
        "signed_in": person.id,
    }


def test_who_forgot_the_password_chooses_another_one(
    client: FlaskClient, session: Session, catcher: FakeMailServer, send: SendDue
) -> None:
    a_person(session)
    assert login(client) == 200
    assert client.post(RESETS, json={"email": "ERIKA@example.org"}).status_code == 204
    assert send(clock.now()) == 1
    (mail,) = catcher.messages
    assert (mail["To"], mail["Subject"]) == (EMAIL, "Neues Passwort / New password")
    assert login(client) == 200, "the old password counts until there is a new one"
    assert use(client, token_in(mail)).status_code == 204
    assert (login(client), login(client, NEW_PASSWORD)) == (401, 200)
    ended = session.query(SignInSession).filter(SignInSession.ended_at.is_not(None)).populate_existing()
    assert {each.end_reason for each in ended} == {"password_changed"}


def test_the_response_to_a_reset_does_not_say_whether_the_account_exists(client: FlaskClient, session: Session) -> None:
    a_person(session)
    a_person(session, email="closed@example.org", active=False)
    a_person(session, email="invited@example.org", password=None)
    answers = [
        client.post(RESETS, json={"email": email})
        for email in (EMAIL, "closed@example.org", "invited@example.org", "nobody@example.org")
    ]
    changing = {"X-Correlation-Id", "Date"}
    shown = [(each.status_code, each.data, {k: v for k, v in each.headers if k not in changing}) for each in answers]
    assert shown == [shown[0]] * 4
    assert session.query(AccountEmail).count() == 4, "nothing was looked up, so the time says nothing either"


def test_who_has_no_account_or_a_closed_one_gets_nothing(
    client: FlaskClient, session: Session, catcher: FakeMailServer, send: SendDue
) -> None:
    a_person(session, email="closed@example.org", active=False)
    for email in ("closed@example.org", "nobody@example.org"):
        client.post(RESETS, json={"email": email})
    assert send(clock.now()) == 0
    assert (catcher.messages, session.query(AccountEmail).count()) == ([], 0)


def test_what_is_stored_lets_nobody_in(
    client: FlaskClient, session: Session, catcher: FakeMailServer, send: SendDue
) -> None:
    a_person(session)
    client.post(RESETS, json={"email": EMAIL})
    send(clock.now())
    token = token_in(catcher.messages[0])
    (row,) = session.query(OneTimeToken)
    assert bytes(row.token_hash) != token.encode()
    assert len(token) == 43, "256 random bits"
    assert use(client, row.token_hash.hex()).status_code == 422


HOSTILE = {
    "nothing": "",
    "a guess": "A" * 43,
    "one too many": "a" * 201,
    "a megabyte": "a" * 900_000,
    "NUL": "a\x00",
    "emoji": "🦊" * 43,
    "no text": 5,
    "a list": ["a"],
    "null": None,
}


@pytest.mark.parametrize("where", [ACCEPT, COMPLETE])
@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_token_is_refused(client: FlaskClient, session: Session, where: str, token: Any) -> None:
    a_link(session, a_person(session))
    answer = use(client, token, where=where)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "token")
    assert login(client) == 200


def test_a_link_is_used_once_and_ends_all_others(client: FlaskClient, session: Session) -> None:
    person = a_person(session)
    first, second = a_link(session, person), a_link(session, person)
    assert use(client, first).status_code == 204
    for token in (first, second):
        answer = use(client, token, "noch andere Wörter Gurke")
        assert (answer.status_code, answer.json["code"]) == (422, "link.over")
    assert login(client, NEW_PASSWORD) == 200


def test_a_link_runs_out(client: FlaskClient, session: Session) -> None:
    assert use(client, a_link(session, a_person(session), minutes=-0.01)).json["code"] == "link.over"


@pytest.mark.parametrize(("purpose", "where"), [(INVITATION, COMPLETE), (RESET, ACCEPT)])
def test_a_link_is_for_its_purpose_alone(
    client: FlaskClient, session: Session, purpose: OneTimeTokenPurpose, where: str
) -> None:
    assert use(client, a_link(session, a_person(session), purpose), where=where).json["code"] == "link.over"


def test_a_weak_password_does_not_use_up_the_link(client: FlaskClient, session: Session) -> None:
    token = a_link(session, a_person(session))
    for weak in ("kurz", "passwort passwort", "Erika Musterfrau"):
        answer = use(client, token, weak)
        assert (answer.status_code, answer.json["code"]) == (422, "password.weak")
    assert use(client, token).status_code == 204


@pytest.mark.parametrize("change", ["address", "password", "deactivated", "deleted"])
def test_what_changes_the_account_ends_its_links(
    client: FlaskClient, session: Session, call_as: CallAs, change: str
) -> None:
    """Else who reads an old mailbox, or an old e-mail, gets in."""
    a_person(session, email="other@example.org")
    person = a_person(session)
    token = a_link(session, person)
    url = f"/api/users/{person.id}"
    call_as(person.id if change == "password" else None)
    answer = {
        "address": lambda: client.patch(url, json={"email": "new@example.org"}),
        "password": lambda: client.post(
            "/api/me/password", json={"current_password": PASSWORD, "new_password": "vier andere Wörter Nebel"}
        ),
        "deactivated": lambda: client.patch(url, json={"active": False}),
        "deleted": lambda: client.delete(url),
    }[change]()
    assert answer.status_code < 300, answer.text
    assert use(client, token).json["code"] == "link.over"


def test_a_reset_lets_in_who_was_held_up_by_others(client: FlaskClient, session: Session) -> None:
    token = a_link(session, a_person(session))
    assert [login(client, "not this one, I fear") for _ in range(10)].count(429) > 0
    assert use(client, token).status_code == 204
    assert login(client, NEW_PASSWORD) == 200


def test_nobody_fills_a_mailbox(client: FlaskClient, session: Session) -> None:
    """Whether an account has the address changes nothing: it is counted like any other."""
    a_person(session)
    for email in (EMAIL, "nobody@example.org"):
        answers = [client.post(RESETS, json={"email": email}) for _ in range(6)]
        assert {each.status_code for each in answers[:4]} == {204}
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["Retry-After"]) >= 1
    assert session.query(AccountEmail).count() == 2, "one that waits is the one"
    assert login(client) == 200, "asking for resets holds up no sign-in"


def test_one_client_asks_for_few_resets(client: FlaskClient, session: Session) -> None:
    answers = [client.post(RESETS, json={"email": f"user{n}@example.org"}).status_code for n in range(40)]
    assert 20 < answers.count(204) < 25
    assert set(answers) == {204, 429}


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"active": False, "password": None}, "account.not_active"), ({}, "account.has_password")],
)
def test_who_cannot_accept_is_not_invited(
    client: FlaskClient, session: Session, call_as: CallAs, fields: dict[str, Any], code: str
) -> None:
    person = a_person(session, **fields)
    call_as()
    answer = client.post(f"/api/users/{person.id}/invite")
    assert (answer.status_code, answer.json["code"]) == (409, code)
    assert session.query(AccountEmail).count() == 0


def test_a_machine_is_not_invited(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    call_as()
    assert client.post(f"/api/users/{a_machine(session).id}/invite").status_code == 404
