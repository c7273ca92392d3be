"""Web servers that run as processes of their own."""

from __future__ import annotations

import socket
import time

import requests


def a_free_port() -> int:
    """Returns a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until_alive(address: str) -> str:
    """Returns the address as soon as a service answers there."""
    for _ in range(300):
        try:
            requests.get(f"{address}/health/live", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return address
    raise AssertionError("the server does not answer")
