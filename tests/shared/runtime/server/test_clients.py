"""Slow, greedy and malformed clients over real sockets: they cost a timeout, never a thread that others need."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shared.runtime.server import Limits
from tests.builders.languages import TOKENS
from tests.shared.runtime.server.echo_server import LARGE, MEBIBYTE, QUICK, THREADS, Application, serving
from tests.shared.runtime.server.raw_clients import all_of, asked, client, is_closed, is_problem, seconds_until_closed

ESTABLISHED = 1
"""As the first byte of TCP_INFO says it."""
HALF_A_HEADER = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HALF_A_BODY = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
HALF_A_CHUNK = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"
AN_ANSWER_NOT_READ = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
A_REQUEST = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"

STALLED = {
    "says nothing": b"",
    "half a first line": b"GET /ec",
    "half a header": HALF_A_HEADER,
    "half a body": HALF_A_BODY,
    "half a chunk": HALF_A_CHUNK,
    "does not read its answer": AN_ANSWER_NOT_READ,
    "keeps its connection": A_REQUEST,
}


@pytest.fixture
def served() -> Iterator[tuple[Application, tuple[str, int]]]:
    with serving(QUICK) as running:
        yield running


@pytest.fixture
def application(served: Any) -> Application:
    return served[0]  # type: ignore[no-any-return]


@pytest.fixture
def address(served: Any) -> tuple[str, int]:
    return served[1]  # type: ignore[no-any-return]


@pytest.mark.parametrize("what", STALLED)
def test_stalled_clients_do_not_keep_others_waiting(address: tuple[str, int], what: str) -> None:
    threads = threading.active_count()
    with ExitStack() as open_clients:
        for _ in range(3 * THREADS):
            open_clients.enter_context(client(address, STALLED[what], buffer=4096))
        time.sleep(0.5)
        for _ in range(5):
            began = time.monotonic()
            assert asked(address, A_REQUEST).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 5
        assert threading.active_count() == threads


@pytest.mark.slow
@pytest.mark.parametrize("what", STALLED)
def test_stalled_clients_are_let_go(address: tuple[str, int], what: str) -> None:
    with client(address, STALLED[what], buffer=4096) as connection:
        time.sleep(0.2)
        if what == "does not read its answer":
            time.sleep(QUICK.answer_seconds + 2)
            assert len(all_of(connection)) < len(LARGE)
            return
        _, received = seconds_until_closed(connection)
        if what in ("half a first line", "half a header", "half a body", "half a chunk"):
            assert is_problem(received, 408)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [HALF_A_HEADER, HALF_A_BODY, HALF_A_CHUNK])
def test_a_byte_now_and_again_is_no_excuse(address: tuple[str, int], sent: bytes) -> None:
    with client(address, sent) as connection:
        seconds, received = seconds_until_closed(connection, lambda: connection.sendall(b"a"))
    assert seconds < QUICK.request_seconds + 3
    assert is_problem(received, 408)


def test_empty_lines_keep_no_connection_open(address: tuple[str, int]) -> None:
    with client(address) as connection:
        seconds, _ = seconds_until_closed(connection, lambda: connection.sendall(b"\r\n"))
    assert seconds < QUICK.idle_seconds + 3


@pytest.mark.slow
def test_who_reads_an_answer_byte_by_byte_is_let_go(address: tuple[str, int]) -> None:
    with client(address, AN_ANSWER_NOT_READ, buffer=4096) as connection:
        began, received = time.monotonic(), 0
        try:
            while some := connection.recv(256):
                received += len(some)
                time.sleep(0.02)
                assert time.monotonic() - began < 10, "still open"
        except ConnectionResetError:
            pass
    assert received < len(LARGE)


def test_a_new_client_comes_in_where_idle_ones_fill_the_house(address: tuple[str, int]) -> None:
    with ExitStack() as open_clients:
        idle = [open_clients.enter_context(client(address)) for _ in range(3 * QUICK.connections)]
        assert asked(address, A_REQUEST).startswith(b"HTTP/1.1 200")
        closed, _ = seconds_until_closed(idle[0])
        assert closed < 1, "the longest idle one goes first"


def test_health_is_answered_while_all_threads_are_held(application: Application, address: tuple[str, int]) -> None:
    application.may_go_on.clear()
    with ExitStack() as open_clients:
        for _ in range(THREADS + 3):
            open_clients.enter_context(client(address, b"GET /holds HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        time.sleep(0.3)
        for path in (b"/health/live", b"/health/ready", b"/metrics"):
            began = time.monotonic()
            assert asked(address, b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < 1


HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
GERMAN = re.compile("Diese|Die|Hier|Buchstaben")
ENGLISH = re.compile("This|The|Something|Letters")

REFUSED: dict[str, tuple[bytes, int]] = {
    "not HTTP": (b"\x16\x03\x01 garbage\r\n\r\n", 400),
    "no version": (b"GET /echo\r\n\r\n", 505),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a header without a colon": (b"GET /echo HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n", 400),
    "a blank before the colon": (b"GET /echo HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "a header that goes on": (b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n 2\r\n\r\n", 400),
    "a bare line feed": (b"GET /echo HTTP/1.1\r\nHost: localhost\nX-A: 1\r\n\r\n", 400),
    "two hosts": (b"GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
    "large headers": (HEAD + b"X-Large: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "many headers": (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(3000)) + b"\r\n", 431),
    "endless headers": (HEAD + b"X-Large: " + b"x" * 40_000, 431),
    "a large body": (HEAD + b"Content-Length: 1048577\r\n\r\n", 413),
    "a larger body": (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "a large chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n200000\r\n" + b"x" * 0x200000, 413),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    "a length in words": (HEAD + b"Content-Length: 1_0\r\n\r\n0123456789", 400),
    "two lengths": (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "two lengths in one": (HEAD + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "length and chunks": (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks in HTTP/1.0": (b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "another encoding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501),
    "a hidden encoding": (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 501),
    "a chunk without a size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n0\r\n\r\n", 400),
    "a chunk with a sign": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n", 400),
    "a chunk that is longer than it says": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400),
    "an endless line between chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a" * 9000, 400),
    "a body that is cut": (HEAD + b"Content-Length: 100\r\n\r\nabc", 400),
    "chunks that are cut": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 400),
    "an address in Latin-1": (b"GET /echo?q=M\xfcller HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "headers that are cut": (HEAD + b"X-A: ", 400),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_request_is_refused_with_a_problem(
    application: Application, address: tuple[str, int], what: str
) -> None:
    request, status = REFUSED[what]
    assert is_problem(asked(address, request), status)
    assert not application.reached
    assert asked(address, A_REQUEST).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("language", "sentences"), [("de", GERMAN), ("en", ENGLISH)])
@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_said_in_the_language_of_the_client(
    address: tuple[str, int], what: str, language: str, sentences: re.Pattern[str]
) -> None:
    """Also where the headers themselves are refused."""
    line, end, rest = REFUSED[what][0].partition(b"\r\n")
    header = f"Accept-Language: fr, {language};q=0.5".encode()
    head, _, body = asked(address, line + end + header + end + rest).partition(b"\r\n\r\n")
    assert f"\r\nContent-Language: {language}\r\n".encode() in head + b"\r\n"
    assert sentences.match(json.loads(body)["detail"])


@pytest.mark.parametrize(("authorization", "language"), TOKENS)
@pytest.mark.parametrize("what", REFUSED)
def test_without_a_preference_it_is_german_for_people(
    address: tuple[str, int], what: str, authorization: str | None, language: str
) -> None:
    line, end, rest = REFUSED[what][0].partition(b"\r\n")
    header = f"Authorization: {authorization}".encode() if authorization else b"X-Nothing: 1"
    head, _, _ = asked(address, line + end + header + end + rest).partition(b"\r\n\r\n")
    assert f"\r\nContent-Language: {language}\r\n".encode() in head + b"\r\n"


def test_who_sends_too_slowly_is_refused_in_their_language() -> None:
    with serving(QUICK) as (_, address), client(address, HEAD + b"Accept-Language: de\r\nX-A") as connection:
        assert "nicht rechtzeitig" in all_of(connection).decode()


def test_nothing_after_a_refused_request_is_taken_for_another(
    application: Application, address: tuple[str, int]
) -> None:
    for request, status in (REFUSED[what] for what in REFUSED if "cut" not in what and "endless" not in what):
        assert is_problem(
            asked(address, request + b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"), status
        )
    assert not application.reached


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (HEAD + b"content-length: 0\r\n\r\n", b""),
        (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abcd"),
        (HEAD + b"Expect: 100-continue\r\n\r\n", b""),
        (b"\r\n" + A_REQUEST, b""),
        (b"GET //path?q HTTP/1.1\r\nHost: localhost\r\n\r\n", b"//path"),
        (b"GET http://other.example/host HTTP/1.1\r\nHost: localhost\r\n\r\n", b"other.example"),
    ],
)
def test_ordinary_requests_are_answered(address: tuple[str, int], request_: bytes, body: bytes) -> None:
    head, _, answered = asked(address, request_).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert answered == body


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ("/address?q=Müller", b"/address?q=M%C3%BCller"),
        ("/address?q=M%C3%BCller&city=Köln", b"/address?q=M%C3%BCller&city=K%C3%B6ln"),
        ("/address/Köln?q=%", "/address/Köln?q=%".encode()),
        ("/address?q=😀", b"/address?q=%F0%9F%98%80"),
    ],
)
def test_letters_beyond_ascii_in_an_address_are_taken_as_utf8(
    address: tuple[str, int], sent: str, understood: bytes
) -> None:
    """As `curl 'http://…/api/patients?q=Müller'` sends them."""
    request = f"GET {sent} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    head, _, answered = asked(address, request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert answered == understood


def test_an_address_in_another_encoding_is_refused_with_what_would_be_right(address: tuple[str, int]) -> None:
    answer = asked(address, REFUSED["an address in Latin-1"][0]).partition(b"\r\n\r\n")[2]
    assert "percent-encoded in UTF-8: M%C3%BCller" in json.loads(answer)["detail"]


def test_who_asks_whether_to_go_on_is_told_so(address: tuple[str, int]) -> None:
    with client(address, HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n") as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1000).endswith(b"\r\n\r\nabc")


def test_requests_one_after_the_other_are_answered_in_order(address: tuple[str, int]) -> None:
    bodies = [b"%d" % number for number in range(50)]
    requests = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
    answers = asked(address, requests)
    assert [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]] == bodies


def test_who_asks_on_and_on_without_reading_gets_little(application: Application, address: tuple[str, int]) -> None:
    with client(address, AN_ANSWER_NOT_READ * 100, buffer=4096) as connection:
        time.sleep(1)
        assert len(all_of(connection)) < 2 * len(LARGE)
    assert len(application.reached) < 5
    assert asked(address, A_REQUEST).startswith(b"HTTP/1.1 200")


def test_who_asks_on_and_on_and_never_reads_is_let_go(address: tuple[str, int]) -> None:
    with client(address, AN_ANSWER_NOT_READ * 100, buffer=4096) as connection:
        for _ in range(70):
            time.sleep(0.1)
            if connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
                return
    raise AssertionError("still open")


@pytest.mark.slow
def test_halves_of_bodies_do_not_pile_up() -> None:
    half = HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 900_000
    with serving(Limits(all_waiting_bytes=4 * MEBIBYTE)) as (_, address), ExitStack() as open_clients:
        halves = [open_clients.enter_context(client(address, half)) for _ in range(8)]
        time.sleep(2.5)
        ended = [is_closed(connection) for connection in halves]
    assert 3 <= sum(ended) <= 5, "as many as are too many"
    assert ended[0], "the longest wait ends first"


@pytest.mark.slow
def test_answers_that_nobody_takes_do_not_pile_up() -> None:
    with serving(Limits(all_waiting_bytes=20 * MEBIBYTE, idle_seconds=1)) as (_, address), ExitStack() as open_clients:
        slow = [open_clients.enter_context(client(address, AN_ANSWER_NOT_READ, buffer=4096)) for _ in range(8)]
        time.sleep(3)
        complete = [len(all_of(connection)) > len(LARGE) for connection in slow]
    assert True in complete
    assert False in complete


def test_a_request_in_hand_is_answered_before_the_end() -> None:
    with serving(QUICK) as (application, address):
        application.may_go_on.clear()
        threading.Timer(0.5, application.may_go_on.set).start()
        connection = client(address, b"GET /holds HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
    with connection:
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200")


def test_every_refusal_has_its_sentence() -> None:
    with serving(QUICK) as (_, address):
        answers = [asked(address, request).partition(b"\r\n\r\n")[2] for request, _ in REFUSED.values()]
    assert len({json.loads(answer)["detail"] for answer in answers}) == 6
