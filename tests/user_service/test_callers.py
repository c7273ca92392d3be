"""Here a token counts only as long as its account and session do: who lost them cannot take them back with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from shared.database import transaction
from shared.http.web import web_app
from shared.runtime import clock, registry
from shared.security.authentication import ANYONE
from tests.accounts import operations
from tests.builders.accounts import EMAIL, a_machine, a_person
from tests.builders.sign_ins import newest_session, sign_in
from tests.user_service.conftest import CallAs
from user_service.dependencies import Dependencies
from user_service.domain import sessions
from user_service.domain.schemas import MachineSignIn
from user_service.domain.sign_in import of_machine
from user_service.store.tables import Account, SignInSession

OTHER = "other@example.org"
OF_ANYBODY_SIGNED_IN = [(name, endpoint) for name, endpoint, access in operations("user_service") if access != ANYONE]
WRITES = [
    name
    for name, endpoint in OF_ANYBODY_SIGNED_IN
    if name.split()[1].startswith(("/api/users", "/api/machine-accounts")) and endpoint.name != "get"
]


def call(client: FlaskClient, operation: str, *, token: str | None = None, id: UUID | None = None) -> Any:
    """The response to an operation on this account, without a body."""
    method, path = operation.split()
    for variable in ("<id>", "<session_id>"):
        path = path.replace(variable, str(id or uuid4()))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: Any = {} if method in ("PATCH", "POST") else None
    return client.open(path, method=method, headers=headers, json=body)


class TestTokens:
    """Real tokens, checked with the keys that the service publishes on a socket."""

    @pytest.fixture
    def app(self, settings: Any, real_commits: None) -> Iterator[Flask]:
        """The service as it runs in production: it fetches its keys from itself."""
        made: list[Flask] = []
        server = make_server("127.0.0.1", 0, lambda *call: made[0](*call), threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        chosen = {"auth": "token", "user_service_port": server.port, "jwks_url": ""}
        made.append(web_app(registry.load("user_service"), settings.model_copy(update=chosen)))
        thread.start()
        yield made[0]
        made[0].extensions["sign_in"].stop()
        server.shutdown()
        thread.join()
        server.server_close()

    @pytest.fixture
    def client(self, app: Flask) -> FlaskClient:
        """A client of the service, which has its keys."""
        client = app.test_client()
        while client.get("/health/ready").json["checks"]["token_keys"]["ok"] is not True:
            threading.Event().wait(0.05)
        return client

    @pytest.fixture
    def token(self, needed: Dependencies, client: FlaskClient) -> Callable[[str], str]:
        """Makes an administrator with this address, and returns an access token of theirs."""

        def of(email: str) -> str:
            with transaction() as session:
                a_person(session, email=email)
            return sign_in(needed, email=email, now=clock.now()).access_token.access_token

        return of

    @pytest.fixture
    def tokens(self, token: Callable[[str], str]) -> tuple[str, str]:
        """Tokens of two administrators, each of which counts."""
        return token(EMAIL), token(OTHER)

    @staticmethod
    def id_of(email: str) -> UUID:
        with transaction() as session:
            found: UUID = session.query(Account.id).filter_by(email=email).scalar()
            return found

    @pytest.mark.parametrize(
        ("change", "status"),
        [({"active": False}, 401), ({"roles": ["caller"]}, 403), (None, 401), ("sessions", 401)],
        ids=["deactivated", "demoted", "deleted", "signed out"],
    )
    def test_who_was_shut_out_cannot_undo_it(
        self, client: FlaskClient, tokens: tuple[str, str], change: Any, status: int
    ) -> None:
        mine, theirs = ({"Authorization": f"Bearer {token}"} for token in tokens)
        url = f"/api/users/{self.id_of(OTHER)}"
        assert client.get(url, headers=theirs).status_code == 200
        if change == "sessions":
            answer = client.delete(f"{url}/sessions", headers=mine)
        elif change is None:
            answer = client.delete(url, headers=mine)
        else:
            answer = client.patch(url, headers=mine, json=change)
        assert answer.status_code in (200, 204), answer.text
        undo = client.patch(url, headers=theirs, json={"active": True, "roles": ["admin"]})
        assert undo.status_code == status, undo.text
        assert undo.json["code"] == ("role.missing" if status == 403 else "session.over")
        assert client.get(url, headers=mine).status_code == (404 if change is None else 200)

    def test_no_operation_is_for_who_was_deactivated(self, client: FlaskClient, token: Callable[[str], str]) -> None:
        theirs = token(OTHER)
        with transaction() as session:
            session.execute(update(Account).values(active=False))
        answers = {name: call(client, name, token=theirs) for name, _ in OF_ANYBODY_SIGNED_IN}
        refused = {(answer.status_code, answer.json["code"]) for answer in answers.values()}
        assert refused == {(401, "session.over")}, answers

    def test_a_session_that_ran_out_counts_for_nothing(self, client: FlaskClient, tokens: tuple[str, str]) -> None:
        with transaction() as session:
            session.execute(update(SignInSession).values(expires_at=clock.now()))
        assert call(client, "GET /api/me", token=tokens[0]).status_code == 401

    def test_a_machine_that_was_closed_is_out(self, client: FlaskClient, needed: Dependencies) -> None:
        with transaction() as session:
            made = a_machine(session)
            given = MachineSignIn(client_id=str(made.id), client_secret=made.client_secret or "")
            token = of_machine(session, given, needed.tokens, needed.values, now=clock.now()).access_token
        assert call(client, "GET /api/me", token=token).status_code == 403, "it is recognised, and has no role"
        with transaction() as session:
            session.execute(update(Account).values(active=False))
        assert call(client, "GET /api/me", token=token).status_code == 401


@pytest.mark.parametrize("operation", WRITES)
def test_account_administration_takes_a_recent_sign_in(
    client: FlaskClient, session: Session, call_as: CallAs, needed: Dependencies, operation: str
) -> None:
    """Else who finds an open browser makes a way in of their own: another administrator, address or device."""
    me = a_person(session)
    sign_in(needed, now=clock.now() - sessions.RECENT - clock.now().resolution)
    call_as(me.id, session_id=newest_session(me.id))
    body: Any = {"name": "New", "email": OTHER, "roles": ["admin"]}
    if "machine" in operation:
        body = {"name": "new", "scopes": []}
    method, path = operation.split()
    url = path.replace("<id>", str(me.id)).replace("<session_id>", str(newest_session(me.id)))
    takes_a_body = method == "PATCH" or path in ("/api/users", "/api/machine-accounts")

    def answer() -> Any:
        return client.open(url, method=method, json=body if takes_a_body else None)

    refused = answer()
    assert (refused.status_code, refused.json["code"]) == (403, "session.not_recent"), operation
    sign_in(needed, now=clock.now())
    call_as(me.id, session_id=newest_session(me.id))
    assert (answer().get_json(silent=True) or {}).get("code") != "session.not_recent"
