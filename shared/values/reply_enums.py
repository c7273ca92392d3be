"""The vocabulary of what comes back by e-mail."""

from __future__ import annotations

from enum import StrEnum


class ReplyKind(StrEnum):
    """What an e-mail is that came back."""

    ANSWER = "answer"
    """Somebody wrote it, a practice as far as is known."""
    PATIENT_ANSWER = "patient_answer"
    """A patient wrote it, in answer to an e-mail to them: it answers no request."""
    AUTO_REPLY = "auto_reply"
    """A program wrote it, such as an out-of-office note: it answers nothing."""
    BOUNCE = "bounce"
    """A mail server says what became of an e-mail."""
    NO_MORE = "no_more"
    """The practice wants no more inquiries, or the patient no more e-mails."""
    UNREADABLE = "unreadable"
    """It cannot be read here, so staff look into the mailbox."""


class ReplyState(StrEnum):
    """Where an e-mail that came back stands."""

    WAITING = "waiting"
    """For staff."""
    RECORDED = "recorded"
    """It needs nobody: what follows from it is done."""
    CONFIRMED = "confirmed"
    """Staff said what the practice answers in it."""
    DISMISSED = "dismissed"
    """Staff said that nothing follows from it."""


class ReplyMatch(StrEnum):
    """By what it is known which e-mail is answered; a sender's address alone is never enough."""

    TOKEN = "token"  # noqa: S105 - a word
    """By the token in the address that it was sent to."""
    MESSAGE_ID = "message_id"
    """It names the `Message-ID` of the e-mail."""
    STAFF = "staff"
    """Staff said so."""


class AnswerNeed(StrEnum):
    """Whether a practice may answer for a patient."""

    OPEN = "open"
    ANSWERED = "answered"
    OVER = "over"
    """The patient needs no place there any more."""


class SuppressionSource(StrEnum):
    """Who has suppressed an address."""

    STAFF = "staff"
    OPT_OUT = "opt_out"
    """The entry of a practice that has the address."""
    MAIL_SERVER = "mail_server"
    """A mail server that refuses the address while an e-mail is handed over."""
    LINK = "link"
    """The practice, by the link in an e-mail."""
    REPLY = "reply"
    """The practice, by an e-mail to us."""
    BOUNCE = "bounce"
    """A mail server that sent an e-mail back: there is no such address."""
