"""Planned calls of one practice: whether each keeps its time, and which slot a new one gets (docs/decisions/0050)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from communication_service.domain import states
from communication_service.domain.call_times import CallerTimes, CallTimes, FreeSlot, TakenTime
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.planning import CallSlot, PlannedInquiry
from communication_service.settings import ContactRules
from communication_service.store import call_queries, locks
from communication_service.store.tables import Inquiry, PhoneCall
from shared.database import Session


def slot_of(call: PhoneCall, callers: Sequence[CallerTimes]) -> CallSlot:
    """What planning has to know of a call that is planned."""
    theirs = [each for each in callers if each.caller_id == call.caller_id]
    is_there = any(each.allow(call.starts_at, call.ends_at) for each in theirs)
    return CallSlot(call.starts_at, call.ends_at, caller_is_there=is_there)


@dataclass(frozen=True)
class CallPlanner:
    """Puts calls to one practice into slots that are free."""

    session: Session
    call_times: CallTimes | None
    """When the practice can be phoned; None where that is not known."""
    callers: Sequence[CallerTimes]
    rules: ContactRules
    now: datetime

    def plan(self, inquiry: Inquiry, planned: PlannedInquiry, call: PhoneCall | None) -> None:
        """Put the call into the first slot that is free, unless it keeps the one it has or waits for something."""
        if planned.waits_for is not None:
            return
        if call is not None and call.placement_request_ids != inquiry.placement_request_ids:
            call.placement_request_ids, call.attempt = list(inquiry.placement_request_ids), planned.attempt
            call.updated_at = self.now
        if planned.keeps_call:
            return
        self._place(inquiry, planned, call)
        self.session.flush()

    def _place(self, inquiry: Inquiry, planned: PlannedInquiry, call: PhoneCall | None) -> None:
        slot = self._free_slot(planned)
        if slot is None:
            if call is not None:
                states.cancel_phone_call(call, now=self.now)
            inquiry.waits_for = ContactWait.NO_FREE_SLOT
            return
        ends_at = slot.starts_at + self.rules.call_length
        if call is None:
            made = states.new_phone_call(
                inquiry,
                attempt=planned.attempt,
                caller_id=slot.caller_id,
                starts_at=slot.starts_at,
                ends_at=ends_at,
                now=self.now,
            )
            self.session.add(made)
        else:
            call.starts_at, call.ends_at, call.caller_id = slot.starts_at, ends_at, slot.caller_id
            call.updated_at = self.now

    def _free_slot(self, planned: PlannedInquiry) -> FreeSlot | None:
        assert self.call_times is not None  # `planning.channel_to`: otherwise it waits for them
        locks.lock_line(self.session)
        self.session.flush()
        return self.call_times.next_free_slot(
            earliest=planned.earliest or self.now,
            rules=self.rules,
            taken=self._taken,
            callers=self.callers,
        )

    def _taken(self, first: datetime, last: datetime) -> list[TakenTime]:
        return [TakenTime(*each) for each in call_queries.taken_times(self.session, first, last)]
