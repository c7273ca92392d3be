"""One HTTP request with a limit for everything: time, size, redirects. For an address that a setting names.

Python's own client below, since the limit of time must hold for the whole answer: with `requests` it is one between two
pieces, and a server that sends a byte each second is listened to for ever.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from threading import Event, Timer
from typing import Final
from urllib.parse import urlsplit

from shared.runtime import clock

SHORTEST_WAIT: Final = 0.01
"""Seconds that are left for an answer at least: a socket takes no time-out of nothing."""


class BadAnswer(Exception):
    """There was an answer, and it cannot be taken. The message quotes nothing of it."""


@dataclass(frozen=True)
class Answer:
    """The answer to a request, read to its end."""

    status: int
    body: bytes = field(repr=False)
    media_type: str = ""
    is_whole: bool = True
    """Whether the server said where it ends; False where only the end of the connection says so."""


def send(
    method: str,
    url: str,
    *,
    largest: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Returns the answer, whatever its status; redirects are not followed: who redirects could name another source.

    `largest`: bytes of the body. `seconds`: for everything, from the connection to the last byte.

    Raises `BadAnswer` for one that is too large, cut off or no HTTP, and `OSError` where nothing answers in time.
    """
    address = urlsplit(url)
    path = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
    sent = {name: value.encode() for name, value in (headers or {}).items()}
    with _connected(address.scheme, address.netloc, seconds) as connection:
        try:
            connection.request(method, path, body=body, headers=sent)
            with connection.getresponse() as response:
                return _read(response, largest)
        except RemoteDisconnected:
            raise  # an OSError: the server has gone before it answered anything
        except (HTTPException, ValueError) as problem:
            raise BadAnswer("the answer is no HTTP, or was cut off") from problem


def _read(response: HTTPResponse, largest: int) -> Answer:
    is_whole = response.length is not None or bool(response.chunked)
    body = response.read(largest + 1)
    if len(body) > largest:
        raise BadAnswer("the answer is too large")
    if response.length:  # what was announced and has not come: reading up to a limit does not notice it
        raise BadAnswer("the answer was cut off")
    return Answer(response.status, body, response.headers.get_content_type(), is_whole)


@contextmanager
def _connected(scheme: str, netloc: str, seconds: float) -> Iterator[HTTPConnection]:
    """Yields a connection that is shut down after that time: a server may send a byte every second, forever."""
    ends_at = clock.monotonic() + seconds
    connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(netloc, timeout=seconds)
    connection.connect()
    is_over = Event()
    # the connection forgets its socket when a response takes it over
    end = Timer(max(ends_at - clock.monotonic(), SHORTEST_WAIT), _shut_down, [connection.sock, is_over])
    end.daemon = True
    end.start()
    try:
        yield connection
    except (BadAnswer, OSError) as problem:
        _refuse_late(is_over, seconds)
        raise problem
    finally:
        end.cancel()
        connection.close()
    _refuse_late(is_over, seconds)


def _refuse_late(is_over: Event, seconds: float) -> None:
    """What was read after that time may have been cut off by us. Raises `TimeoutError`."""
    if is_over.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")


def _shut_down(connected: socket.socket, is_over: Event) -> None:
    is_over.set()
    with suppress(OSError):  # it may be closed already
        connected.shutdown(socket.SHUT_RDWR)
