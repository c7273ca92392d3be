"""One GET with a limit for everything: time, size, redirects. For an address that a setting names."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

LONGEST_SECONDS: Final = 3.0


class NotFetched(Exception):
    """There was an answer, and it is not what was asked for. The message quotes nothing of it."""


def get(url: str, *, largest: int, seconds: float = LONGEST_SECONDS) -> bytes:
    """Returns the body of a 200. Raises `NotFetched`, or `OSError` where nothing answers in time.

    Redirects are not followed: somebody who can redirect could name another source.
    """
    address = urlsplit(url)
    path = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
    with _connected(address.scheme, address.netloc, seconds) as connection:
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            with connection.getresponse() as response:
                body = response.read(largest + 1)
        except (HTTPException, ValueError) as problem:
            raise NotFetched("the answer is no HTTP, or was cut off") from problem
    if response.status != HTTPStatus.OK:
        raise NotFetched(f"the answer has the status {response.status}")
    if len(body) > largest:
        raise NotFetched("the answer is too large")
    return body


@contextmanager
def _connected(scheme: str, netloc: str, seconds: float) -> Iterator[HTTPConnection]:
    """Yields a connection that is shut down after that time: a server may send a byte every second, forever."""
    connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(netloc, timeout=seconds)
    connection.connect()
    # the connection forgets its socket when a response takes it over
    end = Timer(seconds, _shut_down, [connection.sock])
    end.daemon = True
    end.start()
    try:
        yield connection
    finally:
        end.cancel()
        connection.close()


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        connected.shutdown(socket.SHUT_RDWR)
