"""Lists as files, sent by the real server: to clients that read slowly or go away, and with an end that fails."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import text

from shared import database
from shared.runtime.health import serve_in_thread
from tests.shared.http.addresses import a_free_port
from tests.shared.http.sample import PARTS_READ, UNREADABLE, Bench, create_app

CSV = {"Accept": "text/csv"}
WIDE = "x" * 20_000
"""A name so long that a list does not fit into the buffers between server and client."""


@pytest.fixture
def address(stored: FlaskClient) -> Iterator[str]:
    """The address of a server with an empty database, in a thread of this process."""
    port = a_free_port()
    PARTS_READ.clear()
    stop = serve_in_thread(create_app(), "127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    stop()


def build(names: list[str]) -> None:
    with database.transaction() as session:
        session.add_all(Bench(name=name, seats=2) for name in names)


def open_transactions() -> int:
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = 'benches'"
    with database.transaction() as session:
        return session.scalar(text(idle)) or 0


def test_a_file_comes_whole(address: str) -> None:
    build([f"b{number:04}" for number in range(450)])
    answer = requests.get(f"{address}/api/catalogue?view=label&sort=name", headers=CSV, timeout=20)
    lines = answer.text.splitlines()
    assert (answer.status_code, lines[0], len(lines)) == (200, '"id","name"', 451)
    assert [line[-6:-1] for line in lines[1:]] == [f"b{number:04}" for number in range(450)]


@pytest.mark.slow
def test_a_client_that_goes_away_ends_the_reading_and_leaves_nothing_open(address: str) -> None:
    build([f"{number:05}{WIDE}" for number in range(2000)])  # 40 MB
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /api/catalogue?view=label HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    until = time.monotonic() + 20
    while time.monotonic() < until and requests.get(f"{address}/api/plain", timeout=10).status_code != 200:
        time.sleep(0.1)
    read = len(PARTS_READ)
    time.sleep(1)
    assert len(PARTS_READ) == read < 10
    assert open_transactions() == 0


@pytest.mark.slow
def test_a_slow_reader_holds_no_transaction(address: str) -> None:
    build([f"{number:05}{WIDE}" for number in range(2000)])
    with requests.get(f"{address}/api/catalogue?view=label", headers=CSV, stream=True, timeout=20) as answer:
        pieces = answer.iter_content(100_000)
        next(pieces)
        time.sleep(1)
        assert open_transactions() == 0
        assert sum(piece.count(b"\n") for piece in pieces) >= 1990


def test_a_file_whose_end_cannot_be_read_does_not_look_whole(address: str) -> None:
    build([UNREADABLE, *(f"b{number:04}" for number in range(450))])
    with pytest.raises(requests.exceptions.RequestException):
        assert requests.get(f"{address}/api/catalogue?view=label", headers=CSV, timeout=20).content
    assert requests.get(f"{address}/api/catalogue?sort=name&limit=1", timeout=20).status_code == 200


def test_a_file_whose_beginning_cannot_be_read_is_a_problem(address: str) -> None:
    build([UNREADABLE])
    answer = requests.get(f"{address}/api/catalogue", headers=CSV, timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
