"""The mail catcher as tests use it: wait for mails, and make it refuse them."""

from __future__ import annotations

import time
from typing import Any

from operations.errors import OperationsError
from operations.mail import Mailbox


class ControlledMailbox(Mailbox):
    """The mails of one mail catcher, and what it refuses."""

    def wait_for(self, count: int = 1, *, to: str | None = None, seconds: float = 150) -> list[dict[str, Any]]:
        """Returns at least `count` mails (to that address) with their whole content.

        Raises:
            OperationsError: they do not arrive in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = [mail for mail in self.mails() if to is None or to in mail["envelope_to"]]
            if len(found) >= count:
                return [self.mail(mail["id"]) for mail in found]
            if time.monotonic() > deadline:
                raise OperationsError(f"{len(found)} of {count} mails arrived within {seconds} s")
            time.sleep(0.05)

    def refuse(
        self, code: int = 451, *, seconds: float = 3600, at: str = "recipient", text: str = "refused on request"
    ) -> None:
        """Answer mails with that code and text for a while; `at` is greeting, recipient, data or answer.

        `answer` is the doubtful case: the mail is kept, and the connection breaks before the sender learns of it.
        """
        self._ask("POST", "/refuse", {"code": code, "seconds": seconds, "at": at, "text": text})

    def accept(self) -> None:
        """Take mails again."""
        self._ask("DELETE", "/refuse")

    def clear(self) -> None:
        """Delete all mails."""
        self._ask("DELETE", "/mails")
