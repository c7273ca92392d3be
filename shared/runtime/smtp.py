"""Hands messages to the mail server, and says for certain what became of each: or that nobody can know."""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from shared.runtime.mail_settings import MailServerSettings
from shared.runtime.smtp_answers import Delivery, ServerAnswer, judged, short_line
from shared.runtime.smtp_conversation import Conversation, NotUnderstood

__all__ = ["Delivery", "MailServer", "Report"]

GO_AHEAD = 354
LEADING_DOT = re.compile(rb"(?m)^\.")
GOODBYE_SECONDS = 2


@dataclass(frozen=True)
class Report:
    """What became of a message, and what the server said."""

    delivery: Delivery
    detail: str
    """For staff, who are signed in: it may quote the server, and so name a practice's address."""
    cause: str = ""
    """For everybody: codes of an answer, or the kind of failure, without anybody's words."""


class _Refused(Exception):
    def __init__(self, delivery: Delivery, detail: str, cause: str = "") -> None:
        super().__init__(detail)
        self.report = Report(delivery, detail, cause)


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
    def of(cls, settings: MailServerSettings, *, own_name: str) -> MailServer:
        """The mail server of the settings, to which we say that we are `own_name`, a domain."""
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
            own_name=own_name,
        )

    @property
    def longest_seconds(self) -> float:
        """A delivery has certainly ended after so long."""
        return self.handover_seconds + 2 * self.command_seconds + 2 * self.answer_seconds

    def deliver(
        self, sender: str, recipient: str, message: bytes, *, may_go: Callable[[], bool] = lambda: True
    ) -> Report:
        """Deliver one message to one recipient; raises nothing.

        `may_go` is asked last, when the server waits for the first byte of the message.
        """
        server = self._conversation()
        judge = partial(judged, sender=sender)
        try:
            self._sign_in(server)
            # not smtplib's own mail and rcpt, which take a quoted local part apart
            _expect(server.docmd("MAIL", f"FROM:<{sender}>"), or_else=lambda _: Delivery.SERVER_TROUBLE)
            _expect(server.docmd("RCPT", f"TO:<{recipient}>"), or_else=judge)
            _expect(server.docmd("DATA"), GO_AHEAD, or_else=judge)
            if not may_go():
                raise _Refused(Delivery.NOT_TRIED, "not handed over: it was given back meanwhile")
            return self._deliver_message(server, message, judge)
        except Exception as problem:
            return _report(problem, otherwise=Delivery.SERVER_TROUBLE)
        finally:
            # a QUIT whose answer is late must not change what is known
            server.close()

    def _conversation(self) -> Conversation:
        return Conversation(
            own_name=self.own_name,
            server_name=self.host,
            tls_at_once=self.tls == "tls",
            connect_seconds=self.connect_seconds,
            step_seconds=self.command_seconds,
            ends_at=time.monotonic() + self.handover_seconds,
        )

    def _sign_in(self, server: Conversation) -> None:
        _expect(server.connect(self.host, self.port), or_else=lambda _: Delivery.SERVER_TROUBLE)
        server.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            # refuses rather than going on in the clear
            server.starttls()
            server.ehlo_or_helo_if_needed()
        if self.username:
            self._say_password(server)

    def _say_password(self, server: Conversation) -> None:
        try:
            server.login(self.username, self.password)
        except smtplib.SMTPResponseException as problem:
            # its words stay out: a server may repeat what it was sent
            codes = _answer_of(problem).code_only
            raise _Refused(
                Delivery.SERVER_TROUBLE, f"{codes}: the mail server refuses SMTP_USERNAME and SMTP_PASSWORD", codes
            ) from None

    def _deliver_message(
        self, server: Conversation, message: bytes, judge: Callable[[ServerAnswer], Delivery]
    ) -> Report:
        """From the first byte on, only the server's own words say what became of the message."""
        server.step_seconds, server.ends_at = self.answer_seconds, float("inf")
        try:
            server.send(_as_data(message))
            _expect(server.last_answer(), or_else=judge)
        except Exception as problem:
            return _report(problem, otherwise=Delivery.IN_DOUBT)
        _take_leave(server)
        return Report(Delivery.SENT, "")


def _take_leave(server: Conversation) -> None:
    server.step_seconds = GOODBYE_SECONDS
    # the message is the server's; what it says on leaving changes nothing
    with suppress(Exception):
        server.quit()


def _expect(
    reply: tuple[int, bytes], wanted: int | None = None, *, or_else: Callable[[ServerAnswer], Delivery]
) -> None:
    """Go on when the server agrees. What is neither agreement nor 4xx or 5xx is no answer."""
    answer = ServerAnswer.of(*reply)
    if answer.code == wanted or (wanted is None and 200 <= answer.code < 300):
        return
    if answer.code < 400:
        raise NotUnderstood(f"an answer to something else: {answer.text}")
    raise _Refused(or_else(answer), answer.text, answer.code_only)


def _report(problem: Exception, *, otherwise: Delivery) -> Report:
    if isinstance(problem, _Refused):
        return problem.report
    if isinstance(problem, smtplib.SMTPResponseException):
        answer = _answer_of(problem)
        return Report(otherwise, answer.text, answer.code_only)
    kind = type(problem).__name__
    return Report(otherwise, short_line(f"{kind}: {problem}"), kind)


def _answer_of(problem: smtplib.SMTPResponseException) -> ServerAnswer:
    words = problem.smtp_error
    return ServerAnswer.of(problem.smtp_code, words if isinstance(words, bytes) else str(words).encode())


def _as_data(message: bytes) -> bytes:
    """The message as it goes over the line: lines end in CRLF, leading dots are doubled, a lone dot ends it."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    stuffed = LEADING_DOT.sub(b"..", lines)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"
