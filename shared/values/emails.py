"""An e-mail as it is handed to a mail server: who to whom, and the message's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from shared.values import email_headers


@dataclass(frozen=True)
class Sender:
    """Who e-mails come from: an ASCII address and a name of one line."""

    address: str
    name: str

    @property
    def domain(self) -> str:
        """The part of the address after the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class EmailText:
    """The text of an e-mail, and the same as HTML unless that is empty."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True)
class OutgoingEmail:
    """What is handed to a mail server: who to whom, and the message's bytes."""

    sender: str
    recipient: str
    message: bytes


def as_message(
    text: EmailText, *, sender: Sender, recipient: str, message_id: str, more: dict[str, str]
) -> OutgoingEmail:
    """Returns the message with this text and with `more` headers. No text of any header can add a header of its own.

    Raises ValueError for a sender or a recipient that is not one address in ASCII.
    """
    written = {
        "From": email_headers.mailbox(sender.name, sender.address),
        "To": email_headers.mailbox("", recipient),
        "Subject": email_headers.text(text.subject),
        "Message-ID": email_headers.text(message_id),
        **{name: email_headers.text(value) for name, value in more.items()},
    }
    content = EmailMessage(policy=SMTP)
    # quoted-printable, so that no server on the way needs 8BITMIME
    content.set_content(text.text, cte="quoted-printable")
    if text.html:
        content.add_alternative(text.html, subtype="html", cte="quoted-printable")
    return OutgoingEmail(
        sender.address, email_headers.address(recipient), email_headers.block(written) + content.as_bytes()
    )
