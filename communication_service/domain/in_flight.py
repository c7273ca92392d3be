"""The e-mails that a worker is about to hand over, and how they are still given back."""

from __future__ import annotations

from threading import Lock

from communication_service.domain.email_claims import EmailClaim


class InFlightEmails:
    """The claimed e-mails that this process holds, each until the mail server has its first byte; threads ask it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: set[EmailClaim] = set()
        self._closed = False

    def take(self, claim: EmailClaim) -> bool:
        """Hold this e-mail; False when nothing may go any more."""
        with self._lock:
            if not self._closed:
                self._held.add(claim)
            return not self._closed

    def start_delivery(self, claim: EmailClaim) -> bool:
        """Let go of the e-mail, since nobody can give it back from now on; False when it may not go any more."""
        with self._lock:
            self._held.discard(claim)
            return not self._closed

    def close(self) -> set[EmailClaim]:
        """Let nothing go any more, and return the e-mails that were still held."""
        with self._lock:
            self._closed, held, self._held = True, self._held, set()
            return held
