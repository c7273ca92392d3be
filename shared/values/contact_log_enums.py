"""The vocabulary of what became of a contact with a practice."""

from __future__ import annotations

from enum import StrEnum


class ContactResult(StrEnum):
    """What became of one contact for one patient."""

    SENT = "sent"
    """The practice was written to."""
    RECEIVED = "received"
    """The practice wrote or called, without an answer."""
    REACHED = "reached"
    """Somebody was spoken to, who gave no answer yet."""
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    CALL_BACK = "call_back"
    NOT_DISCUSSED = "not_discussed"
    """Somebody was spoken to, about other patients only."""
    ACCEPTED = "accepted"
    DECLINED_CAPACITY = "declined_capacity"
    DECLINED_UNSUITABLE = "declined_unsuitable"
    DECLINED_OTHER = "declined_other"
    LATER = "later"
    CONFIRMATION_SENT = "confirmation_sent"
    """The practice was sent a confirmation of what it had accepted."""
    WITHDRAWAL_SENT = "withdrawal_sent"
    """The practice was sent the withdrawal of the request."""
    TAKEN_BACK = "taken_back"
    """What the corrected entry says did not happen."""
