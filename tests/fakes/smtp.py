"""A real SMTP server on 127.0.0.1 that behaves, or misbehaves, as told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from operations.mail_catcher import MailCatcher, MailHandler
from tests.shared.http.addresses import a_free_port

Login = tuple[str, str]
Behaviour = Literal["accept", "drop_after_data", "hang_after_data", "drop_before_data", "hang_at_recipient"]


class FakeMailServer(MailHandler):
    """The catcher of `make up` in this process, which keeps what it took, and stalls or hangs up as told.

    `recipient_answer` and `data_answer` are replies instead of 250.
    """

    def __init__(self) -> None:
        super().__init__(self, self)
        self.port = 0
        self.behaviour: Behaviour = "accept"
        self.recipient_answer: str | None = None
        self.data_answer: str | None = None
        self.envelopes: list[tuple[str, list[str], bytes]] = []
        self.passwords: list[bytes] = []
        self.received: list[bytes] = []
        """Every message that was handed over, also those that were refused or never answered."""

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages it took, parsed."""
        return [message_from_bytes(raw, policy=default) for _, _, raw in self.envelopes]

    def refusal(self, step: str) -> str | None:
        """What the catcher is to say instead of taking this step."""
        return {"recipient": self.recipient_answer, "data": self.data_answer}.get(step)

    def keep(self, content: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Keep a mail."""
        self.envelopes.append((sender, list(recipients), content))
        return str(len(self.envelopes))

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.behaviour == "hang_at_recipient":
            await asyncio.sleep(30)
        if self.behaviour == "drop_before_data":
            server.transport.abort()
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope.original_content)
        if self.behaviour == "drop_after_data":
            server.transport.abort()
            return "250 OK"
        if self.behaviour == "hang_after_data":
            await asyncio.sleep(30)
        return await super().handle_DATA(server, session, envelope)


class _Controller(Controller):
    """Runs the catcher in a thread."""

    def factory(self) -> MailCatcher:
        return MailCatcher(self.handler, **self.SMTP_kwargs)


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

    fake.port = a_free_port()
    more: dict[str, Any] = {"ssl_context": context} if tls == "tls" else {}
    if tls == "starttls":
        more |= {"tls_context": context, "require_starttls": True}
    if login is not None:
        more |= {"authenticator": knows, "auth_required": True, "auth_require_tls": tls == "starttls"}
    controller = _Controller(fake, hostname="127.0.0.1", port=fake.port, **more)
    controller.start()
    try:
        yield fake
    finally:
        controller.stop()
