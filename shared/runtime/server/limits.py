"""Limits of a client before it is refused or disconnected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True)
class Limits:
    """Limits in seconds, bytes and connections of one process."""

    header_seconds: float = 10
    """From the first byte of a request, or from the beginning of a connection, to the end of the headers."""
    request_seconds: float = 60
    """From the first byte of a request to its last; a mebibyte at 140 kbit/s."""
    answer_seconds: float = 60
    """From the end of the work to the last byte that the client has read."""
    idle_seconds: float = 75
    """Between two requests of one connection."""
    linger_seconds: float = 2
    """For how long bytes that a client sends after a refusal are read and discarded, so that it reads the refusal."""
    header_bytes: int = 16 * KIBIBYTE
    body_bytes: int = MEBIBYTE
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    """The limit of single paths, which take files."""
    unread_bytes: int = 16 * MEBIBYTE
    """Responses that a client has requested one after the other and not read."""
    all_waiting_bytes: int = 64 * MEBIBYTE
    """Bytes of incomplete requests and unread responses of all clients; beyond it the longest wait is ended."""
    connections: int = 512
    """Beyond this number the connection that has been idle for longest is closed for a new one."""

    @property
    def largest_body(self) -> int:
        """The largest body that any path takes."""
        return max(self.body_bytes, *self.larger_bodies.values(), 0)
