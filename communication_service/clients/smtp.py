"""Hands messages to the mail server, and says for certain what became of each: or that nobody can know."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from communication_service.settings import Settings

MAIL_SERVICE_READY = 250
GO_AHEAD = 354
ENHANCED_CODE = re.compile(r"(?<= )[245]\.\d{1,3}\.\d{1,3}(?= )")
LEADING_DOT = re.compile(rb"(?m)^\.")


class Delivery(StrEnum):
    """What became of a message."""

    SENT = "sent"
    """The server took it and answers for it from now on."""
    REFUSED_RECIPIENT = "refused_recipient"
    """The server will never take messages to this address."""
    REFUSED_MESSAGE = "refused_message"
    """The server will never take this message, or none from us to there."""
    TRY_LATER = "try_later"
    """The server did not take it for this recipient now."""
    SERVER_TROUBLE = "server_trouble"
    """Nothing was handed over: the server is away, or does not let us in."""
    IN_DOUBT = "in_doubt"
    """The message was handed over and no answer came: it may have been sent."""


@dataclass(frozen=True)
class Report:
    """What became of a message, and what the server said."""

    delivery: Delivery
    detail: str


class _Refused(Exception):
    def __init__(self, delivery: Delivery, detail: str) -> None:
        super().__init__(detail)
        self.report = Report(delivery, detail)


@dataclass(frozen=True)
class MailServer:
    """How to reach the mail server; every wait has an end, which together lie well below `longest_seconds`."""

    host: str
    port: int
    tls: str
    username: str
    password: str = field(repr=False)
    own_name: str
    connect_seconds: float = 10
    command_seconds: float = 20
    answer_seconds: float = 120
    """How long the server may think about a message that it has whole."""
    handover_seconds: float = 240
    """After so long nothing is handed over any more: the claim on the message must outlive the answer."""

    @classmethod
    def of(cls, settings: Settings) -> MailServer:
        """The mail server of the settings."""
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
            own_name=settings.mail_from.rpartition("@")[2],
        )

    @property
    def longest_seconds(self) -> float:
        """A delivery has certainly ended after so long."""
        return self.handover_seconds + 2 * self.command_seconds + 2 * self.answer_seconds

    def deliver(
        self, sender: str, recipient: str, message: bytes, *, may_go: Callable[[], bool] = lambda: True
    ) -> Report:
        """Hand over one message for one recipient; raises nothing.

        `may_go` is asked last, when the server waits for the first byte of the message.
        """
        started = time.monotonic()
        try:
            server = self._connected()
        except _Refused as refusal:
            return refusal.report
        except Exception as problem:
            return Report(Delivery.SERVER_TROUBLE, _said(problem))
        try:
            return self._hand_over(server, sender, recipient, message, started, may_go)
        finally:
            # a QUIT whose answer is late must not change what is known
            server.close()

    def _connected(self) -> smtplib.SMTP:
        kind: Callable[..., smtplib.SMTP] = smtplib.SMTP
        extra = {}
        if self.tls == "tls":
            kind, extra = smtplib.SMTP_SSL, {"context": ssl.create_default_context()}
        server = kind(self.host, self.port, local_hostname=self.own_name, timeout=self.connect_seconds, **extra)
        try:
            if server.sock is not None:
                server.sock.settimeout(self.command_seconds)
            server.ehlo_or_helo_if_needed()
            if self.tls == "starttls":
                # refuses rather than going on in the clear
                server.starttls(context=ssl.create_default_context())
                server.ehlo_or_helo_if_needed()
            if self.username:
                self._sign_in(server)
        except BaseException:
            server.close()
            raise
        return server

    def _sign_in(self, server: smtplib.SMTP) -> None:
        try:
            server.login(self.username, self.password)
        except smtplib.SMTPResponseException as problem:
            # its words stay out: a server may repeat what it was told
            codes = " ".join([str(problem.smtp_code), *ENHANCED_CODE.findall(_said(problem))[:1]])
            raise _Refused(
                Delivery.SERVER_TROUBLE, f"{codes}: the mail server refuses SMTP_USERNAME and SMTP_PASSWORD"
            ) from None

    def _hand_over(
        self,
        server: smtplib.SMTP,
        sender: str,
        recipient: str,
        message: bytes,
        started: float,
        may_go: Callable[[], bool],
    ) -> Report:
        try:
            _expect_ok(server.mail(sender), permanent=Delivery.SERVER_TROUBLE, temporary=Delivery.SERVER_TROUBLE)
            _expect_recipient(server.rcpt(recipient))
            if time.monotonic() - started > self.handover_seconds:
                raise _Refused(Delivery.SERVER_TROUBLE, "the mail server is too slow")
            _expect_ok(
                server.docmd("DATA"),
                wanted=GO_AHEAD,
                permanent=Delivery.REFUSED_MESSAGE,
                temporary=Delivery.TRY_LATER,
            )
            if not may_go():
                raise _Refused(Delivery.SERVER_TROUBLE, "not handed over: it was given back meanwhile")
        except _Refused as refusal:
            return refusal.report
        except Exception as problem:
            return Report(Delivery.SERVER_TROUBLE, _said(problem))
        # from the first byte on, only the server's own words tell what became of the message
        try:
            if server.sock is not None:
                server.sock.settimeout(self.answer_seconds)
            server.send(_as_data(message))
            _expect_ok(server.getreply(), permanent=Delivery.REFUSED_MESSAGE, temporary=Delivery.TRY_LATER)
        except _Refused as refusal:
            return refusal.report
        except Exception as problem:
            return Report(Delivery.IN_DOUBT, f"no answer after the message was handed over: {_said(problem)}")
        _take_leave(server)
        return Report(Delivery.SENT, "")


def _take_leave(server: smtplib.SMTP) -> None:
    try:
        if server.sock is not None:
            server.sock.settimeout(2)
        server.quit()
    except Exception:  # noqa: S110 - the message is the server's; what it says on leaving changes nothing
        pass


def _expect_ok(
    reply: tuple[int, bytes], *, permanent: Delivery, temporary: Delivery, wanted: int = MAIL_SERVICE_READY
) -> None:
    """Go on when the server agrees. An answer that is neither 4xx nor 5xx to a message's end is no refusal: doubt."""
    code, words = reply
    if code == wanted or (wanted == MAIL_SERVICE_READY and 200 <= code < 300):
        return
    said = _readable(code, words)
    if 500 <= code < 600:
        raise _Refused(permanent, said)
    if 400 <= code < 500:
        raise _Refused(temporary, said)
    raise smtplib.SMTPServerDisconnected(f"an answer that nobody understands: {said}")


def _expect_recipient(reply: tuple[int, bytes]) -> None:
    code, words = reply
    said = _readable(code, words)
    if code in (530, 535):  # it is us who may not: nothing is known of the recipient
        raise _Refused(Delivery.SERVER_TROUBLE, said)
    # 5.7.x is a policy (RFC 3463), which may be about us: the practice is phoned, the address stays in use
    is_policy = re.match(rb"\s*5\.7\.", words) is not None or code == 554
    refused = Delivery.REFUSED_MESSAGE if is_policy else Delivery.REFUSED_RECIPIENT
    _expect_ok(reply, permanent=refused, temporary=Delivery.TRY_LATER)


def _as_data(message: bytes) -> bytes:
    """The message as it goes over the line: lines end in CRLF, leading dots are doubled, a lone dot ends it."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    stuffed = LEADING_DOT.sub(b"..", lines)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _readable(code: int, words: bytes) -> str:
    text = "".join(c if c.isprintable() else " " for c in words.decode("utf-8", "replace"))
    return f"{code} {' '.join(text.split())}"[:500]


def _said(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        words = problem.smtp_error
        return _readable(problem.smtp_code, words if isinstance(words, bytes) else str(words).encode())
    return f"{type(problem).__name__}: {problem}"[:500]
