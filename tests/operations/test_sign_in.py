"""The sign-in of tools that call the platform: one token for many requests, renewed in time, used on in an outage."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from operations.postman.runner import refuse_without_sign_in
from operations.sign_in import AccessTokens, NoSignIn
from testkit.private_platform import ROOT

KNOWN = ("/api/auth/login", "/api/auth/refresh", "/api/auth/logout")


class UserService:
    """Answers sign-ins at 127.0.0.1 with what it is given; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.bodies: list[Any] = []
        self.asked: list[tuple[str, str]] = []
        """Path and cookie of each request."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def settings(self) -> dict[str, str]:
        account = {"ADMIN_EMAIL": "admin@example.org", "ADMIN_PASSWORD": "a long password"}
        return {"AUTH": "token", "BIND": "0.0.0.0", "USER_SERVICE_PORT": str(self.server.server_port), **account}

    def gives(self, token: str, *, seconds: float = 300) -> None:
        session = {"Set-Cookie": f"refresh_token=after-{token}; HttpOnly; Path=/api/auth; Secure"}
        self.answers = [(200, session, {"access_token": token, "token_type": "Bearer", "expires_in": seconds})]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        user_service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                user_service.asked.append((self.path, self.headers.get("Cookie", "")))
                length = int(self.headers.get("Content-Length") or 0)
                user_service.bodies.append(json.loads(self.rfile.read(length)) if length else None)
                several = len(user_service.answers) > 1
                status, headers, body = user_service.answers.pop(0) if several else user_service.answers[0]
                self.send_response(status if self.path in KNOWN else 404)
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
    assert user_service.asked == [("/api/auth/login", ""), ("/api/auth/refresh", "refresh_token=after-first")]


def test_a_session_that_is_over_is_begun_anew(user_service: UserService) -> None:
    user_service.gives("first", seconds=0)
    tokens = AccessTokens(user_service.settings)
    tokens.current()
    user_service.gives("second")
    user_service.answers = [(401, {}, {"code": "session.over"}), *user_service.answers]
    assert tokens.current() == "second"
    assert [path for path, _ in user_service.asked] == ["/api/auth/login", "/api/auth/refresh", "/api/auth/login"]


def test_a_tool_that_is_finished_signs_out_and_leaves_no_session(user_service: UserService) -> None:
    user_service.gives("a.b.c")
    with AccessTokens(user_service.settings) as tokens:
        tokens.sign_out()
        assert user_service.asked == [], "there is no session yet"
        tokens.current()
    assert user_service.asked[1:] == [("/api/auth/logout", "refresh_token=after-a.b.c")]
    tokens.sign_out()
    assert len(user_service.asked) == 2
    with AccessTokens(user_service.settings) as tokens:
        tokens.current()
        user_service.stop()


OTP_NEEDED: tuple[int, dict[str, str], Any] = (401, {}, {"code": "sign_in.otp_needed"})


def test_a_one_time_password_comes_from_the_environment(
    user_service: UserService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTP", "123456")
    user_service.gives("a.b.c")
    assert AccessTokens(user_service.settings).current() == "a.b.c"
    assert user_service.bodies == [
        {"email": "admin@example.org", "password": "a long password", "otp": "123456"},
    ]


def test_who_gives_no_one_time_password_is_told_how_to(user_service: UserService) -> None:
    user_service.answers = [OTP_NEEDED]
    with pytest.raises(NoSignIn, match="OTP=123456"):
        AccessTokens(user_service.settings).current()
    assert len(user_service.bodies) == 1


def test_a_person_at_the_terminal_is_asked_for_it(user_service: UserService) -> None:
    """And what is printed is the token alone, which may go into a pipe."""
    user_service.gives("a.b.c")
    user_service.answers = [OTP_NEEDED, *user_service.answers]
    ours, theirs = pty.openpty()
    code = f"from operations.sign_in import AccessTokens; print(AccessTokens({user_service.settings!r}).current())"
    os.write(ours, b"654321\n")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdin=theirs, capture_output=True, text=True, check=True, timeout=30
    )
    os.close(ours)
    os.close(theirs)
    assert done.stdout == "a.b.c\n"
    assert "One-time password of admin@example.org" in done.stderr
    assert [body.get("otp") for body in user_service.bodies] == [None, "654321"]


def test_nobody_signs_in_where_that_is_not_needed() -> None:
    assert AccessTokens({"AUTH": "none"}).headers() == {}


def test_a_busy_user_service_is_asked_again_when_it_says(user_service: UserService) -> None:
    user_service.gives("late")
    busy = {"Retry-After": "0"}
    user_service.answers = [(429, busy, {}), (503, busy, {}), *user_service.answers]
    assert AccessTokens(user_service.settings).current() == "late"


def test_a_wrong_password_is_named_and_not_tried_again(user_service: UserService) -> None:
    """In a sentence that says what to do, and not as it came."""
    user_service.answers = [(401, {}, {"code": "sign_in.refused"})]
    with pytest.raises(NoSignIn, match=r"admin@example\.org was refused: write .* ADMIN_PASSWORD in \.env") as refused:
        AccessTokens(user_service.settings).current()
    assert "a long password" not in str(refused.value)
    assert "{" not in str(refused.value)
    assert len(user_service.bodies) == 1


def test_the_last_token_is_used_on_while_the_user_service_is_away(user_service: UserService) -> None:
    user_service.gives("kept", seconds=0)
    tokens = AccessTokens(user_service.settings)
    assert tokens.current() == "kept"
    user_service.stop()
    assert tokens.current() == "kept"
    with pytest.raises(NoSignIn, match="does not answer"):
        AccessTokens(user_service.settings).current()


@pytest.mark.parametrize("answer", [OTP_NEEDED, (401, {}, {"code": "sign_in.refused"})])
def test_the_run_of_the_collection_is_refused_before_its_first_request(
    user_service: UserService, answer: tuple[int, dict[str, str], Any]
) -> None:
    user_service.answers = [answer]
    with pytest.raises(NoSignIn):
        refuse_without_sign_in(user_service.settings)
    user_service.gives("a.b.c")
    refuse_without_sign_in(user_service.settings)
    refuse_without_sign_in({"AUTH": "none"})
