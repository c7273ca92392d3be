"""What the clients of servers outside raise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

REFUSES_US: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
"""Statuses after which the next request would be refused too."""


class ServerFailed(Exception):
    """There is no answer that can be read. The message is for operators, and quotes nothing of the server."""

    def __init__(self, why: str, *, refuses_us: bool = False) -> None:
        """`refuses_us`: the next request would be refused, too."""
        super().__init__(why)
        self.refuses_us = refuses_us
