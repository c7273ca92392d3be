"""What a plan of calls is made from, as it is in the database, and which calls move to where the solution has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from communication_service.domain import callers, claims, cooldowns, practice_hours
from communication_service.domain.call_plan_making import (
    Asked,
    DaysAhead,
    KnownCall,
    ask,
    free_times,
    week_from,
    weight_of,
)
from communication_service.domain.call_plan_moves import Move
from communication_service.domain.call_plan_question import CallSolution
from communication_service.domain.call_plans import Result
from communication_service.domain.call_times import CallerTimes, FreeSlot, TakenTime
from communication_service.domain.contact_rule import first_call_at, later
from communication_service.settings import ContactRules
from communication_service.store import call_plans as store
from communication_service.store.tables import Inquiry, PhoneCall, PracticeCopy
from shared.database import Session
from shared.values.datetimes import berlin_day


@dataclass(frozen=True)
class PlannedContact:
    """A contact by phone, and where its call is planned."""

    therapist_id: UUID
    call_id: UUID | None
    slot: FreeSlot | None


@dataclass(frozen=True)
class Reading:
    """Everything that a plan is made from."""

    fingerprint: str
    week: DaysAhead
    asked: Asked
    known: Mapping[UUID, PlannedContact]
    """By inquiry."""
    callers: Sequence[CallerTimes]
    fixed: Sequence[TakenTime]
    """When callers are in calls in these days that stay where they are."""
    length: timedelta


def fingerprint(session: Session, rules: ContactRules, *, now: datetime) -> str:
    """Another text whenever a plan that was made now could be another one, except where calls are planned."""
    ours = (rules.call_minutes, rules.call_step_minutes, rules.closing_days, berlin_day(now))
    return blake2b(f"{store.fingerprint(session)} {ours}".encode(), digest_size=16).hexdigest()


def is_due(session: Session, found: str) -> bool:
    """Whether something has changed since calls were planned last."""
    return store.last_fingerprint(session) != found


def read(session: Session, rules: ContactRules, *, now: datetime) -> Reading:
    """Read what a plan is made from. Calls that are claimed, chosen by staff or about to begin are not planned anew."""
    week, since = week_from(now), store.waiting_since(session)
    rows = store.wanted(session)
    written_on = _written_on(session, [therapist for _, _, therapist, _ in rows], now=now)
    calls, known = [], {}
    for inquiry, call, therapist, place in rows:
        times = practice_hours.call_times(therapist, place, rules)
        if times is None or (call is not None and stays(call, week, rules, now=now)):
            continue
        weight = weight_of(
            potentially_available=therapist.potentially_available,
            waits_since=since.get(inquiry.id),
            today=berlin_day(now),
        )
        slot = FreeSlot(call.starts_at, call.caller_id) if call else None
        calls.append(
            KnownCall(
                inquiry.id,
                times,
                weight,
                earliest=_earliest(inquiry, written_on[therapist.id], rules),
                unanswered_at=inquiry.unanswered_at,
                current=slot,
            )
        )
        known[inquiry.id] = PlannedContact(therapist.id, call.id if call else None, slot)
    calls.sort(key=lambda each: (-each.weight, each.inquiry_id))
    movable = {each.call_id for each in known.values()}
    between = store.planned_between(session, week.days[0], week.until)
    fixed = [TakenTime(who, starts, ends) for id, who, starts, ends in between if id not in movable]
    ours = callers.times(session)
    asked = ask(calls, ours, fixed, week=week, rules=rules)
    return Reading(fingerprint(session, rules, now=now), week, asked, known, ours, fixed, rules.call_length)


def _written_on(session: Session, practices: Sequence[PracticeCopy], *, now: datetime) -> dict[UUID, date | None]:
    """When each of these practices was written to last, as far as the rule of contact still counts it."""
    found = cooldowns.recent_emails(session, {each.id: each for each in practices}, today=berlin_day(now))
    return {id: each.written_on for id, each in found.items()}


def _earliest(inquiry: Inquiry, written_on: date | None, rules: ContactRules) -> datetime | None:
    """Before when the contact's call is not made: what followed from the last one, and from a letter."""
    return later(inquiry.next_attempt_after, first_call_at(written_on, rules))


def earliest(
    session: Session, inquiry: Inquiry, therapist: PracticeCopy, rules: ContactRules, *, now: datetime
) -> datetime | None:
    """The same for one contact, as things are now."""
    return _earliest(inquiry, _written_on(session, [therapist], now=now)[therapist.id], rules)


def stays(call: PhoneCall, week: DaysAhead, rules: ContactRules, *, now: datetime) -> bool:
    """Whether a plan leaves the call where it is."""
    is_chosen = call.insisted or call.chosen_by_staff or call.ends_at - call.starts_at != rules.call_length
    return is_chosen or claims.is_held(call, now=now) or call.starts_at < week.first


def moves(reading: Reading, solution: CallSolution) -> list[Move]:
    """What is to be done so that calls are where the solution has them."""
    found = []
    for call in reading.asked.question.calls:
        planned, after = reading.known[call.inquiry_id], solution.slots.get(call.inquiry_id)
        is_displaced = after is None and call.current is not None
        if is_displaced or (after is not None and after != planned.slot):
            found.append(Move(call.inquiry_id, planned.therapist_id, planned.call_id, planned.slot, after))
    return found


def result(reading: Reading, solution: CallSolution) -> Result:
    """What is recorded of the plan."""
    gaps = {**reading.asked.gaps, **solution.gaps}
    return Result(
        fingerprint=reading.fingerprint,
        days=(reading.week.days[0], reading.week.until),
        wanted=len(reading.known),
        planned=len(solution.slots),
        callers=[_minutes(reading, solution, each) for each in reading.callers],
        unreachable=[
            {"therapist_id": str(reading.known[inquiry].therapist_id), "inquiry_id": str(inquiry), "reason": str(gap)}
            for inquiry, gap in sorted(gaps.items())
        ],
    )


def _minutes(reading: Reading, solution: CallSolution, caller: CallerTimes) -> dict[str, Any]:
    """How much of a caller's time there is, and is used."""
    placed = sum(slot.caller_id == caller.caller_id for slot in solution.slots.values()) * reading.length
    fixed = sum(
        (
            each.ends_at - each.starts_at
            for each in reading.fixed
            if each.caller_id == caller.caller_id and each.starts_at >= reading.week.first
        ),
        timedelta(),
    )
    available = sum((closes - opens for opens, closes in free_times(caller, [], reading.week)), timedelta())
    return {
        "caller_id": str(caller.caller_id) if caller.caller_id else None,
        "minutes_available": available // timedelta(minutes=1),
        "minutes_planned": (placed + fixed) // timedelta(minutes=1),
    }
