"""Accounts of people over HTTP, as administrators change them and everybody their own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.values.enums import Role
from tests.builders.accounts import EMAIL, PASSWORD, a_machine, a_person
from tests.user_service.conftest import CallAs
from user_service.store.tables import Account, AccountChange, SignInSession

NEW = {"name": "Ada Beispiel", "email": "Ada@Example.org", "roles": ["caller", "caller", "coordinator"]}


def login(client: FlaskClient, email: str = EMAIL, password: str = PASSWORD) -> Any:
    """The response to a sign-in."""
    return client.post("/api/auth/login", json={"email": email, "password": password})


def history(client: FlaskClient, account_id: object) -> list[tuple[str, str | None]]:
    """What happened to an account."""
    return [(each["change"], each["detail"]) for each in client.get(f"/api/users/{account_id}/history").json["items"]]


def test_a_new_account_is_shown_and_cannot_sign_in_yet(client: FlaskClient, call_as: CallAs) -> None:
    admin = call_as()
    answer = client.post("/api/users", json=NEW)
    assert answer.status_code == 201
    made = answer.json
    assert answer.headers["Location"].endswith(f"/api/users/{made['id']}")
    assert (made["email"], made["roles"], made["active"]) == ("Ada@example.org", ["caller", "coordinator"], True)
    assert (made["has_password"], made["created_by"], made["updated_by"]) == (False, str(admin.id), str(admin.id))
    assert client.get(f"/api/users/{made['id']}").json == made
    assert login(client, "ada@example.org", "").status_code == 422
    assert login(client, "ada@example.org").status_code == 401
    assert history(client, made["id"]) == [("created", "caller, coordinator")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("roles", []), ("roles", ["service"]), ("roles", ["admin", "service"]), ("roles", ["god"]), ("roles", "admin"),
        ("email", "no address"), ("email", None), ("name", " "), ("name", "\u0000"), ("kind", "machine"),
        ("password_hash", "x"), ("active", False),
    ],
)  # fmt: skip
def test_what_is_not_acceptable_is_refused_by_its_field(client: FlaskClient, field: str, value: Any) -> None:
    answer = client.post("/api/users", json=NEW | {field: value})
    assert answer.status_code == 422
    assert {error["field"].partition(".")[0] for error in answer.json["errors"]} == {field}


def test_one_address_has_one_account_however_it_is_spelled(client: FlaskClient, session: Session) -> None:
    assert client.post("/api/users", json=NEW).status_code == 201
    answer = client.post("/api/users", json=NEW | {"email": "ADA@EXAMPLE.ORG"})
    assert (answer.status_code, answer.json["code"]) == (409, "account.email_known")
    other = a_person(session)
    answer = client.patch(f"/api/users/{other.id}", json={"email": "aDa@example.org"})
    assert (answer.status_code, answer.json["code"]) == (409, "account.email_known")


def test_a_repeated_key_makes_one_account(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first, second = (client.post("/api/users", json=NEW, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"


def test_lists_are_by_name_and_filtered_and_show_no_machines(client: FlaskClient, session: Session) -> None:
    a_person(session, name="Özdemir", email="o@example.org", roles=["caller"])
    a_person(session, name="Zander", email="z@example.org", roles=["admin", "caller"])
    a_person(session, name="Ohm", email="p@example.org", roles=["auditor"], active=False)
    a_machine(session)

    def names(query: str = "") -> list[str]:
        return [each["name"] for each in client.get(f"/api/users{query}").json["items"]]

    assert names() == ["Ohm", "Özdemir", "Zander"]
    assert names("?role=caller") == ["Özdemir", "Zander"]
    assert names("?active=false") == ["Ohm"]
    assert client.get("/api/users?role=service").status_code == 422


def test_no_answer_shows_a_hash_or_a_secret(client: FlaskClient, session: Session) -> None:
    account = a_person(session)
    for path in ("/api/users", f"/api/users/{account.id}", "/openapi.json"):
        shown = client.get(path).text
        assert "argon2" not in shown
        assert "password_hash" not in shown
        assert "otp_secret" not in shown


def test_who_is_deactivated_is_out_and_comes_back_without_their_sessions(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    call_as()
    a_person(session, email="boss@example.org")
    account = a_person(session)
    assert login(client).status_code == 200
    answer = client.patch(f"/api/users/{account.id}", json={"active": False})
    assert (answer.status_code, answer.json["active"], answer.json["version"]) == (200, False, 2)
    assert login(client).status_code == 401
    assert client.post("/api/auth/refresh").status_code == 401
    assert client.patch(f"/api/users/{account.id}", json={"active": True}).status_code == 200
    assert client.post("/api/auth/refresh").status_code == 401
    assert login(client).status_code == 200
    words = [change for change, _ in history(client, account.id)]
    assert words == ["created", "signed_in", "deactivated", "sessions_ended", "activated", "signed_in"]


def test_a_lost_update_is_refused(client: FlaskClient, session: Session) -> None:
    url = f"/api/users/{a_person(session, roles=['caller']).id}"
    stale = {"If-Match": '"7"'}
    assert client.patch(url, json={"name": "Neu"}, headers=stale).json["code"] == "account.changed_meanwhile"
    assert client.delete(url, headers=stale).status_code == 412
    assert client.delete(f"{url}/sessions", headers=stale).status_code == 412
    assert client.patch(url, json={"name": "Neu"}, headers={"If-Match": '"1"'}).status_code == 200


def test_a_change_of_nothing_counts_nothing(client: FlaskClient, session: Session) -> None:
    account = a_person(session)
    shown = client.get(f"/api/users/{account.id}").json
    answer = client.patch(f"/api/users/{account.id}", json=shown)
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    assert client.patch(f"/api/users/{account.id}", json={"has_password": False}).status_code == 422


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["caller"]}, None], ids=["close", "demote", "delete"])
def test_the_last_administrator_stays_one(
    client: FlaskClient, session: Session, call_as: CallAs, change: dict[str, Any] | None
) -> None:
    account = a_person(session)
    a_person(session, email="closed@example.org", active=False)
    a_person(session, email="invited@example.org", password=None)
    a_person(session, email="caller@example.org", roles=["caller"])
    call_as(account.id)
    url = f"/api/users/{account.id}"

    def try_it() -> Any:
        return client.delete(url) if change is None else client.patch(url, json=change)

    assert (try_it().status_code, try_it().json["code"]) == (409, "account.last_administrator")
    assert client.patch(url, json={"name": "Neu", "roles": ["admin", "caller"]}).status_code == 200
    a_person(session, email="second@example.org")
    assert try_it().status_code in (200, 204)


def test_a_deleted_account_is_gone_and_its_name_stays_in_logs(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    admin = call_as()
    account = a_person(session, roles=["caller"])
    login(client)
    assert client.delete(f"/api/users/{account.id}").status_code == 204
    assert client.get(f"/api/users/{account.id}").status_code == 404
    assert client.delete(f"/api/users/{account.id}").status_code == 404
    assert client.get("/api/users").json["total"] == 0
    assert client.get(f"/api/users/{uuid4()}/history").status_code == 404
    assert login(client).status_code == 401
    assert history(client, account.id)[-2:] == [("deleted", None), ("sessions_ended", "account_closed")]
    row = session.get(Account, account.id, populate_existing=True)
    assert row is not None
    assert (row.name, row.email, row.password_hash, row.updated_by) == ("Erika Musterfrau", None, None, admin.id)
    assert client.post("/api/users", json=NEW | {"email": EMAIL}).status_code == 201


def test_sessions_are_listed_and_ended_one_by_one_or_all(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    account = a_person(session)
    for _ in range(3):
        login(client)
    first, second, third = session.query(SignInSession).order_by(SignInSession.created_at)
    call_as(account.id, session_id=third.id)
    shown = client.get("/api/me/sessions").json
    assert [each["id"] for each in shown["items"]] == [str(each.id) for each in (third, second, first)]
    assert [each["current"] for each in shown["items"]] == [True, False, False]
    assert client.delete(f"/api/me/sessions/{first.id}").status_code == 204
    assert client.delete(f"/api/me/sessions/{first.id}").status_code == 404
    assert client.get(f"/api/users/{account.id}/sessions").json["total"] == 2
    assert client.delete("/api/me/sessions").status_code == 204
    assert [each["id"] for each in client.get("/api/me/sessions").json["items"]] == [str(third.id)]
    assert client.post("/api/auth/refresh").status_code == 200, "one's own goes on"
    assert client.delete(f"/api/users/{account.id}/sessions").status_code == 204
    assert client.post("/api/auth/refresh").status_code == 401
    assert client.get(f"/api/users/{uuid4()}/sessions").status_code == 404


def test_nobody_ends_a_session_of_another_account(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    a_person(session)
    login(client)
    (theirs,) = session.query(SignInSession)
    call_as(a_person(session, email="other@example.org", roles=["caller"]).id, Role.CALLER)
    assert client.delete(f"/api/me/sessions/{theirs.id}").status_code == 404
    assert client.post("/api/auth/refresh").status_code == 200


def test_logout_ends_the_session_and_takes_the_cookie(client: FlaskClient, session: Session) -> None:
    a_person(session)
    login(client)
    stolen = client.get_cookie("refresh_token", path="/api/auth")
    assert stolen
    answer = client.post("/api/auth/logout")
    assert answer.status_code == 204
    assert client.get_cookie("refresh_token", path="/api/auth") is None
    client.set_cookie("refresh_token", stolen.value, path="/api/auth")
    assert client.post("/api/auth/refresh").status_code == 401
    assert client.post("/api/auth/logout").status_code == 204, "as often as somebody likes"


def test_one_sees_and_changes_oneself(client: FlaskClient, session: Session, call_as: CallAs) -> None:
    account = a_person(session, roles=["caller"])
    call_as(account.id, Role.CALLER)
    assert client.get("/api/me").json["roles"] == ["caller"]
    answer = client.patch("/api/me", json={"name": "  Erika   Neu "})
    assert (answer.status_code, answer.json["name"], answer.headers["ETag"]) == (200, "Erika Neu", '"2"')
    assert client.patch("/api/me", json={"roles": ["admin"]}).status_code == 422
    assert client.patch("/api/me", json={"email": "x@example.org"}).status_code == 422
    assert client.patch("/api/me", json={"name": "X"}, headers={"If-Match": '"1"'}).status_code == 412


def test_a_caller_without_an_account_has_none_to_show(client: FlaskClient, call_as: CallAs) -> None:
    assert client.get("/api/me").status_code == 404
    assert client.get("/api/me/sessions").status_code == 404
    body = {"current_password": PASSWORD, "new_password": "vier andere Wörter Nebel"}
    assert client.post("/api/me/password", json=body).status_code == 404
    call_as()
    assert client.get("/api/me").status_code == 404


def test_a_new_password_needs_the_present_one_and_ends_all_other_sessions(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    account = a_person(session)
    login(client)
    login(client)
    other, mine = session.query(SignInSession).order_by(SignInSession.created_at)
    call_as(account.id, session_id=mine.id)
    new = "Nebelhorn zählt vier Zebras"

    def change(**fields: str) -> Any:
        return client.post("/api/me/password", json={"current_password": PASSWORD, "new_password": new} | fields)

    wrong = change(current_password="not this one")
    assert (wrong.status_code, wrong.json["code"]) == (422, "password.wrong")
    weak = change(new_password="ErikaMusterfrau1")
    assert (weak.status_code, weak.json["code"]) == (422, "password.weak")
    assert weak.json["errors"][0]["field"] == "new_password"
    assert change().status_code == 204
    session.expire_all()
    assert (other.end_reason, mine.end_reason) == ("password_changed", None)
    assert login(client).status_code == 401
    assert login(client, password=new).status_code == 200
    assert "password_changed" in [each.change for each in session.query(AccountChange)]


def test_a_stolen_access_token_does_not_try_passwords_for_long(
    client: FlaskClient, session: Session, call_as: CallAs
) -> None:
    call_as(a_person(session).id)
    body = {"current_password": "not this one", "new_password": "Nebelhorn zählt vier Zebras"}
    answers = [client.post("/api/me/password", json=body).status_code for _ in range(8)]
    assert answers[:5] == [422] * 5
    assert 429 in answers


def test_a_patch_is_described_as_closely_as_the_whole(client: FlaskClient) -> None:
    """`patch_of` once lost what a required field says beside its type, such as its format."""
    schemas: Any = client.get("/openapi.json").json["components"]["schemas"]
    assert schemas["UserFieldsPatch"]["properties"]["email"]["format"] == "email"
