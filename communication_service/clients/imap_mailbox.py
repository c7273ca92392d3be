"""Reads a mailbox by IMAP, with Python's own client: every wait has an end, and nothing is read that is too large.

An e-mail is marked as read (`\\Seen`) only after the caller asks for the next one, hence has kept it. Nothing
is ever removed from the mailbox.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from communication_service.settings import MailboxSettings

LONGEST_BEGINNING: Final = 256 * 1024
"""Bytes of an e-mail that are read: its headers, and what somebody wrote before any attachment."""
LONGEST_LITERAL: Final = 2 * LONGEST_BEGINNING
_UID: Final = re.compile(rb"\bUID (\d{1,10})\b")
_DATE: Final = re.compile(rb'\bINTERNALDATE "([ \d]\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d) ([+-]\d{4})"')
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d{1,10})\b")


class MailboxTrouble(Exception):
    """The mailbox cannot be read. `cause` is a word for operators, without anything that the server said."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True)
class MailboxMessage:
    """The beginning of an e-mail, and what the server says of it."""

    uid_validity: int
    uid: int
    size: int
    received_at: datetime | None
    raw: bytes


class _Bounded:
    """What both kinds of connections have beside `imaplib`: an end of the whole conversation, and of each answer."""

    whole_seconds: float = 0
    sock: Any

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Connect; after `whole_seconds` the connection is cut, whatever the server does."""
        super().open(*args, **kwargs)  # type: ignore[misc]
        self.watch = threading.Timer(self.whole_seconds, self._cut)
        self.watch.daemon = True
        self.watch.start()

    def _cut(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def shutdown(self) -> None:
        """Close the connection."""
        self.watch.cancel()
        super().shutdown()  # type: ignore[misc]

    def read(self, size: int) -> bytes:
        """Read a literal; one that is larger than what was asked for is none."""
        if size > LONGEST_LITERAL:
            raise MailboxTrouble("not_understood")
        return super().read(size)  # type: ignore[misc, no-any-return]


class _Plain(_Bounded, imaplib.IMAP4):
    pass


class _InTls(_Bounded, imaplib.IMAP4_SSL):
    pass


@dataclass(frozen=True)
class ImapMailbox:
    """How to reach the mailbox."""

    host: str
    port: int
    tls: str
    username: str
    password: str = field(repr=False)
    folder: str
    step_seconds: float = 20
    whole_seconds: float = 120
    """After so long a conversation has certainly ended."""

    @classmethod
    def of(cls, settings: MailboxSettings) -> ImapMailbox | None:
        """The mailbox of the settings; None where they name none."""
        if not settings.imap_host:
            return None
        return cls(
            settings.imap_host,
            settings.imap_port,
            settings.imap_tls,
            settings.imap_username,
            settings.imap_password.get_secret_value(),
            settings.imap_folder,
        )

    @property
    def name(self) -> str:
        """Which mailbox it is."""
        return f"{self.username}@{self.host}:{self.port}/{self.folder}"

    def unread(
        self, *, uid_validity: int, last_uid: int, since: date, at_most: int
    ) -> Generator[MailboxMessage, None, None]:
        """Yields what came after that number, from the first to the last, at most so many, and not before that day.

        Raises `MailboxTrouble`, also between two of them.
        """
        with self._opened() as connection:
            validity = self._select(connection)
            after = last_uid if validity == uid_validity else 0
            for uid in _uids(connection, after=after, since=since)[:at_most]:
                message = _fetch(connection, validity, uid)
                if message is not None:
                    yield message
                _mark_read(connection, uid)

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4]:
        connection = None
        try:
            connection = self._connect()
            self._sign_in(connection)
            yield connection
        except MailboxTrouble:
            raise
        except ssl.SSLError as problem:
            raise MailboxTrouble("certificate_or_tls") from problem
        except (imaplib.IMAP4.abort, OSError) as problem:
            raise MailboxTrouble("unreachable") from problem
        except (imaplib.IMAP4.error, UnicodeError) as problem:
            raise MailboxTrouble("not_understood") from problem
        finally:
            if connection is not None:
                with suppress(OSError, imaplib.IMAP4.error):
                    connection.shutdown()

    def _connect(self) -> imaplib.IMAP4:
        kind = type("Connection", (_InTls if self.tls == "tls" else _Plain,), {"whole_seconds": self.whole_seconds})
        more = {"ssl_context": ssl.create_default_context()} if self.tls == "tls" else {}
        connection: imaplib.IMAP4 = kind(self.host, self.port, timeout=self.step_seconds, **more)
        return connection

    def _sign_in(self, connection: imaplib.IMAP4) -> None:
        if self.tls == "starttls":
            if "STARTTLS" not in connection.capabilities:
                raise MailboxTrouble("certificate_or_tls")
            connection.starttls(ssl.create_default_context())
        try:
            connection.login(self.username, self.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as refusal:
            raise MailboxTrouble("login_refused") from refusal

    def _select(self, connection: imaplib.IMAP4) -> int:
        answer, _ = connection.select(f'"{self.folder}"')
        if answer != "OK":
            raise MailboxTrouble("no_such_folder")
        _, validity = connection.response("UIDVALIDITY")
        return int(validity[0] or 0) if validity else 0


def _uids(connection: imaplib.IMAP4, *, after: int, since: date) -> list[int]:
    day = f"{since.day:02}-{_MONTHS[since.month - 1]}-{since.year}"
    _, found = connection.uid("SEARCH", f"UID {after + 1}:* SINCE {day} UNDELETED")
    # `n:*` names the last one also where there is none from n on
    return sorted(uid for each in found if each for uid in map(int, each.split()) if uid > after)


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _fetch(connection: imaplib.IMAP4, validity: int, uid: int) -> MailboxMessage | None:
    """The beginning of an e-mail; None for one that is gone meanwhile."""
    wanted = f"(UID RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.{LONGEST_BEGINNING}>)"
    _, found = connection.uid("FETCH", str(uid), wanted)
    literals = [each for each in found if isinstance(each, tuple)]
    said = b" ".join(each[0] if isinstance(each, tuple) else each for each in found if each)
    number = _UID.search(said)
    if not literals or number is None or int(number.group(1)) != uid:
        return None
    raw = literals[0][1][:LONGEST_BEGINNING]
    size = _SIZE.search(said)
    return MailboxMessage(validity, uid, int(size.group(1)) if size else len(raw), _instant(said), raw)


def _instant(said: bytes) -> datetime | None:
    """When the server got it, by `INTERNALDATE "26-Nov-2026 09:00:00 +0100"`; None where that is no date."""
    written = _DATE.search(said)
    if written is None:
        return None
    day, month, year, clock, zone = (each.decode() for each in written.groups())
    try:
        return datetime.fromisoformat(f"{year}-{_MONTHS.index(month) + 1:02}-{day.strip():0>2}T{clock}{zone}")
    except ValueError:
        return None


def _mark_read(connection: imaplib.IMAP4, uid: int) -> None:
    connection.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
