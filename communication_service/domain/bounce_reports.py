"""What a mail server says of an e-mail that it could not deliver (RFC 3464), as far as it can be believed.

Only what speaks certainly of the recipient's address keeps that address from being written to again; the judgement is
that of refusals while an e-mail is handed over (`shared/runtime/smtp_answers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from typing import Any, Final

from shared.runtime.smtp_answers import Delivery, ServerAnswer, judged
from shared.values.contacts import mailbox_of
from shared.values.text import one_line

MOST_RECIPIENTS: Final = 20
LONGEST_FIELD: Final = 1_000
ENDED: Final = "failed"
REPORT: Final = "multipart/report"
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_CODE = re.compile(r"[245]\d\d")


@dataclass(frozen=True)
class RecipientReport:
    """What became of an e-mail for one recipient."""

    mailbox: str | None
    """The normalised address; None for what is no address."""
    action: str
    """failed, delayed, delivered, relayed or expanded (RFC 3464), in lower case."""
    status: str
    """The enhanced status code, such as 5.1.1; empty where there is none."""
    diagnostic: str
    """What the mail server said."""

    @property
    def has_failed(self) -> bool:
        """Whether the e-mail certainly does not arrive any more."""
        return self.action == ENDED if self.action else self.status.startswith("5")

    def is_about_the_address(self, *, sender: str) -> bool:
        """Whether there is certainly no such address."""
        code = _CODE.match(self.diagnostic)
        words = f"{self.status} {self.diagnostic[3:] if code else self.diagnostic}"
        answer = ServerAnswer(int(code.group()) if code else 550, words)
        return self.has_failed and judged(answer, sender=sender) == Delivery.REFUSED_RECIPIENT


@dataclass(frozen=True)
class BounceReport:
    """What a mail server says of an e-mail."""

    original_id: str | None
    """The `Message-ID` of the e-mail that it is about."""
    recipients: Sequence[RecipientReport]
    is_about_a_report: bool = False
    """Whether what came back was itself a report: nothing follows from it."""


def read(parts: Sequence[Message[Any, Any]]) -> BounceReport | None:
    """Returns the report in these parts of an e-mail; None where there is none."""
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return None
    original = next(_originals(parts), None)
    return BounceReport(
        original_id=None if original is None else _field(original, "Message-ID") or None,
        recipients=list(_recipients(status))[:MOST_RECIPIENTS],
        is_about_a_report=original is not None and REPORT in _field(original, "Content-Type").lower(),
    )


def _recipients(status: Message[Any, Any]) -> Iterator[RecipientReport]:
    blocks: Any = status.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        address = _typed(block, "Final-Recipient") or _typed(block, "Original-Recipient")
        if address:
            found = _STATUS.search(_field(block, "Status"))
            yield RecipientReport(
                mailbox=mailbox_of(address),
                action=_field(block, "Action").lower(),
                status=found.group() if found else "",
                diagnostic=_typed(block, "Diagnostic-Code"),
            )


def _originals(parts: Sequence[Message[Any, Any]]) -> Iterator[Message[Any, Any]]:
    """The e-mail that came back, or its headers."""
    for part in parts:
        content: Any = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(content, list) and content:
            yield content[0]
        elif part.get_content_type() in ("text/rfc822-headers", "message/rfc822-headers") and isinstance(content, str):
            yield HeaderParser().parsestr(content)


def _field(of: Message[Any, Any], name: str) -> str:
    return one_line(str(of.get(name, ""))[:LONGEST_FIELD])


def _typed(of: Message[Any, Any], name: str) -> str:
    """A field such as `rfc822; praxis@example.org`, without its type."""
    return _field(of, name).partition(";")[2].strip().strip("<>")
