"""The rules of calls and of callers that no schema can say, judged a second time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fuzz.sent import Sent


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written.upper())


def is_absent_backwards(value: Any, sent: Sent) -> bool:
    """An absence that ends before it begins."""
    return any(_instant(each["to"]) < _instant(each["from"]) for each in sent.body.get("absences") or [])


def takes_no_time_or_hours(value: Any, sent: Sent) -> bool:
    """A call that ends when it begins, before, or more than two hours later; the other end may be stored."""
    if not {"starts_at", "ends_at"} <= sent.body.keys():
        return True
    length = _instant(sent.body["ends_at"]) - _instant(sent.body["starts_at"])
    return not timedelta() < length <= timedelta(hours=2)


def is_over(value: Any, sent: Sent) -> bool:
    """A call that has ended; its end may be stored, or follow from its start."""
    ends_at = sent.body.get("ends_at")
    end = _instant(ends_at) if ends_at else _instant(sent.body["starts_at"]) + timedelta(hours=2)
    return end <= datetime.now(UTC) + timedelta(minutes=1)


def has_a_time(value: Any, sent: Sent) -> bool:
    """A call with a time or a caller; whether both phone then, what is stored says."""
    return not {"starts_at", "ends_at", "caller_id"}.isdisjoint(sent.body)


def nobody_was_reached(value: Any, sent: Sent) -> bool:
    """A result other than `reached`; who called, what is stored says."""
    return bool(value != "reached")
