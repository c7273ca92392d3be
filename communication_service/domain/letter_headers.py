"""The headers around the text of an e-mail: what it is, how to answer it, how to get no more of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from communication_service.domain.link_tokens import LinkPurpose, LinkTokens
from shared.texts import TextLanguage
from shared.values import email_headers
from shared.values.datetimes import berlin_day
from shared.values.emails import Sender

NO_MORE = "Keine Anfragen mehr"
"""The subject of a mail with which a practice asks for no more inquiries."""

NO_MORE_TO_PATIENTS = "Keine Nachrichten mehr"
"""The subject of a mail with which a patient asks for no more e-mails."""

REPLY_LINK_HERE = "https://antwort-link.invalid"
"""Stands in a letter where its link to answer comes when it is handed over (`.invalid` leads nowhere, RFC 2606): who
reads the letter here cannot answer in the practice's name."""


@dataclass(frozen=True)
class Links:
    """Makes the links in e-mails, which lead to the platform's public address."""

    tokens: LinkTokens
    public_url: str
    lifetime: timedelta

    def url(self, purpose: LinkPurpose, email_id: UUID, *, now: datetime) -> str:
        """Returns the address of the page for this purpose."""
        return f"{self.public_url}/{purpose}/{self.token(purpose, email_id, now=now)}"

    def token(self, purpose: LinkPurpose, email_id: UUID, *, now: datetime) -> str:
        """Returns a token that is valid for the lifetime of links."""
        return self.tokens.issue(purpose, email_id, last_day=berlin_day(now) + self.lifetime)


@dataclass(frozen=True)
class LetterHeaders:
    """Writes the further headers of an e-mail."""

    sender: Sender
    links: Links | None = None
    """None where no key is given: then there are only addresses to write to."""
    has_reply_tokens: bool = False
    """Whether answers go to an address with a token."""
    language: TextLanguage = TextLanguage.DE
    """The language of the text."""

    def to_patient(
        self, email_id: UUID, *, date: datetime, correlation_id: str | None, is_about_progress: bool
    ) -> dict[str, str]:
        """Returns the headers of an e-mail to a patient: how the search goes on can be stopped by a link, too."""
        answering = self._answering(email_id, date)
        # a mail that the mail program writes names no e-mail of ours otherwise
        by_mail = email_headers.unsubscribe_by_mail(answering.get("Reply-To", self.sender.address), NO_MORE_TO_PATIENTS)
        is_stopped = self._unsubscribing(email_id, date, by_mail) if is_about_progress else None
        return self._known(date, correlation_id) | (is_stopped or {"List-Unsubscribe": by_mail}) | answering

    def of(self, email_id: UUID, *, date: datetime, correlation_id: str | None) -> dict[str, str]:
        """Returns the headers of an e-mail to a practice by their names.

        `Auto-Submitted` keeps out-of-office answers away (RFC 3834): they are not answers.
        """
        by_mail = email_headers.unsubscribe_by_mail(self.sender.address, NO_MORE)
        unsubscribing = self._unsubscribing(email_id, date, by_mail)
        return self._known(date, correlation_id) | unsubscribing | self._answering(email_id, date)

    def _known(self, date: datetime, correlation_id: str | None) -> dict[str, str]:
        known = {
            "Date": format_datetime(date),
            "Auto-Submitted": "auto-generated",
            "Content-Language": self.language,
        }
        return known | ({"X-Correlation-Id": correlation_id} if correlation_id else {})

    def _unsubscribing(self, email_id: UUID, date: datetime, by_mail: str) -> dict[str, str]:
        if self.links is None:
            return {"List-Unsubscribe": by_mail}
        url = self.links.url(LinkPurpose.UNSUBSCRIBE, email_id, now=date)
        # RFC 8058 wants https, and mail programs post to nothing else
        one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if url.startswith("https://") else {}
        return {"List-Unsubscribe": f"<{url}>, {by_mail}"} | one_click

    def _answering(self, email_id: UUID, date: datetime) -> dict[str, str]:
        if self.links is None or not self.has_reply_tokens:
            return {}
        token = self.links.token(LinkPurpose.ADDRESS, email_id, now=date)
        return {"Reply-To": with_token(self.sender, token)}


def with_token(sender: Sender, token: str) -> str:
    """Returns the sender's address with a token behind a plus, which the mail server delivers to the same mailbox."""
    local, _, domain = sender.address.rpartition("@")
    return f"{local}+{token}@{domain}"


def token_in(address: str) -> str | None:
    """Returns the token in an address that an answer was sent to; None where it has none."""
    local = address.rpartition("@")[0]
    return local.rpartition("+")[2] if "+" in local else None
