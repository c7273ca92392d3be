"""The real server: two processes, spoken to over sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from shared.runtime.health import ReadinessCheck, health_app, serve_in_thread
from tests.shared.http.addresses import a_free_port, until_alive

ROOT = Path(__file__).parents[3]
MEBIBYTE = b"x" * 1024 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = a_free_port()
    command = [sys.executable, "-m", "tests.shared.http.sample", str(port), "2"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        yield process, until_alive(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def address(server: tuple[subprocess.Popen[bytes], str]) -> str:
    return server[1]


def answer_to(address: str, request: bytes) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)


@pytest.mark.parametrize(
    ("bind", "host", "auth"), [("::1", "[::1]", "none"), ("::", "[::1]", "token"), ("127.0.0.9", "127.0.0.9", "none")]
)
def test_it_listens_on_any_address_of_this_machine(bind: str, host: str, auth: str) -> None:
    port = a_free_port()
    command = [sys.executable, "-m", "tests.shared.http.sample", str(port), "1", f"bind={bind}", f"auth={auth}"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            address = until_alive(f"http://{host}:{port}")
            assert requests.get(f"{address}/health/live", timeout=5).status_code == 200
        finally:
            process.terminate()


def test_fifty_megabytes_are_refused_promptly_and_the_server_goes_on(address: str) -> None:
    began = time.monotonic()
    for body in (MEBIBYTE * 50, (MEBIBYTE for _ in range(50))):
        answer = requests.post(f"{address}/api/plain", data=body, headers=JSON, timeout=10)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert time.monotonic() - began < 5
    assert requests.get(f"{address}/api/plain", timeout=5).status_code == 200


def test_a_chunked_body_that_fits_is_read(address: str) -> None:
    answer = requests.post(f"{address}/api/plain", data=iter([b'{"name"', b': "x"}']), headers=JSON, timeout=5)
    assert (answer.status_code, answer.json()["name"]) == (201, "x")


@pytest.mark.parametrize(
    "rest",
    [
        b'Content-Length: 100\r\n\r\n{"name": "x"}',
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n0\r\n\r\n",
        b'Transfer-Encoding: chunked\r\n\r\nd\r\n{"name": "x"}\r\n',
    ],
)
def test_a_body_that_is_cut_or_malformed_is_a_bad_request(address: str, rest: bytes) -> None:
    head = b"POST /api/plain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert answer_to(address, head + rest).startswith(b"HTTP/1.1 400")
    assert requests.get(f"{address}/api/plain", timeout=5).status_code == 200


def test_garbage_is_a_bad_request(address: str) -> None:
    assert answer_to(address, b"\x16\x03\x01 garbage\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_no_header_rewrites_the_path(address: str) -> None:
    head = b"GET /api/nothing HTTP/1.1\r\nHost: localhost\r\nPath-Info: /api/plain\r\nScript-Name: /api\r\n\r\n"
    assert answer_to(address, head).startswith(b"HTTP/1.1 404")


def test_stalled_clients_keep_nobody_waiting(address: str) -> None:
    head = b"POST /api/plain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    stalled = {b"": 400, head: 40, head + b"Content-Length: 100\r\n\r\n{": 40}
    host, port = address.removeprefix("http://").split(":")
    with ExitStack() as open_clients:
        for sent, times in stalled.items():
            for _ in range(times):
                connection = open_clients.enter_context(socket.create_connection((host, int(port)), timeout=10))
                connection.sendall(sent)
        for path in ("/health/live", "/api/plain", "/metrics") * 5:
            assert requests.get(f"{address}{path}", timeout=3).status_code == 200


def test_metrics_count_over_all_processes(address: str) -> None:
    for _ in range(20):
        requests.delete(f"{address}/api/plain", timeout=5)
    text = requests.get(f"{address}/metrics", timeout=5).text
    assert 'platform_http_request_seconds_count{method="DELETE",route="/api/plain",status="204"} 20.0' in text


def test_it_ends_within_the_grace_when_told_to(server: tuple[subprocess.Popen[bytes], str]) -> None:
    process, address = server
    requests.get(f"{address}/api/plain", timeout=5)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stderr is not None
    lines = process.stderr.read().decode().splitlines()
    assert lines
    assert all(line.startswith("{") for line in lines)


def test_a_worker_answers_health_on_a_server_of_its_own() -> None:
    port = a_free_port()
    works = {"kafka": True}
    end = serve_in_thread(
        health_app([ReadinessCheck("kafka", lambda: works["kafka"])], {"dead_letters": lambda: 3}), "127.0.0.1", port
    )
    try:
        address = f"http://127.0.0.1:{port}"
        assert requests.get(f"{address}/health/live", timeout=5).status_code == 200
        answer = requests.get(f"{address}/health/ready", timeout=5)
        assert (answer.status_code, answer.json()["figures"]) == (200, {"dead_letters": 3})
        works["kafka"] = False
        answer = requests.get(f"{address}/health/ready", timeout=5)
        assert (answer.status_code, answer.json()["checks"]["kafka"]["ok"]) == (503, False)
        assert "platform_" in requests.get(f"{address}/metrics", timeout=5).text
        assert requests.get(f"{address}/other", timeout=5).status_code == 404
    finally:
        end()
