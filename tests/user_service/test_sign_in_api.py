"""Signing in over HTTP."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from shared.http.web import web_app
from shared.runtime import clock, registry
from tests.builders.accounts import EMAIL, HASHES, PASSWORD, a_person
from user_service.dependencies import Dependencies
from user_service.domain import sign_in
from user_service.domain.passwords import PasswordHashes, parameters_of
from user_service.domain.sessions import Origin
from user_service.settings import PasswordHashing
from user_service.store.tables import AccountChange, SignInSession


def login(client: FlaskClient, email: str = EMAIL, password: Any = PASSWORD, address: str = "203.0.113.7") -> Any:
    """The response to a sign-in from this address, as the gateway hands it on."""
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers={"X-Real-IP": address, "User-Agent": "Firefox"})


def claims_of(client: FlaskClient, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that the published keys confirm."""
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json)
    decoded = jwt.decode(token, keys, algorithms=["Ed25519"])
    return dict(decoded.header), dict(decoded.claims)


def cookie_of(answer: Any) -> Any:
    """The refresh token's cookie, with its attributes."""
    return SimpleCookie(answer.headers["Set-Cookie"])["refresh_token"]


def test_a_changed_cost_of_hashes_is_known_when_somebody_signs_in(session: Session, needed: Dependencies) -> None:
    """Of every account, whoever tries to sign in, and also in what no account has."""
    a_person(session)
    dearer = PasswordHashes(PasswordHashing(memory_mib=9, passes=2))
    a_person(session, email="other@example.org").password_hash = dearer.hash(PASSWORD)
    a_person(session, email="invited@example.org", password=None)
    session.flush()
    for email in (EMAIL, "other@example.org", "invited@example.org", "nobody@example.org"):
        origin = Origin(email, None)
        claimed = sign_in.claim(session, email, origin, needed.values, signed_in_from_here=False, now=clock.now())
        assert claimed.hash_parameters == {parameters_of(HASHES.hash(PASSWORD)), "$argon2id$v=19$m=9216,t=2,p=1"}


@pytest.mark.parametrize(
    "path",
    ["login", "refresh", "token", "invitations/accept", "password-resets", "password-resets/complete"],
)
def test_nobody_signs_in_here_where_another_issuer_does(
    settings: Any, connection: Connection, session: Session, path: str
) -> None:
    """Our tokens would be signed in its name, with rights that it never gave."""
    a_person(session)
    bodies: Any = {
        "login": {"email": EMAIL, "password": PASSWORD},
        "refresh": None,
        "token": {"client_id": "scraper", "client_secret": "x" * 40},
        "password-resets": {"email": EMAIL},
    }
    chosen = settings.model_copy(update={"jwks_url": "https://id.example/certs"})
    client = web_app(registry.load("user_service"), chosen).test_client()
    body = bodies.get(path, {"token": "x" * 43, "new_password": "Nebelhorn zählt vier Zebras"})
    answer = client.post(f"/api/auth/{path}", json=body)
    assert (answer.status_code, answer.json["code"]) == (403, "sign_in.elsewhere")
    assert client.post("/api/auth/logout").status_code == 204
    assert session.query(SignInSession).count() == 0


def test_who_signs_in_gets_a_token_that_the_published_keys_confirm(client: FlaskClient, session: Session) -> None:
    account = a_person(session, roles=["coordinator", "caller"])
    answer = login(client)
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 300
    header, claims = claims_of(client, answer.json["access_token"])
    (begun,) = session.query(SignInSession)
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "Ed25519"
    assert claims.pop("exp") - claims["iat"] == 300
    assert claims.pop("nbf") == claims.pop("iat")
    assert claims.pop("jti")
    assert claims == {
        "iss": "psychotherapy-platform",
        "aud": "psychotherapy-platform",
        "sub": str(account.id),
        "sid": str(begun.id),
        "roles": ["caller", "coordinator"],
    }
    assert (begun.address, begun.user_agent) == ("203.0.113.7", "Firefox")
    assert "signed_in" in {each.change for each in session.query(AccountChange)}


def test_the_cookie_is_for_the_sign_in_alone(client: FlaskClient, session: Session) -> None:
    a_person(session)
    cookie = cookie_of(login(client))
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/api/auth")
    assert int(cookie["max-age"]) == 12 * 3600
    assert not cookie["secure"]
    assert len(cookie.value) == 43


@pytest.mark.parametrize("email", ["ERIKA@example.org", "erika@EXAMPLE.ORG", "  erika@example.org "])
def test_an_address_is_known_however_it_is_spelled(client: FlaskClient, session: Session, email: str) -> None:
    a_person(session)
    assert login(client, email).status_code == 200


def test_a_refusal_says_the_same_whatever_is_wrong(client: FlaskClient, session: Session) -> None:
    """It must not say who has an account here: whose employer this is may be nobody's business."""
    a_person(session)
    a_person(session, email="closed@example.org", active=False)
    a_person(session, email="invited@example.org", password=None)
    answers = [
        login(client, password="not this one, I fear"),
        login(client, "closed@example.org"),
        login(client, "invited@example.org"),
        login(client, "nobody@example.org"),
    ]
    documents = [{name: value for name, value in each.json.items() if name != "correlation_id"} for each in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="psychotherapy-platform"'}
    assert documents == [documents[0]] * 4
    assert documents[0]["code"] == "sign_in.refused"
    assert "Set-Cookie" not in answers[0].headers
    assert session.query(SignInSession).count() == 0


HOSTILE = {
    "a megabyte": "a" * 1_000_000,
    "one too many": "a" * 1001,
    "nothing": "",
    "NUL": "a" * 12 + "\x00",
    "no text": 5,
    "a list": ["a"],
}


@pytest.mark.parametrize("password", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_password_is_refused_at_once(client: FlaskClient, session: Session, password: Any) -> None:
    a_person(session)
    answer = login(client, password=password)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "password")


def test_more_than_a_megabyte_is_not_read(client: FlaskClient) -> None:
    assert login(client, password="a" * 1_100_000).status_code == 413


def test_half_a_character_is_not_json(client: FlaskClient) -> None:
    body = b'{"email": "erika@example.org", "password": "\\ud83d is half of it"}'
    assert client.post("/api/auth/login", data=body, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    "password",
    [
        "🦊🐢🍄🌋🚲🎻🧭🪁🍉🐝🛶🧶",
        "  outer blanks are part of it  ",
        "gurke\ttopf\nfahrrad zebra",
        "Å" * 3 + " ångström løve",
    ],
)
def test_a_password_is_taken_as_it_was_typed(client: FlaskClient, session: Session, password: str) -> None:
    a_person(session, password=password)
    assert login(client, password=password).status_code == 200
    assert login(client, password=f"{password} ").status_code == 401


def test_the_same_characters_composed_differently_are_the_same_password(client: FlaskClient, session: Session) -> None:
    a_person(session, password="Gu\u0308rtel über Ångström")
    assert login(client, password="G\u00fcrtel u\u0308ber A\u030angstro\u0308m").status_code == 200


def test_a_key_does_not_keep_a_token(client: FlaskClient, session: Session) -> None:
    a_person(session)
    given = {"json": {"email": EMAIL, "password": PASSWORD}, "headers": {"Idempotency-Key": "once"}}
    first, second = (client.post("/api/auth/login", **given) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json["access_token"] != second.json["access_token"]
    assert "Idempotency-Replayed" not in second.headers


def test_the_document_names_the_key_only_where_it_counts(client: FlaskClient) -> None:
    paths: Any = client.get("/openapi.json").json["paths"]
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    with_key = {path for path, each in paths.items() if "post" in each and key in each["post"]["parameters"]}
    assert {"/api/users", "/api/machine-accounts"} <= with_key
    assert not {path for path in with_key if path.startswith(("/api/auth/", "/api/me/"))}
