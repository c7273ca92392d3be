"""An HTTP load generator with little cost of its own: one thread per kept-alive connection."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit


def request_bytes(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Returns the bytes of a whole request."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    sent = {"Host": parts.netloc, "Content-Length": str(len(body)), **headers}
    if body:
        sent["Content-Type"] = "application/json"
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def throughput(
    url: str,
    bodies: Callable[[int], bytes] | None = None,
    *,
    connections: int,
    seconds: float,
    expected: int,
    headers: Mapping[str, str],
) -> float:
    """Returns the requests per second; raises `RuntimeError` at the first without the expected status.

    `bodies(n)` is the n-th body of a POST; without it a GET is sent. A warm-up of a fifth of the time is not counted.
    """
    method, body_of = ("GET", lambda _turn: b"") if bodies is None else ("POST", bodies)
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    counts, failures = [0] * connections, []
    begin = threading.Barrier(connections + 1)
    counting, stop = threading.Event(), threading.Event()

    def work(number: int) -> None:
        with socket.create_connection(address, timeout=30) as connection:
            begin.wait()
            turn = number
            while not stop.is_set():
                status = exchange(connection, request_bytes(method, url, body_of(turn), headers))
                if status != expected:
                    failures.append(status)
                    return
                turn += connections
                if counting.is_set():
                    counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    begin.wait()
    time.sleep(seconds / 5)
    counting.set()
    started = time.perf_counter()
    time.sleep(seconds)
    total, took = sum(counts), time.perf_counter() - started
    stop.set()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{url} answered {failures[0]} where {expected} was expected")
    return total / took


def exchange(connection: socket.socket, request: bytes) -> int:
    """Send one request, read its whole answer, return the status."""
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    missing = length - len(body)
    while missing > 0:
        missing -= len(_some(connection))
    return int(head[9:12])


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise RuntimeError("the connection was closed")
    return received


def alternately(rounds: int, *measures: Callable[[], float]) -> Sequence[float]:
    """Returns the best of several rounds of each measure, run in turns, so that a slow minute affects all of them."""
    best = [0.0] * len(measures)
    for _ in range(rounds):
        for place, measure in enumerate(measures):
            best[place] = max(best[place], measure())
    return best


def answered(log: Path, begin: int, route: str, method: str = "GET") -> Iterator[float]:
    """Yields the milliseconds from each request's arrival in the application to its answer, from the service's log."""
    with log.open("rb") as lines:
        lines.seek(begin)
        for line in lines:
            entry = json.loads(line) if b'"request.answered"' in line else {}
            if (entry.get("method"), entry.get("route")) == (method, route):
                yield entry["milliseconds"]
