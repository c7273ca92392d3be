"""A conversation with a mail server in which every wait ends, and in which nothing is believed that is out of turn."""

from __future__ import annotations

import re
import select
import smtplib
import socket
import ssl
import time
from typing import Any

LONGEST_ANSWER = 8_000
"""Bytes; a line of an answer has at most 512 (RFC 5321), and the longest answers have a dozen."""
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.S)


class NotUnderstood(smtplib.SMTPException):
    """What was said is no answer to what was asked."""


class Conversation(smtplib.SMTP):
    """One connection. `step_seconds` is what one command and its whole answer may take, however they arrive.

    `ends_at` (of the monotonic clock) is when all of it must have ended.
    """

    def __init__(
        self,
        *,
        own_name: str,
        server_name: str,
        tls_at_once: bool,
        connect_seconds: float,
        step_seconds: float,
        ends_at: float,
    ) -> None:
        super().__init__(local_hostname=own_name, timeout=connect_seconds)
        self.step_seconds = step_seconds
        self.ends_at = ends_at
        self._server_name = server_name
        self._tls_at_once = tls_at_once
        self._unread = b""

    def starttls(self, *_: Any, **__: Any) -> tuple[int, bytes]:
        """Go on in TLS, and forget whatever was said before; raises where the server offers none."""
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("the mail server offers no STARTTLS")
        answer = self.docmd("STARTTLS")
        if answer[0] != 220:
            raise smtplib.SMTPResponseException(*answer)
        assert self.sock is not None  # it has just answered
        self.sock = self._in_tls(self.sock)
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False
        return answer

    def getreply(self) -> tuple[int, bytes]:
        """The answer to a command. Nothing may follow it: nothing more was asked, and in TLS it would be believed."""
        answer = self.last_answer()
        if self._unread:
            raise NotUnderstood("the mail server spoke before it was asked")
        return answer

    def last_answer(self) -> tuple[int, bytes]:
        """The answer to the message, whatever may follow."""
        until = self._until()
        code, more, words = self._read_line(until, room=LONGEST_ANSWER)
        lines, length = [words], len(words)
        while more:
            again, more, words = self._read_line(until, room=LONGEST_ANSWER - length)
            if again != code:
                raise NotUnderstood(f"an answer with two codes: {code!r} and {again!r}")
            lines.append(words)
            length += len(words) + 1
        return int(code), b"\n".join(lines)

    def is_quiet(self) -> bool:
        """Whether the server has said nothing since its last answer, and has not hung up."""
        if self.sock is None or self._unread:
            return False
        said = select.poll()
        said.register(self.sock, select.POLLIN)
        return not said.poll(0)

    def send(self, s: Any) -> None:
        """Send a command or a message."""
        until = self._until()
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        left = memoryview(s.encode("ascii") if isinstance(s, str) else s)
        while left:
            self.sock.settimeout(_seconds_until(until))
            left = left[self.sock.send(left) :]

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = socket.create_connection((host, port), timeout)
        return self._in_tls(connected) if self._tls_at_once else connected

    def _in_tls(self, connected: socket.socket) -> ssl.SSLSocket:
        connected.settimeout(_seconds_until(self._until()))
        try:
            return ssl.create_default_context().wrap_socket(connected, server_hostname=self._server_name)
        except BaseException:
            connected.close()
            raise

    def _until(self) -> float:
        return min(time.monotonic() + self.step_seconds, self.ends_at)

    def _read_line(self, until: float, *, room: int) -> tuple[bytes, bool, bytes]:
        while b"\n" not in self._unread:
            if len(self._unread) > room:
                raise NotUnderstood("an answer without end")
            self._unread += self._received(until)
        line, _, self._unread = self._unread.partition(b"\n")
        parts = _LINE.fullmatch(line.rstrip(b"\r"))
        if parts is None:
            raise NotUnderstood(f"no answer of a mail server: {line[:100]!r}")
        if len(line) > room:
            raise NotUnderstood("an answer without end")
        code, sign, words = parts.groups()
        return code, sign == b"-", (words or b"").strip()

    def _received(self, until: float) -> bytes:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        self.sock.settimeout(_seconds_until(until))
        some = self.sock.recv(4096)
        if not some:
            raise smtplib.SMTPServerDisconnected("the mail server hung up")
        return some


def _seconds_until(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the mail server is too slow")
    return left
