"""The issuer's keys as a web process knows them, fetched from a real server that may be slow, hostile or away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from shared.errors import PlatformError, Unauthenticated, Unreachable
from shared.runtime import clock
from shared.security import keys as keys_module
from shared.security.authentication import Caller
from shared.security.keys import TokenKeys
from shared.security.sign_in import NoKeys, TokenSignIn
from shared.security.tokens import TokenRules
from testkit.token_issuer import ISSUER, Answer, TokenIssuer, claims, new_key, published, send, signed, token_issuer

RULES = TokenRules(ISSUER, ISSUER)


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    with token_issuer() as running:
        yield running


class Service:
    """What a web process does with tokens."""

    def __init__(self, issuer: TokenIssuer, *, grace: float = 3600, interval: float = 60) -> None:
        self.keys = TokenKeys(issuer.url, grace_seconds=grace, interval_seconds=interval)
        self.keys.start()
        self._sign_in = TokenSignIn(RULES, self.keys)

    def admits(self, token: str | None) -> Caller:
        return self._sign_in.caller({} if token is None else {"HTTP_AUTHORIZATION": f"Bearer {token}"})

    def refuses(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refusal:
            self.admits(token)
        return refusal.value.code

    def until(self, holds: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def with_keys(self) -> Service:
        self.until(lambda: bool(self.keys.by_id))
        return self

    def issuer_is(self, *, away: bool) -> None:
        far = clock.now() + timedelta(days=1)
        self.until(lambda: (self.keys.expired_as_of(far) < far) is away)

    def checks(self) -> dict[str, tuple[bool, bool]]:
        return {check.name: (check.run()[0], check.decisive) for check in self.keys.checks()}


@pytest.fixture
def started(issuer: TokenIssuer) -> Iterator[Callable[..., Service]]:
    running: list[Service] = []

    def start(**more: Any) -> Service:
        running.append(Service(issuer, **more))
        return running[-1]

    yield start
    for service in running:
        service.keys.stop()


Start = Callable[..., Service]


def test_keys_are_fetched_ahead_and_no_request_asks_for_them(issuer: TokenIssuer, started: Start) -> None:
    service = started().with_keys()
    asked = issuer.asked
    for _ in range(200):
        service.admits(issuer.token())
    assert issuer.asked == asked == 1


def test_without_any_key_nobody_is_recognised_and_the_process_is_not_ready(issuer: TokenIssuer, started: Start) -> None:
    """503 and not 401: the caller need not sign in again."""
    issuer.stop()
    service = started()
    with pytest.raises(NoKeys):
        service.admits(issuer.token())
    with pytest.raises(Unauthenticated):
        service.admits(None)
    assert service.checks() == {"token_keys": (False, True), "token_issuer": (False, False)}
    issuer.start()
    service.with_keys().admits(issuer.token())
    assert service.checks() == {"token_keys": (True, True), "token_issuer": (True, False)}


def test_a_new_key_is_known_at_once(issuer: TokenIssuer, started: Start) -> None:
    service = started().with_keys()
    issuer.keys.append(new_key())
    assert service.admits(issuer.token())


def test_a_new_key_is_known_at_once_also_after_tokens_that_expired(issuer: TokenIssuer, started: Start) -> None:
    service = started().with_keys()
    runs_out = issuer.token(lifetime=-29)  # with the leeway it runs out in a second
    time.sleep(1.2)
    assert service.refuses(runs_out) == "token.expired"
    issuer.keys = [new_key()]
    assert service.admits(issuer.token())


def test_invented_keys_cause_one_fetch_in_ten_seconds(issuer: TokenIssuer, started: Start) -> None:
    service = started().with_keys()
    began = time.monotonic()
    codes = {service.refuses(signed(claims(), new_key())) for _ in range(50)}
    assert (codes, issuer.asked) == ({"token.unknown_key"}, 2)
    assert time.monotonic() - began < keys_module.WAIT_SECONDS


def _hang(request: BaseHTTPRequestHandler) -> None:
    request.rfile.read(1)


@pytest.mark.slow
def test_an_issuer_that_hangs_holds_up_two_requests_for_two_seconds_at_most(
    issuer: TokenIssuer, started: Start
) -> None:
    service = started().with_keys()
    issuer.answer = _hang
    took: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        service.refuses(signed(claims(), new_key()))
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took)[5] < 0.5
    assert max(took) < keys_module.WAIT_SECONDS + 0.5
    assert service.admits(issuer.token()), "those with a known key go on meanwhile"


def test_rotation_refuses_no_request(issuer: TokenIssuer, started: Start) -> None:
    """A key is published, then signs, then the old one goes when its tokens have run out: under load."""
    service = started(interval=0.05).with_keys()
    refused: list[str] = []
    admitted = [0]
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            try:
                service.admits(issuer.token(key=signing[0]))
                admitted[0] += 1
            except PlatformError as problem:
                refused.append(problem.code)

    signing = [issuer.keys[0]]
    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        issuer.keys = [*issuer.keys, new_key()]
        service.until(lambda: issuer.keys[-1].kid in service.keys.by_id)
        signing[0] = issuer.keys[-1]
        time.sleep(0.05)
        issuer.keys = issuer.keys[-1:]
        service.until(lambda: len(service.keys.by_id) == 1)
    stop.set()
    for thread in threads:
        thread.join()
    assert refused == []
    assert admitted[0] > 100


def test_a_key_that_is_published_no_more_counts_no_more(issuer: TokenIssuer, started: Start) -> None:
    service = started(interval=0.05).with_keys()
    old = issuer.token()
    issuer.keys = [new_key()]
    service.until(lambda: issuer.keys[0].kid in service.keys.by_id)
    assert service.refuses(old) == "token.unknown_key"


def test_who_is_signed_in_goes_on_while_the_issuer_is_away_and_nobody_new_comes_in(
    issuer: TokenIssuer, started: Start
) -> None:
    """A token that runs out the moment before the issuer is found away counts as well: its request asks again."""
    service = started().with_keys()
    before = issuer.token(lifetime=-3600)
    signed_in = issuer.token(lifetime=-29)  # with the leeway it runs out in a second
    service.admits(signed_in)
    issuer.stop()
    time.sleep(1.2)
    assert service.admits(signed_in)
    assert service.checks() == {"token_keys": (True, True), "token_issuer": (False, False)}
    assert service.refuses(before) == "token.expired"
    assert service.refuses(signed(claims(), new_key())) == "token.unknown_key"
    issuer.start()
    service.issuer_is(away=False)
    assert service.refuses(signed_in) == "token.expired"


@pytest.mark.slow
def test_the_grace_ends(issuer: TokenIssuer, started: Start) -> None:
    service = started(grace=2).with_keys()
    token = issuer.token(lifetime=-29)
    issuer.stop()
    time.sleep(1.2)
    assert service.admits(token)
    service.issuer_is(away=False)
    assert service.refuses(token) == "token.expired"
    assert service.admits(issuer.token()), "a token that has not run out needs no issuer"


def test_an_expired_token_is_refused_at_once_while_the_issuer_answers(issuer: TokenIssuer, started: Start) -> None:
    service = started().with_keys()
    assert {service.refuses(issuer.token(lifetime=-60)) for _ in range(20)} == {"token.expired"}
    assert issuer.asked == 1


def _slowly(request: BaseHTTPRequestHandler) -> None:
    """The header at once, then a byte now and then, forever."""
    request.send_response(200)
    request.send_header("Content-Length", "60000")
    request.end_headers()
    with_patience(lambda: request.wfile.write(b" "))


def _header_slowly(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
    with_patience(lambda: request.wfile.write(b"a"))


def with_patience(write: Callable[[], Any]) -> None:
    try:
        for _ in range(200):
            write()
            time.sleep(0.1)
    except OSError:
        return


def _answer(body: bytes, status: int = 200, **headers: str) -> Answer:
    return lambda request: send(request, body, status, **headers)


def _redirect(status: int) -> Answer:
    """To keys of somebody else, which the same server has."""
    return lambda request: (
        send(request, published(new_key("evil")))
        if "?evil" in request.path
        else send(request, b"", status, Location=f"{request.path}?evil")
    )


def _raw(body: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(body)

    return answer


HOSTILE: dict[str, Answer] = {
    "garbage": _answer(b"\x00\xff" * 100),
    "a page": _answer(b"<html>Sign in to the Wi-Fi</html>"),
    "no keys": _answer(b'{"keys": []}'),
    "wrong types": _answer(b'{"keys": {"a": 1}}'),
    "deep": _answer(b"[" * 60_000),
    "huge": _answer(b'{"keys": [' + b" " * 10_000_000 + b"]}"),
    "symmetric": _answer(json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}).encode()),
    "private": _answer(json.dumps({"keys": [new_key().as_dict(private=True)]}).encode()),
    "an error": _answer(b"{}", 500),
    "nothing": _answer(b"", 204),
    "keys with an error": _answer(published(new_key("evil")), 503),
    "moved": _redirect(301),
    "moved for now": _redirect(307),
    "no HTTP": _raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "cut off": _raw(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"keys": ['),
    "a bad length": _raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "bad chunks": _raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n"),
    "many headers": _raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 5000 + b"\r\n{}"),
    "a long line": _raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n{}"),
    "hangs": _hang,
    "a slow body": _slowly,
    "a slow header": _header_slowly,
}


SLOW = {"hangs", "a slow body", "a slow header"}
"""A fetch is given up after three seconds."""


@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.slow if c in SLOW else ()) for c in HOSTILE])
def test_a_hostile_answer_changes_nothing_and_shows_that_the_issuer_is_away(
    case: str, issuer: TokenIssuer, started: Start
) -> None:
    service = started(interval=0.05).with_keys()
    known = set(service.keys.by_id)
    issuer.answer = HOSTILE[case]
    service.issuer_is(away=True)
    assert set(service.keys.by_id) == known
    assert service.admits(issuer.token())
    issuer.answer = None
    service.issuer_is(away=False)


def test_an_address_without_a_host_to_be_found_is_an_issuer_that_is_away() -> None:
    keys = TokenKeys("http://no-such-host.invalid/jwks", grace_seconds=60)
    keys.start()
    try:
        with pytest.raises(Unreachable):
            TokenSignIn(RULES, keys).caller({"HTTP_AUTHORIZATION": "Bearer a.b.c"})
    finally:
        keys.stop()
