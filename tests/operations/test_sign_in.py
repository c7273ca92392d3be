"""The sign-in of tools that call the platform: one token for many requests, renewed in time, used on in an outage."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from operations.sign_in import AccessTokens, NoSignIn


class UserService:
    """Answers sign-ins at 127.0.0.1 with what it is given; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.bodies: list[Any] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        account = {"ADMIN_EMAIL": "admin@example.org", "ADMIN_PASSWORD": "a long password"}
        return {"AUTH": "token", "BIND": "0.0.0.0", "USER_SERVICE_PORT": str(self.server.server_port), **account}

    def gives(self, token: str, *, seconds: float = 300) -> None:
        self.answers = [(200, {}, {"access_token": token, "token_type": "Bearer", "expires_in": seconds})]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        user_service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                user_service.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                several = len(user_service.answers) > 1
                status, headers, body = user_service.answers.pop(0) if several else user_service.answers[0]
                self.send_response(status if self.path == "/api/auth/login" else 404)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                """Tests say what they saw."""

        return Handler


@pytest.fixture
def user_service() -> Iterator[UserService]:
    running = UserService()
    yield running
    running.stop()


def test_one_sign_in_serves_many_requests(user_service: UserService) -> None:
    user_service.gives("a.b.c")
    tokens = AccessTokens(user_service.settings)
    assert {tokens.headers()["Authorization"] for _ in range(5)} == {"Bearer a.b.c"}
    assert user_service.bodies == [{"email": "admin@example.org", "password": "a long password"}]


def test_a_token_is_renewed_before_it_runs_out(user_service: UserService) -> None:
    user_service.gives("first", seconds=0)
    tokens = AccessTokens(user_service.settings)
    assert tokens.current() == "first"
    user_service.gives("second")
    assert tokens.current() == tokens.current() == "second"
    assert len(user_service.bodies) == 2


def test_nobody_signs_in_where_that_is_not_needed() -> None:
    assert AccessTokens({"AUTH": "none"}).headers() == {}


def test_a_busy_user_service_is_asked_again_when_it_says(user_service: UserService) -> None:
    user_service.gives("late")
    busy = {"Retry-After": "0"}
    user_service.answers = [(429, busy, {}), (503, busy, {}), *user_service.answers]
    assert AccessTokens(user_service.settings).current() == "late"


def test_a_wrong_password_is_named_and_not_tried_again(user_service: UserService) -> None:
    user_service.answers = [(401, {}, {"code": "sign_in.refused"})]
    with pytest.raises(NoSignIn, match=r"401: .*sign_in\.refused") as refused:
        AccessTokens(user_service.settings).current()
    assert "a long password" not in str(refused.value)
    assert len(user_service.bodies) == 1


def test_the_last_token_is_used_on_while_the_user_service_is_away(user_service: UserService) -> None:
    user_service.gives("kept", seconds=0)
    tokens = AccessTokens(user_service.settings)
    assert tokens.current() == "kept"
    user_service.stop()
    assert tokens.current() == "kept"
    with pytest.raises(NoSignIn, match="does not answer"):
        AccessTokens(user_service.settings).current()
