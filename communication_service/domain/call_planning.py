"""Planned calls of one practice: whether each keeps its time, and which slot a new one gets (docs/decisions/0050)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from communication_service.domain import call_states, claims, new_calls
from communication_service.domain.call_times import CallerTimes, CallTimes, TakenTime
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.planning import CallSlot, PlannedInquiry
from communication_service.settings import ContactRules
from communication_service.store import call_queries, locks
from communication_service.store.tables import Inquiry, PhoneCall
from shared.database import Session
from shared.values.datetimes import berlin_day, start_of_berlin_day


class ChosenSlot(NamedTuple):
    """When and by whom a call is to be made."""

    starts_at: datetime
    ends_at: datetime
    caller_id: UUID | None
    insisted: bool
    """Staff want it so, although it does not fit the hours that are known."""
    by_staff: bool = False
    """Staff chose it."""

    def give_to(self, call: PhoneCall, *, now: datetime) -> None:
        """Let the call be made then, by this caller."""
        call.starts_at, call.ends_at, call.caller_id = self.starts_at, self.ends_at, self.caller_id
        call.insisted, call.chosen_by_staff, call.updated_at = self.insisted, self.by_staff, now


def slot_of(call: PhoneCall, callers: Sequence[CallerTimes], *, now: datetime) -> CallSlot:
    """What planning has to know of a call that is planned."""
    theirs = [each for each in callers if each.caller_id == call.caller_id]
    is_there = any(call.insisted or each.allow(call.starts_at, call.ends_at) for each in theirs)
    is_claimed = claims.is_held(call, now=now)
    return CallSlot(call.starts_at, call.ends_at, is_there, call.insisted, is_claimed)


def is_fixed(call: PhoneCall, callers: Sequence[CallerTimes], *, now: datetime) -> bool:
    """Whether the call stays at a time on which staff insisted, whatever is known of hours."""
    is_over = berlin_day(call.starts_at) < berlin_day(now)
    return call.insisted and not is_over and slot_of(call, callers, now=now).caller_is_there


class PlannedTimes:
    """When calls are planned, for a transaction that plans several: read once, with the line locked until its end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._weeks: dict[date, list[TakenTime]] = {}

    def between(self, first: datetime, last: datetime) -> list[TakenTime]:
        """The calls that are planned between two instants of a day in Berlin."""
        day = berlin_day(first)
        monday = day - timedelta(days=day.weekday())
        if monday not in self._weeks:
            self._weeks[monday] = self._read(monday)
        return [each for each in self._weeks[monday] if each.starts_at < last and each.ends_at > first]

    def add(self, slot: ChosenSlot) -> None:
        """Take this time for another call."""
        day = berlin_day(slot.starts_at)
        known = self._weeks.get(day - timedelta(days=day.weekday()))
        if known is not None:
            known.append(TakenTime(slot.caller_id, slot.starts_at, slot.ends_at))

    def _read(self, monday: date) -> list[TakenTime]:
        locks.lock_line(self._session)
        self._session.flush()
        bounds = (start_of_berlin_day(monday), start_of_berlin_day(monday + timedelta(days=7)))
        return [TakenTime(*each) for each in call_queries.taken_times(self._session, *bounds)]


@dataclass(frozen=True)
class CallPlanner:
    """Puts calls to one practice into slots that are free."""

    session: Session
    call_times: CallTimes | None
    """When the practice can be phoned; None where that is not known."""
    callers: Sequence[CallerTimes]
    rules: ContactRules
    now: datetime
    chosen: ChosenSlot | None = None
    """When staff want the call that is not planned yet."""
    times: PlannedTimes = field(kw_only=True)

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

    def _place(self, inquiry: Inquiry, planned: PlannedInquiry, call: PhoneCall | None) -> None:
        slot = self.chosen if call is None else None
        slot = slot or self._free_slot(planned)
        if slot is None:
            if call is not None:
                call_states.cancel_phone_call(call, now=self.now)
            inquiry.waits_for = ContactWait.NO_FREE_SLOT
            return
        if call is None:
            call = new_calls.to_practice(inquiry, attempt=planned.attempt, now=self.now)
        slot.give_to(call, now=self.now)
        self.times.add(slot)
        self.session.add(call)

    def _free_slot(self, planned: PlannedInquiry) -> ChosenSlot | None:
        assert self.call_times is not None  # `planning.channel_to`: otherwise it waits for them
        found = self.call_times.next_free_slot(
            earliest=planned.earliest or self.now,
            rules=self.rules,
            taken=self.times.between,
            callers=self.callers,
            unanswered_at=planned.unanswered_at,
        )
        if found is None:
            return None
        return ChosenSlot(found.starts_at, found.starts_at + self.rules.call_length, found.caller_id, insisted=False)
