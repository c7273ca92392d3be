"""A real SMTP server on 127.0.0.1 that behaves, or misbehaves, as told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from aiosmtpd.controller import Controller

Behaviour = Literal["accept", "drop_after_data", "hang_after_data", "drop_before_data", "hang_at_recipient"]


@dataclass
class FakeMailServer:
    """Keeps what it took. `recipient_answer` and `data_answer` are replies instead of 250."""

    port: int = 0
    behaviour: Behaviour = "accept"
    recipient_answer: str | None = None
    data_answer: str | None = None
    envelopes: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    """Every message that was handed over, also those that were refused or never answered."""

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages it took, parsed."""
        return [message_from_bytes(raw, policy=default) for _, _, raw in self.envelopes]  # type: ignore[misc]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.behaviour == "hang_at_recipient":
            await asyncio.sleep(30)
        if self.behaviour == "drop_before_data":
            server.transport.abort()
        if self.recipient_answer:
            return self.recipient_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.heard.append(envelope.original_content)
        if self.behaviour == "drop_after_data":
            server.transport.abort()
            return "250 OK"
        if self.behaviour == "hang_after_data":
            await asyncio.sleep(30)
        if self.data_answer:
            return self.data_answer
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[FakeMailServer]:
    """A running server."""
    fake = FakeMailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        fake.port = probe.getsockname()[1]
    controller = Controller(fake, hostname="127.0.0.1", port=fake.port)
    controller.start()
    try:
        yield fake
    finally:
        controller.stop()
