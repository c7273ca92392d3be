"""Who did it is written down with every change of an account."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders.accounts import PASSWORD, a_machine, a_person
from tests.builders.sign_ins import a_device
from tests.user_service.conftest import CallAs
from user_service.dependencies import Dependencies
from user_service.store.tables import AccountChange, SignInSession

NEW = {"name": "Ada Beispiel", "email": "ada@example.org", "roles": ["caller"]}


def authors(session: Session, account_id: object) -> dict[str, Any]:
    """Who did what to an account, by the word for it."""
    rows = session.query(AccountChange).filter_by(account_id=account_id).populate_existing()
    return {row.change: row.changed_by for row in rows}


def test_an_account_names_who_made_it_changed_it_and_closed_it(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    maker = call_as()
    made: Any = client.post("/api/users", json=NEW).json
    url = f"/api/users/{made['id']}"
    changer = call_as()
    changed: Any = client.patch(url, json={"roles": ["auditor"]}).json
    assert (changed["created_by"], changed["updated_by"]) == (str(maker.id), str(changer.id))
    closer = call_as()
    client.delete(url)
    assert authors(session, made["id"]) == {
        "created": maker.id,
        "roles_changed": changer.id,
        "deleted": closer.id,
    }


def test_a_machine_names_who_made_it_and_gave_it_a_secret(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    machine = a_machine(session)
    caller = call_as()
    changed: Any = client.post(f"/api/machine-accounts/{machine.id}/secret").json
    assert changed["updated_by"] == str(caller.id)
    assert authors(session, machine.id) == {"created": None, "secret_changed": caller.id}


def test_a_session_names_who_ended_it(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    account = a_person(session)
    client.post("/api/auth/login", json={"email": account.email, "password": PASSWORD})
    caller = call_as()
    client.delete(f"/api/users/{account.id}/sessions")
    (ended,) = session.query(SignInSession).populate_existing()
    assert ended.ended_by == caller.id
    assert authors(session, account.id)["sessions_ended"] == caller.id


def test_what_one_changes_oneself_is_ones_own(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    account = a_person(session)
    call_as(account.id)
    client.patch("/api/me", json={"name": "Erika Neu"})
    body = {"current_password": PASSWORD, "new_password": "Nebelhorn zählt vier Zebras"}
    assert client.post("/api/me/password", json=body).status_code == 204
    session.expire_all()
    assert account.updated_by == account.id
    assert authors(session, account.id) == {"created": None, "changed": account.id, "password_changed": account.id}


def test_one_time_passwords_name_who_turned_them_off(
    client: FlaskClient, session: Session, call_as: CallAs, needed: Dependencies
) -> None:
    account = a_person(session)
    a_device(needed, account.id)
    caller = call_as()
    assert client.delete(f"/api/users/{account.id}/otp").status_code == 204
    session.expire_all()
    assert account.updated_by == caller.id
    log = authors(session, account.id)
    assert (log["otp_enabled"], log["otp_disabled"]) == (account.id, caller.id)


def test_an_invitation_names_who_sent_it(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    account = a_person(session, password=None)
    caller = call_as()
    assert client.post(f"/api/users/{account.id}/invite").status_code == 202
    assert authors(session, account.id)["invited"] == caller.id
