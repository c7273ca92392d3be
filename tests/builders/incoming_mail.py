"""E-mails that come into the mailbox; a test names only what it is about."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from itertools import count

from communication_service.domain import mail_replies
from communication_service.domain.mail_replies import Received
from shared.database import transaction
from tests.builders.communication import LINKS, RULES, TEXTS
from tests.conftest import MONDAY

_numbers = count(1)


def an_answer(
    text: str = "Ja, gerne.", *, to: str | None = None, sender: str = "praxis@example.org", **headers: str
) -> bytes:
    """An e-mail of a practice; `to` is the `Message-ID` that it answers. Headers with `_` for `-`."""
    known = {"From": f"Praxis Erfunden <{sender}>", "To": RULES.mail_from, "Subject": "Re: Anfrage"}
    known |= {"Message-ID": f"<{next(_numbers)}@praxis.example>", "Content-Type": "text/plain; charset=utf-8"}
    known |= {name.replace("_", "-"): value for name, value in headers.items()}
    known |= {"In-Reply-To": to} if to else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in known.items())
    return f"{lines}\r\n{text}".encode()


def a_bounce(
    *,
    of: str,
    recipient: str,
    status: str = "5.1.1",
    action: str = "failed",
    said: str = "smtp; 550 5.1.1 User unknown",
    original: str = "text/plain",
) -> bytes:
    """What a mail server sends back (RFC 3464); `of` is the `Message-ID` of the e-mail."""
    return (
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {said}\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {of}\r\nContent-Type: {original}\r\n\r\nGuten Tag\r\n"
        "--b--\r\n"
    ).encode()


def comes_in(raw: bytes, *, now: datetime = MONDAY, size: int | None = None) -> bool:
    """The e-mail is read from the mailbox."""
    received = Received(
        raw=raw,
        size=size or len(raw),
        fingerprint=sha256(raw).digest(),
        received_at=now,
        uid_validity=1,
        uid=next(_numbers),
    )
    with transaction() as session:
        return mail_replies.receive(session, TEXTS, LINKS.tokens, received, rules=RULES, now=now)
