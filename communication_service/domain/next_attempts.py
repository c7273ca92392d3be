"""When a practice is called again that was not reached, by what came of the call (docs/domain.md#contact-rule-7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from communication_service.domain.call_times import CallTimes
from communication_service.settings import ContactRules
from shared.values.enums import CallResult


def next_attempt_after(
    result: CallResult,
    *,
    occurred_at: datetime,
    call_back_at: datetime | None,
    times: CallTimes | None,
    rules: ContactRules,
    now: datetime,
) -> datetime:
    """Before when the practice is not called again.

    A line that is busy is soon free; who left a message waits longer; where nobody answers, the time of the day is
    wrong, and the window in which the practice did not answer is left to end.
    """
    if result == CallResult.CALL_BACK:
        return max(now, call_back_at or now)
    if result == CallResult.BUSY:
        return max(now, occurred_at + timedelta(minutes=rules.call_again_busy_minutes))
    if result == CallResult.VOICEMAIL:
        return max(now, occurred_at + timedelta(hours=rules.call_again_voicemail_hours))
    if result == CallResult.NO_ANSWER and times is not None:
        return max(now, times.reachable_until(occurred_at) or now)
    return now
