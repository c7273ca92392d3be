"""Which contacts can have been: by which channel and in which direction a result is possible, and since when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from shared.values.contact_log_enums import ContactResult
from shared.values.enums import Channel, Direction, RequestOutcome

R, C = ContactResult, Channel
ANSWERS: Final = frozenset(ContactResult(each) for each in RequestOutcome)
"""The results that are answers of a practice."""
SENT: Final = frozenset({R.SENT, R.CONFIRMATION_SENT, R.WITHDRAWAL_SENT})
"""The results that say that the practice was written to."""
BEFORE_THE_SEARCH: Final = timedelta(days=365)
"""How long before a search its first contact may lie: patients look for a place themselves before they come to us."""

_WRITTEN: Final = frozenset({C.EMAIL, C.LETTER, C.FAX})
_SPOKEN: Final = frozenset({C.PHONE, C.IN_PERSON, C.APPOINTMENT_SERVICE})
_LINE: Final = frozenset({C.PHONE, C.FAX})
_CHANNELS: Final[dict[ContactResult, frozenset[Channel]]] = {
    R.SENT: _WRITTEN | {C.APPOINTMENT_SERVICE},
    R.RECEIVED: _WRITTEN | _SPOKEN,
    R.REACHED: _SPOKEN,
    R.NO_ANSWER: _SPOKEN,
    R.BUSY: _LINE,
    R.VOICEMAIL: frozenset({C.PHONE}),
    R.WRONG_NUMBER: _LINE,
    R.CALL_BACK: _SPOKEN,
    R.NOT_DISCUSSED: _SPOKEN,
    R.CONFIRMATION_SENT: _WRITTEN,
    R.WITHDRAWAL_SENT: _WRITTEN,
}
"""Any other result may come by every channel."""
_OUTBOUND: Final = SENT | {R.NO_ANSWER, R.BUSY, R.VOICEMAIL, R.WRONG_NUMBER}


def channels_of(result: ContactResult) -> frozenset[Channel]:
    """By which channels a contact with this result can have been."""
    return _CHANNELS.get(result, frozenset(Channel))


def directions_of(result: ContactResult, channel: Channel) -> frozenset[Direction]:
    """Who can have begun it: what is written is from who wrote it, and nobody reaches us in vain."""
    if result in _OUTBOUND:
        return frozenset({Direction.OUTBOUND})
    if result == R.RECEIVED or (result in ANSWERS and channel in _WRITTEN | {C.REPLY_LINK}):
        return frozenset({Direction.INBOUND})
    return frozenset(Direction)


def earliest(search_started_on: date | None, today: date) -> date:
    """The first day on which a contact for this search can have been; of one that has not begun, as if it began now."""
    return (search_started_on or today) - BEFORE_THE_SEARCH
