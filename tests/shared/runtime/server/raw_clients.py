"""Clients that send raw bytes, and what they see."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable


def client(address: tuple[str, int], sent: bytes = b"", *, buffer: int | None = None) -> socket.socket:
    """A connection over which these bytes were sent; a small buffer makes it a slow reader."""
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(10)
    connection.connect(address)
    connection.sendall(sent)
    return connection


def all_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    try:
        while some := connection.recv(65536):
            received += some
    except ConnectionResetError:
        pass
    return received


def asked(address: tuple[str, int], request: bytes) -> bytes:
    """The answer to raw bytes from a client that has nothing more to say."""
    with client(address, request) as connection:
        connection.shutdown(socket.SHUT_WR)
        return all_of(connection)


def seconds_until_closed(connection: socket.socket, between: Callable[[], None] = lambda: None) -> tuple[float, bytes]:
    """How long the server keeps the connection, and what it says until then."""
    began, received = time.monotonic(), b""
    connection.settimeout(0.1)
    while time.monotonic() - began < 12:
        try:
            some = connection.recv(1024)
            if not some:
                return time.monotonic() - began, received
            received += some
        except TimeoutError:
            pass
        except OSError:
            return time.monotonic() - began, received
        try:
            between()
        except OSError:
            return time.monotonic() - began, received
    raise AssertionError("still open")


def is_problem(answer: bytes, status: int) -> bool:
    """Whether the answer is a problem document with this status."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"Content-Type: application/problem+json" in head, head
    document = json.loads(body)
    return document["status"] == status and document["detail"] and not document["errors"]


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed the connection without an answer."""
    connection.settimeout(0.2)
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True
