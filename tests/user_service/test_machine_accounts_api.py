"""Accounts of machines, and how they sign in."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from tests.builders.accounts import EMAIL, a_machine, a_person
from user_service.store.tables import Account

NEW = {"name": "scraper", "scopes": ["imports.start"]}


def token(client: FlaskClient, client_id: object, secret: str | None) -> Any:
    """The response to the sign-in of a machine."""
    return client.post("/api/auth/token", json={"client_id": str(client_id), "client_secret": secret})


def test_a_machine_signs_in_with_the_secret_that_was_shown_once(client: FlaskClient, session: Session) -> None:
    answer = client.post("/api/machine-accounts", json=NEW)
    assert answer.status_code == 201
    made: Any = answer.json
    shown: Any = client.get(answer.headers["Location"]).json
    assert shown | {"client_secret": made["client_secret"]} == made
    for client_id in (made["id"], "scraper"):
        signed_in = token(client, client_id, made["client_secret"])
        assert (signed_in.status_code, signed_in.json["expires_in"]) == (200, 300)
        assert "Set-Cookie" not in signed_in.headers
        keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json)
        claims = jwt.decode(signed_in.json["access_token"], keys, algorithms=["Ed25519"]).claims
        assert (claims["sub"], claims["roles"], claims["scope"]) == (made["id"], ["service"], "imports.start")
        assert "sid" not in claims
    row = session.get(Account, made["id"])
    assert row is not None
    assert made["client_secret"].encode() not in bytes(row.secret_hash or b"")


def test_a_repeated_key_shows_no_secret_and_makes_no_second_account(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = (client.post("/api/machine-accounts", json=NEW, headers=headers) for _ in range(2))
    made: Any = first.json
    assert second.json == made | {"client_secret": None}
    assert client.get("/api/machine-accounts").json["total"] == 1


def test_a_refusal_says_the_same_whatever_is_wrong(client: FlaskClient, session: Session) -> None:
    machine, person = a_machine(session), a_person(session)
    closed = a_machine(session, name="closed")
    client.patch(f"/api/machine-accounts/{closed.id}", json={"active": False})
    answers = [
        token(client, machine.id, "x" * 43),
        token(client, "no such machine", machine.client_secret),
        token(client, uuid4(), machine.client_secret),
        token(client, closed.id, closed.client_secret),
        token(client, person.id, machine.client_secret),
        token(client, EMAIL, "x"),
    ]
    assert {(answer.status_code, answer.json["code"], answer.json["detail"]) for answer in answers} == {
        (401, "sign_in.machine_refused", "The client_id or the client_secret is not right.")
    }


@pytest.mark.parametrize("secret", ["", "x" * 201, None, 5, "\x00"])
def test_what_is_no_secret_is_refused(client: FlaskClient, session: Session, secret: Any) -> None:
    assert token(client, a_machine(session).id, secret).status_code == 422


def test_a_new_secret_replaces_the_old_one(client: FlaskClient, session: Session) -> None:
    machine = a_machine(session)
    answer = client.post(f"/api/machine-accounts/{machine.id}/secret")
    assert answer.status_code == 200
    assert token(client, machine.id, machine.client_secret).status_code == 401
    assert token(client, machine.id, answer.json["client_secret"]).status_code == 200


def test_its_name_is_its_own_until_it_is_deleted(client: FlaskClient, session: Session) -> None:
    machine, other = a_machine(session), a_machine(session, name="other")
    for answer in (
        client.post("/api/machine-accounts", json=NEW),
        client.patch(f"/api/machine-accounts/{other.id}", json={"name": "scraper"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "machine_account.name_known")
    assert client.delete(f"/api/machine-accounts/{machine.id}").status_code == 204
    assert token(client, machine.id, machine.client_secret).status_code == 401
    assert client.post("/api/machine-accounts", json=NEW).status_code == 201


def test_scopes_are_those_that_there_are(client: FlaskClient, session: Session) -> None:
    url = f"/api/machine-accounts/{a_machine(session).id}"
    assert client.patch(url, json={"scopes": ["everything"]}).status_code == 422
    assert client.patch(url, json={"scopes": []}).json["scopes"] == []
    assert client.get(f"/api/users/{url.rpartition('/')[2]}").status_code == 404, "a machine is no person"
    assert client.get(f"/api/users/{url.rpartition('/')[2]}/history").json["items"][-1]["change"] == "scopes_changed"


def test_a_lost_update_is_refused(client: FlaskClient, session: Session) -> None:
    url = f"/api/machine-accounts/{a_machine(session).id}"
    assert client.patch(url, json={"scopes": []}, headers={"If-Match": '"2"'}).status_code == 412
    assert client.delete(url, headers={"If-Match": '"2"'}).status_code == 412
