"""Signing in with an access token: what a service answers, in one application and over the real server."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from shared.http import Context, Resource, Route, endpoint
from shared.runtime import clock
from shared.security.authentication import ANYONE, COORDINATORS, IMPORTERS
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.schemas import Schema
from testkit.token_issuer import TokenIssuer, new_key, token_issuer
from tests.shared.http.addresses import a_free_port, until_alive
from tests.shared.http.sample import PlainResource, create_app

ROOT = Path(__file__).parents[3]


class Shown(Schema):
    """Who calls."""

    id: str | None
    roles: list[str]
    scopes: list[str]
    session: str | None


class CallerResource(Resource):
    """Shows who calls."""

    @endpoint(response=Shown, transaction=False)
    def get(self, context: Context[None]) -> Shown:
        """Show who calls."""
        caller = context.caller
        session = caller.session_id and str(caller.session_id)
        return Shown(
            id=caller.id and str(caller.id), roles=sorted(caller.roles), scopes=sorted(caller.scopes), session=session
        )


ROUTES = [
    Route("/api/open", CallerResource, get=ANYONE),
    Route("/api/coordinators", CallerResource, get=COORDINATORS),
    Route("/api/imports", CallerResource, get=IMPORTERS | {Scope.IMPORTS_START}),
    Route("/api/machines", CallerResource, get=frozenset({Scope.IMPORTS_START})),
    Route("/api/plain", PlainResource, get=COORDINATORS, post=COORDINATORS, put=COORDINATORS, delete=COORDINATORS),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[TokenIssuer]:
    with token_issuer() as running:
        yield running


def an_app(issuer: TokenIssuer, **chosen: Any) -> Flask:
    return create_app(ROUTES, chosen={"auth": "token", "jwks_url": issuer.url, **chosen})


def until(holds: Callable[[], Any], seconds: float = 10) -> None:
    deadline = clock.monotonic() + seconds
    while not holds():
        assert clock.monotonic() < deadline


@pytest.fixture(scope="module")
def client(issuer: TokenIssuer) -> Iterator[FlaskClient]:
    app = an_app(issuer)
    client = app.test_client()
    until(lambda: client.get("/api/coordinators", headers=bearer(issuer.token())).status_code == 200)
    yield client
    app.extensions["sign_in"].stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_one_is_asked_to_sign_in(client: FlaskClient) -> None:
    refused = client.get("/api/coordinators")
    assert (refused.status_code, refused.json["code"]) == (401, "token.missing")
    assert refused.content_type == "application/problem+json"
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="psychotherapy-platform"'


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "token.malformed"),
        ("Bearer", "token.malformed"),
        ("Bearer ", "token.malformed"),
        ("Bearer x", "token.malformed"),
        ("Bearer a.b.c", "token.malformed"),
        ("Basic YWRtaW46YWRtaW4=", "token.malformed"),
        ("Negotiate abc", "token.malformed"),
        ("Bearer a.b.c Bearer a.b.c", "token.malformed"),
        ("Bearer " + "x" * 9000, "token.malformed"),
        ("Bearer \xe4.\xf6.\xfc", "token.malformed"),
    ],
)
def test_what_is_no_token_is_refused_as_the_standard_says(client: FlaskClient, sent: str, code: str) -> None:
    refused = client.get("/api/coordinators", headers={"Authorization": sent})
    assert (refused.status_code, refused.json["code"]) == (401, code)
    assert refused.headers["WWW-Authenticate"].endswith(', error="invalid_token"')


def test_the_name_of_the_scheme_may_be_written_in_any_case(client: FlaskClient, issuer: TokenIssuer) -> None:
    for scheme in ("bearer", "BEARER ", "Bearer"):
        headers = {"Authorization": f"{scheme} {issuer.token()}"}
        assert client.get("/api/coordinators", headers=headers).status_code == 200


def test_a_token_beside_the_header_does_not_count(client: FlaskClient, issuer: TokenIssuer) -> None:
    """In a query or a cookie it would be written into logs, or sent along by another site's page."""
    assert client.get(f"/api/plain?access_token={issuer.token()}").status_code == 401
    client.set_cookie("access_token", issuer.token())
    assert client.get("/api/plain", data={"access_token": issuer.token()}).status_code == 401
    client.delete_cookie("access_token")


def test_a_role_that_may_not_is_forbidden(client: FlaskClient, issuer: TokenIssuer) -> None:
    refused = client.get("/api/coordinators", headers=bearer(issuer.token(roles=[Role.CALLER])))
    assert (refused.status_code, refused.json["code"]) == (403, "role.missing")
    assert "WWW-Authenticate" not in refused.headers
    unknown_role = client.get("/api/coordinators", headers=bearer(issuer.token(roles=["emperor"])))
    assert unknown_role.status_code == 403


def test_an_endpoint_knows_its_caller(client: FlaskClient, issuer: TokenIssuer) -> None:
    sub, sid = "0190a0a0-1111-7000-8000-000000000001", "0190a0a0-2222-7000-8000-000000000002"
    token = issuer.token(roles=[Role.COORDINATOR], sub=sub, sid=sid)
    shown = client.get("/api/coordinators", headers=bearer(token)).json
    assert shown == {"id": sub, "roles": ["coordinator"], "scopes": [], "session": sid}


def test_a_machine_may_what_its_scopes_name_and_nothing_else(client: FlaskClient, issuer: TokenIssuer) -> None:
    machine = bearer(issuer.token(roles=[Role.SERVICE], scope="imports.start", sid=None))
    assert client.get("/api/imports", headers=machine).json["scopes"] == ["imports.start"]
    assert client.get("/api/machines", headers=machine).status_code == 200
    assert client.get("/api/coordinators", headers=machine).status_code == 403
    without = bearer(issuer.token(roles=[Role.SERVICE], sid=None))
    assert client.get("/api/imports", headers=without).status_code == 403
    assert client.get("/api/machines", headers=bearer(issuer.token(roles=[Role.ADMIN]))).status_code == 403


def test_what_is_open_to_anyone_does_not_look_at_tokens(client: FlaskClient) -> None:
    """Whoever renews a session sends the token that has just run out."""
    for headers in ({}, bearer("a.b.c"), {"Authorization": "Basic x"}):
        assert client.get("/api/open", headers=headers).json == {"id": None, "roles": [], "scopes": [], "session": None}
        for path in ("/health/live", "/metrics", "/openapi.json", "/docs"):
            assert client.get(path, headers=headers).status_code == 200


def test_every_method_is_checked(client: FlaskClient) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        assert client.open("/api/plain", method=method).status_code == 401, method
    assert client.options("/api/plain").status_code == 200
    assert client.patch("/api/plain").status_code == 405
    assert client.get("/api/nothing").status_code == 404


def test_refusals_are_counted_by_their_code(client: FlaskClient) -> None:
    client.get("/api/coordinators")
    assert 'platform_tokens_refused_total{code="token.missing"}' in client.get("/metrics").text


def test_the_document_says_where_a_token_is_needed(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    (name, scheme), *_ = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    needs, is_open = (document["paths"][path]["get"] for path in ("/api/imports", "/api/open"))
    assert needs["security"] == [{name: []}]
    assert {"401", "403"} <= set(needs["responses"])
    assert (needs["x-roles"], needs["x-scopes"]) == (["admin", "importer"], ["imports.start"])
    assert is_open["security"] == []
    assert "401" not in is_open["responses"]


def test_without_keys_the_process_is_not_ready_and_says_when_to_try_again() -> None:
    absent = TokenIssuer()
    absent.address = ("127.0.0.1", a_free_port())
    app = an_app(absent)
    try:
        answer = app.test_client().get("/api/coordinators", headers=bearer(absent.token()))
        assert (answer.status_code, answer.json["code"]) == (503, "token_keys.unreachable")
        assert int(answer.headers["Retry-After"]) > 0
        ready = app.test_client().get("/health/ready")
        assert (ready.status_code, ready.json["checks"]["token_keys"]["ok"]) == (503, False)
        assert app.test_client().get("/api/open").status_code == 200
    finally:
        app.extensions["sign_in"].stop()


def test_without_sign_in_everybody_is_an_administrator_and_the_log_says_so() -> None:
    with capture_logs() as logged:
        client = create_app(ROUTES).test_client()
    assert [(line["log_level"], line["event"]) for line in logged] == [("warning", "auth.none")]
    # and every service, since they do not sign in either
    assert client.get("/api/coordinators").json["roles"] == ["admin", "service"]
    assert client.get("/api/coordinators", headers={"Host": "evil.example"}).status_code == 421


@pytest.fixture(scope="module")
def address(issuer: TokenIssuer) -> Iterator[str]:
    """Two real processes."""
    port = a_free_port()
    chosen = ["auth=token", f"jwks_url={issuer.url}"]
    process = subprocess.Popen([sys.executable, "-m", "tests.shared.http.sample", str(port), "2", *chosen], cwd=ROOT)
    try:
        yield until_alive(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def test_every_process_has_its_own_keys_and_learns_new_ones(address: str, issuer: TokenIssuer) -> None:
    """A thread does not outlive a fork: each process fetches for itself."""

    def statuses() -> set[int]:
        headers = bearer(issuer.token())
        return {requests.get(f"{address}/api/plain", headers=headers, timeout=5).status_code for _ in range(20)}

    until(lambda: statuses() == {200})
    issuer.keys.append(new_key())
    assert statuses() == {200}


@pytest.mark.parametrize("token", ["x" * 64_000, "a.b." + "c" * 64_000])
def test_a_header_of_64_kilobytes_is_refused_in_one_sentence(address: str, token: str) -> None:
    answer = requests.get(f"{address}/api/plain", headers=bearer(token), timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (431, "application/problem+json")
    assert answer.json()["detail"].count(".") == 1


def test_of_two_tokens_none_counts(address: str, issuer: TokenIssuer) -> None:
    """Two servers in a row may read different ones."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=5)
    connection.putrequest("GET", "/api/plain")
    for token in (issuer.token(), issuer.token(roles=[Role.CALLER])):
        connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()
