"""The e-mail that a worker is about to hand over, and how it is still given back."""

from __future__ import annotations

from threading import Lock

from communication_service.domain.sending import EmailClaim


class InFlightEmail:
    """The claimed e-mail that this process holds, until the mail server has its first byte; two threads ask it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: EmailClaim | None = None
        self._closed = False

    def take(self, claim: EmailClaim) -> bool:
        """Hold this e-mail; False when nothing may go any more."""
        with self._lock:
            self._held = None if self._closed else claim
            return not self._closed

    def start_delivery(self) -> bool:
        """Let go of the held e-mail, since nobody can give it back from now on; False when it may not go any more."""
        with self._lock:
            self._held = None
            return not self._closed

    def close(self) -> EmailClaim | None:
        """Let nothing go any more, and return the e-mail that was still held."""
        with self._lock:
            self._closed, held, self._held = True, self._held, None
            return held
