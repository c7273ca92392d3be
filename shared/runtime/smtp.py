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
        server = self.conversation(ends_at=self.latest_end())
        try:
            self.sign_in(server)
            self.name_recipient(server, sender, recipient)
            report = self.send_message(server, sender, message, may_go)
            if report.delivery == Delivery.SENT:
                take_leave(server)
            return report
        except Exception as problem:
            return report_of(problem)
        finally:
            # a QUIT whose answer is late must not change what is known
            server.close()

    def latest_end(self) -> float:
        """When everything before the message must have ended that begins now, by the monotonic clock."""
        return time.monotonic() + self.handover_seconds

    def conversation(self, *, ends_at: float) -> Conversation:
        """A conversation that has not begun."""
        return Conversation(
            own_name=self.own_name,
            server_name=self.host,
            tls_at_once=self.tls == "tls",
            connect_seconds=self.connect_seconds,
            step_seconds=self.command_seconds,
            ends_at=ends_at,
        )

    def sign_in(self, server: Conversation) -> None:
        """Begin the conversation, in TLS and with the password where that is wanted. Raises whatever goes wrong."""
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

    def name_recipient(self, server: Conversation, sender: str, recipient: str) -> None:
        """Say from whom and to whom a message is, and wait until the server wants it. Raises whatever goes wrong."""
        judge = partial(judged, sender=sender)
        # not smtplib's own mail and rcpt, which take a quoted local part apart
        _expect(server.docmd("MAIL", f"FROM:<{sender}>"), or_else=lambda _: Delivery.SERVER_TROUBLE)
        _expect(server.docmd("RCPT", f"TO:<{recipient}>"), or_else=judge)
        _expect(server.docmd("DATA"), GO_AHEAD, or_else=judge)

    def send_message(self, server: Conversation, sender: str, message: bytes, may_go: Callable[[], bool]) -> Report:
        """Hand over the message that the server wants now, unless it may not go any more; raises nothing of its own.

        From the first byte on, only the server's own words say what became of the message.
        """
        if not may_go():
            return Report(Delivery.NOT_TRIED, "not handed over: it was given back meanwhile")
        server.step_seconds, server.ends_at = self.answer_seconds, float("inf")
        try:
            server.send(_as_data(message))
            _expect(server.last_answer(), or_else=partial(judged, sender=sender))
        except Exception as problem:
            return report_of(problem, otherwise=Delivery.IN_DOUBT)
        return Report(Delivery.SENT, "")


def take_leave(server: Conversation) -> None:
    """End the conversation: the messages are the server's; what it says on leaving changes nothing."""
    server.step_seconds = GOODBYE_SECONDS
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


def report_of(problem: Exception, *, otherwise: Delivery = Delivery.SERVER_TROUBLE) -> Report:
    """What became of a message where this went wrong; `otherwise` where no answer says it."""
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
