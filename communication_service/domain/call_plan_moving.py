"""Moves calls to where a plan has them: one ring of them in each transaction, and only where nothing has changed.

What was claimed, answered, moved or blocked since the plan was computed stays as it is. Each transaction leaves a valid
schedule, so a worker that dies halfway leaves one, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from communication_service.domain import callers, composing, practice_hours
from communication_service.domain.call_plan_making import DaysAhead
from communication_service.domain.call_plan_moves import Move
from communication_service.domain.call_plan_reading import earliest, stays
from communication_service.domain.call_planning import ChosenSlot
from communication_service.domain.call_times import CallerTimes, CallTimes, FreeSlot, TakenTime
from communication_service.settings import ContactRules
from communication_service.store import call_plans as store
from communication_service.store import call_queries, copy_queries, inquiry_queries, locks, schedule
from communication_service.store.tables import PhoneCall
from shared.database import Session
from shared.security.patient_texts import PatientTexts


@dataclass(frozen=True)
class _Contact:
    """A contact that still waits for its call, and when that may be."""

    times: CallTimes
    earliest: datetime
    unanswered_at: datetime | None


@dataclass(frozen=True)
class Mover:
    """Moves calls in one transaction."""

    session: Session
    rules: ContactRules
    texts: PatientTexts
    week: DaysAhead
    now: datetime

    def move(self, ring: Sequence[Move]) -> bool:
        """Move these calls, all of them or none; False where something about one of them has changed."""
        practices = {each.therapist_id for each in ring}
        if locks.try_to_lock_therapists(self.session, practices) != practices:
            return False
        ids = [each.call_id for each in ring if each.call_id is not None]
        if not ids:
            return all(self._add(each) for each in ring)
        calls = store.planned_calls(self.session, ids)
        locks.lock_line(self.session)
        slots = self._slots(ring, calls)
        if slots is None:
            return False
        if len(ring) > 1:
            store.compare_times_at_the_end(self.session)
        for call_id, slot in slots.items():
            slot.give_to(calls[call_id], now=self.now)
        self.session.flush()
        return True

    def _slots(self, ring: Sequence[Move], calls: Mapping[UUID, PhoneCall]) -> dict[UUID, ChosenSlot] | None:
        """The slot of each call; None where one of them cannot have it."""
        ours = callers.times(self.session)
        found = {}
        for move in ring:
            call = calls.get(move.call_id) if move.call_id else None
            slot = self._slot(move, call, ours, calls) if call is not None else None
            if call is None or slot is None:
                return None
            found[call.id] = ChosenSlot(slot.starts_at, slot.starts_at + self.rules.call_length, slot.caller_id)
        return found

    def _slot(
        self, move: Move, call: PhoneCall, ours: Sequence[CallerTimes], moving: Mapping[UUID, PhoneCall]
    ) -> FreeSlot | None:
        is_as_it_was = FreeSlot(call.starts_at, call.caller_id) == move.before
        if not is_as_it_was or stays(call, self.week, self.rules, now=self.now):
            return None
        contact = self._contact(move)
        if contact is None:
            return None
        if move.after is None:
            return self._after_the_week(contact, ours)
        return move.after if self._fits(move.after, contact, ours, moving) else None

    def _contact(self, move: Move) -> _Contact | None:
        """The contact, if it still waits for nothing but its call and nothing about its practice is new."""
        if schedule.still_due(self.session, [move.therapist_id], now=self.now):
            return None
        inquiry = inquiry_queries.inquiry(self.session, move.inquiry_id)
        therapist = copy_queries.therapist(self.session, move.therapist_id)
        times = practice_hours.times_of(self.session, therapist, self.rules)
        is_ready = inquiry is not None and inquiry.status == "open" and inquiry.waits_for in (None, "no_free_slot")
        if inquiry is None or therapist is None or times is None or not is_ready:
            return None
        first = earliest(self.session, inquiry, therapist, self.rules, now=self.now)
        return _Contact(times, first or self.now, inquiry.unanswered_at)

    def _fits(
        self, slot: FreeSlot, contact: _Contact, ours: Sequence[CallerTimes], moving: Mapping[UUID, PhoneCall]
    ) -> bool:
        """Whether the call may be made then, by a caller who is there and in no other call."""
        ends_at = slot.starts_at + self.rules.call_length
        is_early = slot.starts_at <= self.now or slot.starts_at < contact.earliest
        if is_early or not contact.times.allows(slot.starts_at, ends_at):
            return False
        if not any(each.caller_id == slot.caller_id and each.allow(slot.starts_at, ends_at) for each in ours):
            return False
        busy = store.planned_between(self.session, slot.starts_at, ends_at)
        return not any(caller_id == slot.caller_id and id not in moving for id, caller_id, _, _ in busy)

    def _after_the_week(self, contact: _Contact, ours: Sequence[CallerTimes]) -> FreeSlot | None:
        """The first free slot behind the days of the plan, for a call in whose place others are made."""
        days_left = max(1, self.rules.call_horizon_days - len(self.week.days) + 1)
        return contact.times.next_free_slot(
            earliest=max(self.week.until, contact.earliest),
            rules=self.rules.model_copy(update={"call_horizon_days": days_left}),
            taken=self._taken,
            callers=ours,
            unanswered_at=contact.unanswered_at,
        )

    def _taken(self, first: datetime, last: datetime) -> list[TakenTime]:
        return [TakenTime(*each) for each in call_queries.taken_times(self.session, first, last)]

    def _add(self, move: Move) -> bool:
        """Give a contact that had no free slot one, as composing does.

        The line comes last (docs/decisions/0019): who takes the slot before that makes the transaction fail, and the
        contact waits on.
        """
        contact = self._contact(move)
        if contact is None or move.after is None:
            return False
        if not self._fits(move.after, contact, callers.times(self.session), {}):
            return False
        starts_at, caller_id = move.after
        slot = ChosenSlot(starts_at, starts_at + self.rules.call_length, caller_id)
        composing.compose(
            self.session, move.therapist_id, rules=self.rules, texts=self.texts, now=self.now, chosen=slot
        )
        made = call_queries.planned_call_to(self.session, move.therapist_id)
        return made is not None and made.starts_at == starts_at
