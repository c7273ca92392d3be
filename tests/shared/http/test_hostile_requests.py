"""What a web process of a service answers by itself, without the gateway, to requests that no client of ours sends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.http.addresses import a_free_port, until_alive
from tests.shared.runtime.server.raw_clients import asked, is_problem

ROOT = Path(__file__).parents[3]
HOST = b"Host: localhost\r\n"
KIBIBYTE = 1024


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A real process."""
    port = a_free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.shared.http.sample", str(port), "1"], cwd=ROOT)
    try:
        until_alive(f"http://127.0.0.1:{port}")
        yield "127.0.0.1", port
    finally:
        process.kill()
        process.wait()


def get(path: bytes, *headers: bytes, host: bytes = HOST) -> bytes:
    lines = b"".join(each + b"\r\n" for each in headers)
    return b"GET %s HTTP/1.1\r\n%s%sConnection: close\r\n\r\n" % (path, host, lines)


REFUSED: dict[str, tuple[bytes, int]] = {
    "dots": (get(b"/api/../metrics-of-another"), 404),
    "encoded dots": (get(b"/api/%2e%2e/etc/passwd"), 404),
    "dots encoded twice": (get(b"/docs/%252e%252e/%252e%252e/etc/passwd"), 404),
    "dots below the documentation": (get(b"/docs/../../../../etc/passwd"), 404),
    "encoded dots below the documentation": (get(b"/docs/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), 404),
    "an encoded slash": (get(b"/docs/..%2f..%2f..%2fetc%2fpasswd"), 404),
    "a backslash": (get(b"/docs/..\\..\\..\\etc\\passwd"), 404),
    "two slashes": (get(b"//api//plain"), 404),
    "two slashes and a host": (get(b"//evil.example/api/plain"), 404),
    "an encoded NUL": (get(b"/docs/%00"), 404),
    "a NUL": (get(b"/docs/a\0b"), 404),
    "an encoded line break": (get(b"/nothing%0d%0aX-Injected:%201"), 404),
    "broken UTF-8": (get(b"/nothing%c0%ae"), 404),
    "no slash": (get(b"api/plain"), 400),
    "an asterisk": (get(b"*"), 404),
    "another host": (get(b"/api/plain", host=b"Host: evil.example\r\n"), 421),
    "another host in the first line": (get(b"http://evil.example/api/plain"), 421),
    "another host in both": (get(b"http://evil.example/api/plain", host=b"Host: evil.example\r\n"), 421),
    "no host": (get(b"/api/plain", host=b""), 400),
    "a header of 64 KiB": (get(b"/api/plain", b"X-Long: " + b"x" * 64 * KIBIBYTE), 431),
    "an address of 64 KiB": (get(b"/api/plain?q=" + b"x" * 64 * KIBIBYTE), 431),
    "3000 headers": (get(b"/api/plain", *(b"X-%d: 1" % number for number in range(3000))), 431),
    "an encoding with 15,000 tabs": (get(b"/api/plain", b"Transfer-Encoding: a" + b"\t" * 15_000 + b"!"), 501),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_request_is_refused_with_one_problem(address: tuple[str, int], what: str) -> None:
    request, status = REFUSED[what]
    answer = asked(address, request)
    assert is_problem(answer, status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"root:" not in answer
    assert b"\r\nX-Injected" not in answer


def test_three_hundred_headers_are_no_harm(address: tuple[str, int]) -> None:
    answer = asked(address, get(b"/health/live", *(b"X-%d: 1" % number for number in range(300))))
    assert answer.startswith(b"HTTP/1.1 200")
