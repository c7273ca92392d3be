"""What nobody may send is refused at the gateway, in the form in which services refuse, and reaches none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.http.service_app import SAFE_HEADERS
from shared.runtime.server.limits import MEBIBYTE
from tests.gateway.running import Gateway, gateway
from tests.shared.runtime.server.raw_clients import asked, is_problem

HOST = b"Host: localhost\r\n"
KILOBYTE = 1024

PATHS = {
    b"/metrics": 404,
    b"/metrics/": 404,
    b"/metrics?a=b": 404,
    b"/METRICS": 404,
    b"/metrics;x": 404,
    b"/metrics%20": 404,
    b"/%6detrics": 404,
    b"/health/ready": 404,
    b"/patient_service/metrics": 404,
    b"/patient_service/%6detrics": 404,
    b"/patient_service/health/live": 404,
    b"/patient_service/api/patients": 404,
    b"/patient_service/../metrics": 400,
    b"/patient_service/docs/../metrics": 400,
    b"/patient_service/docs/..%2fmetrics": 400,
    b"/patient_service/docs/%2e%2e/metrics": 400,
    b"/patient_service//metrics": 400,
    b"/alive": 404,
    b"/@late": 404,
    b"/problems/late": 404,
    b"/problems/too_large": 404,
    b"/": 404,
    b"//": 400,
    b"//metrics": 400,
    b"///metrics": 400,
    b"//localhost/metrics": 400,
    b"/api//patients": 400,
    b"/api/patients//": 400,
    b"/api/patients/../metrics": 400,
    b"/api/patients/../../../../etc/passwd": 400,
    b"/../metrics": 400,
    b"/./metrics": 400,
    b"/api/./patients": 400,
    b"/api/patients/.": 400,
    b"/api/patients/..": 400,
    b"/api/patients/..?a=b": 400,
    b"/api/patients/%2e": 400,
    b"/api/patients/%2e%2e": 400,
    b"/api/patients/%2E%2e/metrics": 400,
    b"/api/patients/.%2e/metrics": 400,
    b"/api/patients/%2e./metrics": 400,
    b"/api/patients/x%2fstatus": 400,
    b"/api/patients%2Fx": 400,
    b"/api/patients/x%5c..": 400,
    b"/api/patients\\..\\metrics": 400,
    b"/api/patients/%00": 400,
    b"/api/patients/a%00b": 400,
    b"/api/patients/a\0b": 400,
    b"/api/patients/%zz": 400,
    b"/api/patients/%": 400,
    b"/api/patients/..;/metrics": 404,
    b"/api/patients/%c0%ae%c0%ae/metrics": 404,
    b"/api/patients/%252e%252e/metrics": 404,
    b"api/patients": 400,
    b"*": 400,
    b"http://localhost/metrics": 404,
    b"http://localhost//metrics": 400,
    b"http://evil.example/api/patients": 421,
    b"http://evil.example@localhost/api/patients": 400,
}


def refused(front: Gateway, request: bytes, status: int) -> bytes:
    """The one answer to these bytes: a refusal that no service made."""
    answer = asked(front.address, request)
    assert is_problem(answer, status), answer
    assert answer.count(b"HTTP/1.1 ") == 1, "and nothing after it"
    assert front.reached == 0
    return answer


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=map(repr, PATHS))
def test_a_path_in_disguise_is_refused(front: Gateway, path: bytes, status: int) -> None:
    refused(front, b"GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (path, HOST), status)


HOSTS = [
    b"evil.example",
    b"evil.example:8080",
    b"127.0.0.1.evil.example",
    b"localhost.evil.example",
    b"xlocalhost",
    b"127.0.0.2",
    b"0.0.0.0",
    b"[::]",
    b"patient_service",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", [b"/api/patients", b"/health/live", b"/nothing"])
def test_another_host_is_refused(front: Gateway, host: bytes, path: bytes) -> None:
    """A page can give a name of its own our address; without accounts it would read patients."""
    refused(front, b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host), 421)


@pytest.mark.parametrize("host", [b"localhost", b"LocalHost:8080", b"127.0.0.1", b"127.0.0.1:1", b"[::1]:8080"])
def test_our_hosts_are_handed_on_as_they_were_named(front: Gateway, host: bytes) -> None:
    """The services compare `Origin` with it."""
    answer = asked(front.address, b"GET /api/patients HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert front.services["patient_service"].requests[0]["headers"]["HOST"] == host.decode()


def request(*headers: bytes, line: bytes = b"POST /api/patients HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, *headers, b"", body])


OURS = b"Host: localhost"
MALFORMED = {
    "no host": (request(line=b"GET /api/patients HTTP/1.1"), 400),
    "no host in HTTP/1.0": (request(line=b"GET /api/patients HTTP/1.0"), 421),
    "two hosts": (request(OURS, b"Host: evil.example"), 400),
    "two hosts, ours last": (request(b"Host: evil.example", OURS), 400),
    "an impossible host": (request(b"Host: local/host"), 400),
    "a host with an account": (request(b"Host: localhost@evil.example"), 421),
    "an open bracket": (request(b"Host: [::1"), 421),
    "a header of 64 KB": (request(OURS, b"X-Long: " + b"x" * 64 * KILOBYTE), 431),
    "a thousand headers": (request(OURS, *[b"X-%d: %s" % (n, b"x" * 100) for n in range(1000)]), 431),
    "an address of 64 KB": (request(OURS, line=b"GET /api/patients?q=%s HTTP/1.1" % (b"x" * 64 * KILOBYTE)), 431),
    "two lengths": (request(OURS, b"Content-Length: 1", b"Content-Length: 2", body=b"xx"), 400),
    "a length and chunks": (request(OURS, b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "an unknown encoding": (request(OURS, b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    "a negative length": (request(OURS, b"Content-Length: -1"), 400),
    "a length of words": (request(OURS, b"Content-Length: many"), 400),
    "a NUL in a header": (request(OURS, b"X-Nul: a\0b"), 400),
    "words": (b"hello there\r\n\r\n", 400),
    "an unknown version": (request(OURS, line=b"GET /api/patients HTTP/3.0"), 505),
    "TRACE": (request(OURS, line=b"TRACE /api/patients HTTP/1.1"), 405),
    "CONNECT": (request(OURS, line=b"CONNECT localhost:5432 HTTP/1.1"), 400),
    "a length beyond the limit": (request(OURS, b"Content-Length: %d" % (MEBIBYTE + 1)), 413),
    "and it waits for leave": (request(OURS, b"Content-Length: 9999999", b"Expect: 100-continue"), 413),
    "a chunk beyond the limit": (
        request(OURS, b"Transfer-Encoding: chunked", body=b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n"),
        413,
    ),
}


LINGERS = {what: [pytest.mark.slow] for what, (_, status) in MALFORMED.items() if status == 413}
"""nginx waits for what the client may still send."""


@pytest.mark.parametrize("what", [pytest.param(what, marks=LINGERS.get(what, [])) for what in MALFORMED])
def test_what_is_malformed_or_too_large_is_refused(front: Gateway, what: str) -> None:
    bytes_, status = MALFORMED[what]
    refused(front, bytes_.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), status)


def test_three_hundred_headers_are_no_harm(front: Gateway) -> None:
    headers = {f"X-{number}": "1" for number in range(300)}
    assert front.asked("GET", "/api/patients", headers=headers).ok


def test_a_body_at_the_limit_passes(front: Gateway) -> None:
    assert front.asked("POST", "/api/patients", data=b" " * MEBIBYTE).json()["length"] == MEBIBYTE


def test_a_body_in_chunks_passes(front: Gateway) -> None:
    """Services count the lines between the chunks too."""
    pieces = [b" " * 1000] * 1040
    assert front.asked("POST", "/api/patients", data=iter(pieces)).json()["length"] == 1_040_000


@pytest.mark.parametrize("path", ["/nothing", "/api//patients", "/metrics"])
def test_a_refusal_is_as_safe_as_an_answer(front: Gateway, path: str) -> None:
    answer = front.asked("GET", path)
    assert {name: answer.headers[name] for name, _ in SAFE_HEADERS} == dict(SAFE_HEADERS)
    assert answer.json()["correlation_id"] == answer.headers["X-Correlation-Id"]
    assert answer.headers["Server"] == "nginx", "and no version"


def test_safe_headers_are_added_where_a_service_leaves_them_out_and_not_twice(front: Gateway) -> None:
    bare = front.asked("GET", "/api/patients")
    assert {name: bare.headers[name] for name, _ in SAFE_HEADERS} == dict(SAFE_HEADERS)
    front.services["patient_service"].headers = [("Content-Security-Policy", "default-src 'self'")]
    answer = front.asked("GET", "/api/patients")
    assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_method_that_nobody_has_is_told_which_there_are(front: Gateway) -> None:
    refused_by_gateway = front.asked("TRACE", "/api/patients")
    assert "GET" in refused_by_gateway.headers["Allow"].split(", ")
    service = front.services["patient_service"]
    service.status, service.headers = "405 METHOD NOT ALLOWED", [("Allow", "GET, POST")]
    assert front.asked("DELETE", "/api/patients").headers["Allow"] == "GET, POST"


# --- too many --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict() -> Iterator[Gateway]:
    with gateway(settings={"GATEWAY_REQUESTS_PER_SECOND": "5", "GATEWAY_CONNECTIONS": "3"}) as running:
        yield running


def test_too_many_requests_are_429_with_the_time_to_wait(strict: Gateway) -> None:
    answers = [strict.asked("GET", "/api/patients") for _ in range(30)]
    statuses = [each.status_code for each in answers]
    assert statuses[:10] == [200] * 10, "a burst passes"
    late = [each for each in answers if each.status_code == 429]
    assert len(late) >= 15
    for each in late:
        assert each.headers["Content-Type"] == "application/problem+json"
        assert int(each.headers["Retry-After"]) >= 1
        assert (each.json()["code"], each.json()["status"]) == ("too_many_requests", 429)
    assert json.loads(strict.log.splitlines()[-1])["client"] == "127.0.0.1", "an operator sees who it is"
