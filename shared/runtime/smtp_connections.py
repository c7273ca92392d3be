"""Connections to the mail server that are kept while there are messages: each has one message at a time.

A kept connection may end at any moment: servers close them after so many messages, or so much time. Before the first
byte of a message that is of no consequence, since the message is offered once more on a new one. From the first byte on
everything is as with one connection for each message (`shared/runtime/smtp.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from shared.runtime.smtp import Delivery, MailServer, Report, report_of, take_leave
from shared.runtime.smtp_conversation import Conversation

ABOUT_THE_MESSAGE: Final = frozenset({Delivery.REFUSED_RECIPIENT, Delivery.REFUSED_MESSAGE})
"""What is believed of a connection that has had messages; else the reason may be those."""
NO_FURTHER_ONE: Final = "the mail server takes no further connection while it has others"

GONE: Final = Report(Delivery.SERVER_TROUBLE, "the mail server spoke before it was asked, or hung up")


@dataclass
class KeptConnections:
    """The connections of this process; several threads use them, each one at a time."""

    server: MailServer
    most: int = 1
    """So many at once; fewer once the server takes no further one, until `close`."""
    _idle: list[Conversation] = field(default_factory=list)
    _in_use: int = 0
    _room: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deliver(
        self, sender: str, recipient: str, message: bytes, *, may_go: Callable[[], bool] = lambda: True
    ) -> Report:
        """As `MailServer.deliver`; `NOT_TRIED` where only the connections that are there already are taken."""
        ends_at = self.server.latest_end()
        while (kept := self._take()) is not None:
            kept.step_seconds, kept.ends_at = self.server.command_seconds, ends_at
            refused = self._offer(kept, sender, recipient) if kept.is_quiet() else GONE
            if refused is None:
                return self._send_message(kept, sender, message, may_go)
            if refused.delivery in ABOUT_THE_MESSAGE:
                self._keep(kept, resets=True)
                return refused
            self._drop(kept)
        return self._deliver_on_new(sender, recipient, message, may_go, ends_at=ends_at)

    def _deliver_on_new(
        self, sender: str, recipient: str, message: bytes, may_go: Callable[[], bool], *, ends_at: float
    ) -> Report:
        new = self.server.conversation(ends_at=ends_at)
        with self._lock:
            self._in_use += 1
        try:
            self.server.sign_in(new)
        except Exception as problem:
            others = self._drop(new)
            if not others:
                return report_of(problem)
            self._room = others
            return Report(Delivery.NOT_TRIED, NO_FURTHER_ONE)
        refused = self._offer(new, sender, recipient)
        if refused is None:
            return self._send_message(new, sender, message, may_go)
        self._keep(new, resets=True)
        return refused

    @property
    def room(self) -> int:
        """How many messages may be under way at once."""
        return min(self.most, self._room or self.most)

    def close(self) -> None:
        """Take leave on the connections that nobody uses."""
        with self._lock:
            idle, self._idle, self._room = self._idle, [], None
        for each in idle:
            take_leave(each)
            each.close()

    def _take(self) -> Conversation | None:
        with self._lock:
            if not self._idle:
                return None
            self._in_use += 1
            return self._idle.pop()

    def _offer(self, server: Conversation, sender: str, recipient: str) -> Report | None:
        """Offer a message; returns what the server says against it, None where it wants the message."""
        try:
            self.server.name_recipient(server, sender, recipient)
        except Exception as problem:
            return report_of(problem)
        return None

    def _send_message(self, server: Conversation, sender: str, message: bytes, may_go: Callable[[], bool]) -> Report:
        try:
            report = self.server.send_message(server, sender, message, may_go)
        except BaseException:
            self._drop(server)
            raise
        if report.delivery == Delivery.SENT:
            self._keep(server, resets=False)
        else:  # it may still wait for the message, or for its end
            self._drop(server)
        return report

    def _keep(self, server: Conversation, *, resets: bool) -> None:
        """Keep the connection for another message; `resets`: the server has one begun that it is to forget."""
        try:
            is_usable = not resets or server.rset()[0] == 250
        except Exception:
            is_usable = False
        if not is_usable:
            self._drop(server)
            return
        with self._lock:
            self._in_use -= 1
            self._idle.append(server)

    def _drop(self, server: Conversation) -> int:
        """End the connection; returns the number of others."""
        with suppress(Exception):
            server.close()
        with self._lock:
            self._in_use -= 1
            return self._in_use + len(self._idle)
