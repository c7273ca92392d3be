"""The rules of contacts with practices, judged a second time as `rules.py` does."""

from __future__ import annotations

from typing import Any

from tests.fuzz.sent import NOTHING, Sent


def takes_nothing_back(value: Any, sent: Sent) -> bool:
    """A contact that takes back another one, without naming it."""
    return value == "taken_back" and (sent.body or {}).get("corrects") is None


_NOT_WRITTEN = {"phone", "in_person", "appointment_service", "reply_link"}
_NOT_SPOKEN = {"email", "letter", "fax", "reply_link"}
_NO_CHANNEL_OF = {
    "sent": {"phone", "in_person", "reply_link"},
    "received": {"reply_link"},
    "confirmation_sent": _NOT_WRITTEN,
    "withdrawal_sent": _NOT_WRITTEN,
    "busy": _NOT_WRITTEN - {"phone"} | {"email", "letter"},
    "wrong_number": _NOT_WRITTEN - {"phone"} | {"email", "letter"},
    "voicemail": _NOT_SPOKEN | {"in_person", "appointment_service"},
    **dict.fromkeys(("reached", "no_answer", "call_back", "not_discussed"), _NOT_SPOKEN),
}


def cannot_be_by_channel(value: Any, sent: Sent) -> bool:
    """A letter is not busy, and nothing is sent by phone."""
    return value in _NO_CHANNEL_OF.get((sent.body or {}).get("result", ""), ())


def begins_with_the_wrong_side(value: Any, sent: Sent) -> bool:
    """What reached nobody or was sent came from us; what was received, or answered in writing, did not."""
    result, channel = (sent.body or {}).get("result", ""), (sent.body or {}).get("channel")
    if value == "inbound":
        return result.endswith("sent") or result in ("no_answer", "busy", "voicemail", "wrong_number")
    is_answer = result.startswith("declined") or result in ("accepted", "later")
    return result == "received" or (is_answer and channel in ("email", "letter", "fax", "reply_link"))


def is_dated_twice_or_never(value: Any, sent: Sent) -> bool:
    """A time and a day, or neither of them."""
    body = sent.body or {}
    return (body.get("occurred_at") is None) == (body.get("occurred_on") is None)


def corrects_without_a_note(value: Any, sent: Sent) -> bool:
    """A contact that corrects another one and does not say why."""
    return (sent.body or {}).get("corrects") is not None and (value is NOTHING or value is None)
