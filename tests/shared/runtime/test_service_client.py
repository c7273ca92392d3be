"""Calls between services, against a real server that is slow, hostile, broken or away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.runtime.service_client import ServiceUnreachable
from shared.runtime.spans import span
from shared.values.schemas import RecordSchema
from tests.fakes.other_service import Answer, OtherService, other_service, raw, with_body, with_json

PATH = "/internal/thing"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MARK = "Geheimmarke"


class Thing(RecordSchema):
    """What is asked for."""

    name: str
    parts: dict[str, Any] = {}


@pytest.fixture
def other() -> Iterator[OtherService]:
    with other_service() as running:
        running.answers[PATH] = with_json({"name": "gut"})
        yield running


def test_the_answer_is_read_by_its_schema_and_a_newer_service_may_say_more(other: OtherService) -> None:
    other.answers[PATH] = with_json({"name": "gut", "added_later": [1]})
    assert other.client().get(PATH, Thing) == Thing(name="gut")


def test_a_call_carries_trace_token_purpose_and_query(other: OtherService) -> None:
    with span("a letter", correlation_id="letter-1") as this:
        other.client(token="t1").get(PATH, Thing, query={"ids": "1,2"}, purpose="Anruf für Frau Müller")
    (asked,) = (each for each in other.asked if each.path != "/token")
    assert asked.path == f"{PATH}?ids=1%2C2"
    assert asked.headers["Authorization"] == "Bearer t1"
    assert asked.headers["X-Purpose"].encode("latin-1").decode() == "Anruf für Frau Müller"
    assert asked.headers["X-Correlation-Id"] == "letter-1"
    assert this.context.trace_id in asked.headers["traceparent"]


@pytest.mark.parametrize("is_there", [True, False])
def test_who_may_answer_for_long_is_not_waited_for_so_long_where_it_is_away(is_there: bool) -> None:
    with other_service() as running:
        running.answers[PATH] = with_body(b"", status=503)
        client = running.client(seconds=20, retry_seconds=0.3)
        if not is_there:
            running.stop()
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            client.get(PATH, Thing)
    assert time.monotonic() - began < 2


def hostile(other: OtherService) -> dict[str, Answer]:
    """Answers that must not be taken, with everything that a service may do wrong."""
    return {
        "not JSON": with_body(b"<html>" + MARK.encode()),
        "HTML": with_body(b'{"name": "gut"}', Content_Type="text/html"),
        "a list": with_json([{"name": MARK}]),
        "another schema": with_json({"name": 5, "mark": MARK}),
        "nothing": with_body(b""),
        "deep": with_body(b'{"name": "gut", "parts": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001),
        "NaN": with_body(b'{"name": NaN}'),
        "NUL": with_body(b'{"name": "a\\u0000"}'),
        "lone surrogate": with_body(b'{"name": "\\ud800"}'),
        "not UTF-8": with_body(b'{"name": "\xff"}'),
        "endless digits": with_body(b'{"name": "gut", "parts": {"n": ' + b"9" * 5000 + b"}}"),
        "too large": with_json({"name": MARK * 200_000}),
        "too large, in pieces": raw(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"x" * 0x100000 + b"\r\n", until=other.is_over
        ),
        "cut off": raw(HEAD + b'Content-Length: 40\r\n\r\n{"name": "gut"'),
        "cut off between pieces": raw(HEAD + b'Transfer-Encoding: chunked\r\n\r\nf\r\n{"name": "gut"}\r\n'),
        "without an end": raw(HEAD + b'\r\n{"name": "gut"}'),
        "no HTTP": raw(b"220 mail.example.org ESMTP\r\n"),
        "endless headers": raw(HEAD, *[b"X-A: b\r\n"] * 500, b"\r\n"),
        "a long header": raw(HEAD + b"X-A: " + b"b" * 100_000 + b"\r\n\r\n"),
        "closed at once": raw(),
        "redirect": with_json({"name": "gut"}, 302, Location="http://127.0.0.1:1/internal/thing"),
        "500": with_json({"detail": MARK}, 500),
        "503": with_json({"detail": MARK}, 503),
        "403": with_json({"code": "role.missing"}, 403),
        "404": with_json({"code": "not_found"}, 404),
        "204": with_body(b"", 204),
        "hangs": raw(until=other.is_over),
        "a byte now and then": raw(HEAD + b"Content-Length: 100\r\n\r\n", b" ", until=other.is_over),
        "a header now and then": raw(HEAD, b"X-A: b\r\n", until=other.is_over, pause=0.1),
    }


def test_whatever_is_wrong_with_an_answer_the_service_counts_as_away_within_the_time(other: OtherService) -> None:
    """And nothing of the answer gets into the log."""
    for kind, answer in hostile(other).items():
        other.answers[PATH] = answer
        began = time.monotonic()
        with capture_logs() as lines, pytest.raises(ServiceUnreachable) as refused:
            other.client(seconds=0.5).get(PATH, Thing)
        assert time.monotonic() - began < 1.5, kind
        assert (refused.value.code, refused.value.members) == ("services.unreachable", {"services": ["other_service"]})
        assert [line["event"] for line in lines] == ["service.not_answering"], kind
        assert MARK not in str(lines) + str(refused.value) + repr(refused.value.__cause__), kind


def test_an_endless_dribble_ends_with_the_time_and_not_with_the_socket(other: OtherService) -> None:
    """Each byte comes long before a socket's time-out; together they would take for ever."""
    other.answers[PATH] = raw(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", until=other.is_over, pause=0.02)
    began = time.monotonic()
    with pytest.raises(ServiceUnreachable):
        other.client(seconds=1).get(PATH, Thing)
    assert 0.9 < time.monotonic() - began < 2


def test_a_service_that_refuses_connections_is_tried_again_until_the_time_is_over(other: OtherService) -> None:
    url = other.url
    client = other.client(seconds=0.6)
    other.stop()
    began = time.monotonic()
    with pytest.raises(ServiceUnreachable):
        client.get(PATH, Thing)
    assert time.monotonic() - began < 1.2
    assert url


def test_an_address_that_answers_nothing_ends_with_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent, other_service() as other:
        client = other.client(seconds=0.4)
        client.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            client.get(PATH, Thing)
        assert time.monotonic() - began < 1


def test_what_passes_in_a_moment_is_tried_again(other: OtherService) -> None:
    troubles = [with_json({}, 503), raw(), with_json({}, 502)]

    def answer(handler: Any) -> None:
        (troubles.pop() if troubles else with_json({"name": "gut"}))(handler)

    other.answers[PATH] = answer
    assert other.client().get(PATH, Thing).name == "gut"
    assert not troubles


@pytest.mark.parametrize("status", [301, 400, 403, 404, 422, 500])
def test_what_no_repetition_mends_is_asked_once(other: OtherService, status: int) -> None:
    other.answers[PATH] = with_json({}, status)
    with pytest.raises(ServiceUnreachable):
        other.client().get(PATH, Thing)
    assert len(other.asked) == 1


def test_after_a_failure_others_do_not_wait_for_the_same(other: OtherService) -> None:
    """A hundred call sheets must not hold a thread each for three seconds."""
    client = other.client(seconds=0.3, rest_seconds=0.5)
    other.answers[PATH] = raw(until=other.is_over)
    for _ in range(20):
        with pytest.raises(ServiceUnreachable):
            client.get(PATH, Thing)
    assert len(other.asked) <= 2
    other.answers[PATH] = with_json({"name": "gut"})
    time.sleep(0.5)
    assert client.get(PATH, Thing).name == "gut"


# The token


def test_a_token_is_fetched_once_and_shared(other: OtherService) -> None:
    client = other.client(token="t1")
    threads = [threading.Thread(target=client.get, args=(PATH, Thing)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.path for each in other.asked].count("/token") == 1
    assert other.paths() == [PATH] * 8


def test_a_token_that_is_not_accepted_any_more_is_exchanged_once(other: OtherService) -> None:
    """The signing keys were replaced: waiting for its end would stop all calls for minutes."""
    client = other.client(token="old")
    client.get(PATH, Thing)
    other.answers["/token"] = with_json({"access_token": "new", "expires_in": 300})

    def answer(handler: Any) -> None:
        is_new = handler.headers["Authorization"] == "Bearer new"
        (with_json({"name": "gut"}) if is_new else with_json({"code": "token.unknown_key"}, 401))(handler)

    other.answers[PATH] = answer
    assert client.get(PATH, Thing).name == "gut"
    other.answers[PATH] = with_json({}, 401)
    asked = len(other.paths())
    with pytest.raises(ServiceUnreachable):
        client.get(PATH, Thing)
    assert len(other.paths()) == asked + 2


def test_without_the_issuer_the_last_token_is_used_further(other: OtherService) -> None:
    client = other.client(token="t1")
    other.answers["/token"] = with_json({"access_token": "t1", "expires_in": 0.2})
    client.get(PATH, Thing)
    other.answers["/token"] = with_json({}, 503)
    time.sleep(0.25)
    assert client.get(PATH, Thing).name == "gut"


@pytest.mark.parametrize(
    "answer",
    [
        with_json({}, 401),
        with_json({"access_token": "a b\r\nX-Evil: 1", "expires_in": 300}),
        with_json({"access_token": "t", "expires_in": -1}),
        with_json({"access_token": "t" * 20_000, "expires_in": 300}),
        with_body(b"[" * 10_000),
    ],
    ids=["refused", "two lines", "over", "large", "deep"],
)
def test_without_any_token_nobody_is_asked(other: OtherService, answer: Answer) -> None:
    client = other.client(token="t1")
    other.answers["/token"] = answer
    with pytest.raises(ServiceUnreachable):
        client.get(PATH, Thing)
    assert other.paths() == []


def test_another_issuer_is_asked_as_oauth_says(other: OtherService) -> None:
    client = other.client(token="t1")
    assert client.tokens.sign_in is not None
    client.tokens.sign_in = replace(client.tokens.sign_in, is_oauth=True)
    client.get(PATH, Thing)
    asked = next(each for each in other.asked if each.path == "/token")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.body == f"grant_type=client_credentials&client_id=some_service&client_secret={'s' * 32}"
