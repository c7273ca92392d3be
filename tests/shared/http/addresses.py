"""Web servers that run as processes of their own."""

from __future__ import annotations

import itertools
import time
from functools import cache

import requests

from operations.ports import is_free, reserve_block

PORTS = 100
_numbers = itertools.count()


def a_free_port() -> int:
    """Returns a port on which nobody listens.

    It is one of a block that this process has to itself, below the ports of outgoing connections: of those one may be
    taken between this answer and the server's start.
    """
    first = _first_port()
    return next(port for number in _numbers if is_free(port := first + number % PORTS))


@cache
def _first_port() -> int:
    return reserve_block(PORTS)


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
