"""What a client may take before it is refused or let go."""

from __future__ import annotations

from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True)
class Limits:
    """What one client may take: seconds, bytes, and a place among the connections of one process."""

    header_seconds: float = 10
    """From the first byte of a request, or from the beginning of a connection, to the end of the headers."""
    request_seconds: float = 60
    """From the first byte of a request to its last; a mebibyte at 140 kbit/s."""
    answer_seconds: float = 60
    """From the end of the work to the last byte that the client has taken."""
    idle_seconds: float = 75
    """Between two requests of one connection."""
    linger_seconds: float = 2
    """What a client may still send after a refusal is thrown away for so long, or it would not read the refusal."""
    header_bytes: int = 16 * KIBIBYTE
    body_bytes: int = MEBIBYTE
    unread_bytes: int = 16 * MEBIBYTE
    """Answers that a client asks for one after the other without taking them."""
    all_waiting_bytes: int = 64 * MEBIBYTE
    """What all clients of a process have begun to send and have not taken yet; beyond it the longest wait ends."""
    connections: int = 512
    """Beyond them the connection that has been idle for longest is closed for a new one."""
