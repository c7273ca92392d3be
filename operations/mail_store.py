"""Caught mails as files: one `.eml` each, named by the moment of arrival."""

import email
import os
import re
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

_NUMBER = re.compile(r"^\d{19}-[0-9a-f]{6}$")
FROM_HEADER, TO_HEADER = "X-Envelope-From", "X-Envelope-To"
"""What the sender said in the SMTP conversation stands in front of the mail's own headers."""


class MailStore:
    """The folder of one catcher."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes, sender: str, recipients: Sequence[str]) -> str:
        """The id of a mail that is on disk when this returns."""
        number = f"{time.time_ns():019d}-{secrets.token_hex(3)}"
        envelope = f"{FROM_HEADER}: {sender}\r\n{TO_HEADER}: {', '.join(recipients)}\r\n".encode()
        unfinished = self._folder / f".{number}"
        with unfinished.open("wb") as file:
            file.write(envelope + content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._file(number))
        self._sync_folder()
        return number

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def numbers(self) -> list[str]:
        """The ids of all mails, in the order of arrival."""
        return sorted(file.stem for file in self._folder.glob("*.eml"))

    def raw(self, number: str) -> bytes:
        """A mail as it came, after the two envelope headers; KeyError when there is none of that id."""
        if not _NUMBER.match(number):
            raise KeyError(number)
        try:
            return self._file(number).read_bytes()
        except FileNotFoundError:
            raise KeyError(number) from None

    def summaries(self) -> list[dict[str, Any]]:
        """A line about each mail, in the order of arrival."""
        return [_summary(self._file(number)) for number in self.numbers()]

    def mail(self, number: str) -> dict[str, Any]:
        """One mail with all its headers, its text and its HTML."""
        message = _parsed(self.raw(number))
        return {
            **_summary(self._file(number)),
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": _content(message, "plain"),
            "html": _content(message, "html"),
            "attachments": [part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
        }

    def clear(self) -> None:
        """Delete every mail."""
        for number in self.numbers():
            self._file(number).unlink(missing_ok=True)

    def _file(self, number: str) -> Path:
        return self._folder / f"{number}.eml"


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=modern)


@lru_cache(maxsize=10_000)
def _summary(file: Path) -> dict[str, Any]:
    """The line about a mail; a kept mail never changes, so it is read once."""
    message = _parsed(file.read_bytes())
    return {
        "id": file.stem,
        "received_at": datetime.fromtimestamp(int(file.stem.partition("-")[0]) / 1e9, tz=UTC).isoformat(),
        "from": _header(message, "From"),
        "to": _header(message, "To"),
        "subject": _header(message, "Subject"),
        "date": _header(message, "Date"),
        "message_id": _header(message, "Message-ID"),
        "envelope_from": _header(message, FROM_HEADER),
        "envelope_to": [name.strip() for name in _header(message, TO_HEADER).split(",") if name.strip()],
    }


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _content(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    try:
        text = cast(bytes, payload).decode(charset, "replace")
    except LookupError:  # A charset that nobody knows.
        text = cast(bytes, payload).decode("utf-8", "replace")
    return text.replace("\r\n", "\n")  # as lines end at a terminal: a link that is cut out there has no CR
