"""From one status of a phone call to another; nobody else sets one. `states.py` has those of e-mails and requests."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from communication_service.domain import states
from communication_service.store.tables import PhoneCall
from shared.errors import Conflict
from shared.values.enums import CallResult, CallStatus

PHONE_CALLS: Final[states.Transitions[CallStatus]] = {
    CallStatus.PLANNED: frozenset({CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.CANCELLED}),
    CallStatus.COMPLETED: frozenset(),
    CallStatus.FAILED: frozenset(),
    CallStatus.CANCELLED: frozenset(),
}
NEW_CALL: Final = CallStatus.PLANNED
"""The first status of a call (`domain/new_calls.py`)."""


def require_planned(call: PhoneCall) -> None:
    """Raise `Conflict` unless the call is still to be made."""
    if call.status != CallStatus.PLANNED:
        raise Conflict("phone_call.not_planned")


def record_call_made(
    call: PhoneCall,
    *,
    result: CallResult,
    occurred_at: datetime,
    notes: list[bytes],
    by: UUID | None,
    now: datetime,
) -> None:
    """The call was made: completed where the practice was reached, failed otherwise."""
    states.enter(call, CallStatus.COMPLETED if result == CallResult.REACHED else CallStatus.FAILED, PHONE_CALLS)
    call.result, call.occurred_at, call.notes, call.recorded_by = result, occurred_at, notes, by
    call.claimed_by = call.claimed_until = None
    call.count_change(by=by, now=now)


def cancel_phone_call(call: PhoneCall, *, now: datetime) -> None:
    """Never make the call."""
    states.enter(call, CallStatus.CANCELLED, PHONE_CALLS)
    call.claimed_by = call.claimed_until = None
    call.updated_at = now
