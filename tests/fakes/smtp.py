"""A real SMTP server on 127.0.0.1 that behaves, or misbehaves, as told."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

Login = tuple[str, str]
Behaviour = Literal["accept", "drop_after_data", "hang_after_data", "drop_before_data", "hang_at_recipient"]


@dataclass
class FakeMailServer:
    """Keeps what it took. `recipient_answer` and `data_answer` are replies instead of 250."""

    port: int = 0
    behaviour: Behaviour = "accept"
    recipient_answer: str | None = None
    data_answer: str | None = None
    envelopes: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)
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
def mail_server(
    *,
    tls: Literal["none", "starttls", "tls"] = "none",
    context: ssl.SSLContext | None = None,
    login: Login | None = None,
) -> Iterator[FakeMailServer]:
    """A running server; with `login` it takes mails only from whoever knows this name and password."""
    fake = FakeMailServer()

    def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        fake.passwords.append(given.password)
        return AuthResult(success=(given.login.decode(), given.password.decode()) == login, handled=False)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        fake.port = probe.getsockname()[1]
    more: dict[str, Any] = {"ssl_context": context} if tls == "tls" else {}
    if tls == "starttls":
        more |= {"tls_context": context, "require_starttls": True}
    if login is not None:
        more |= {"authenticator": knows, "auth_required": True, "auth_require_tls": tls == "starttls"}
    controller = Controller(fake, hostname="127.0.0.1", port=fake.port, **more)
    controller.start()
    try:
        yield fake
    finally:
        controller.stop()


@contextmanager
def speaking(*lines: bytes) -> Iterator[int]:
    """A port on which somebody says these lines, each in answer to whatever it is told, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        for number, line in enumerate(lines):
                            if number:
                                connection.recv(4096)
                            connection.sendall(line)

        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            speaker.join(5)
