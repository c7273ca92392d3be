"""Our server with an application that echoes and short times of waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.runtime.server import Limits, Server, listening_socket

MEBIBYTE = 1024 * 1024
QUICK = Limits(
    header_seconds=1,
    request_seconds=2,
    answer_seconds=2,
    idle_seconds=1.5,
    linger_seconds=0.5,
    unread_bytes=4 * MEBIBYTE,
    connections=40,
)
THREADS = 4
LARGE = b"x" * 8 * MEBIBYTE
"""More than a socket takes by itself."""


class Application:
    """Echoes; can be told to hold its threads."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.reached: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.reached.append(environ["PATH_INFO"])
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/large":
            body = LARGE
        if environ["PATH_INFO"] == "/holds":
            self.may_go_on.wait(20)
        if environ["PATH_INFO"].endswith("//path"):
            body = environ["PATH_INFO"].encode()
        if environ["PATH_INFO"].startswith("/address"):
            body = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}".encode("latin-1")
        if environ["PATH_INFO"] == "/host":
            body = environ.get("HTTP_HOST", "").encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]


@contextmanager
def serving(limits: Limits) -> Iterator[tuple[Application, tuple[str, int]]]:
    """The application served on a port of its own, and its address."""
    application = Application()
    socket_ = listening_socket("127.0.0.1", 0)
    address = socket_.getsockname()
    end = Server(application, socket_, threads=THREADS, limits=limits).run_in_thread("test")
    try:
        yield application, address
    finally:
        application.may_go_on.set()
        end()
