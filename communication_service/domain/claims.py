"""Claims of calls: who is about to make a call has it for some minutes, and nobody else does (docs/decisions/0050).

A claim is a lease: it ends by itself, and is compared with the present instant wherever it matters, so that the call of
somebody who has gone home is free again without a job. A call is claimed with its practice's lock and its row locked,
and a practice has one planned call (`uq_phone_calls_planned`): nobody gets a practice that somebody else has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from communication_service.domain import practice_facts
from communication_service.domain.contact_rule import Barrier, PracticeFacts, barrier
from communication_service.settings import ContactRules
from communication_service.store import call_queries, copy_queries, locks
from communication_service.store import callers as caller_queries
from communication_service.store.tables import PhoneCall
from shared.database import Session
from shared.errors import Conflict
from shared.values.call_enums import ReleaseReason
from shared.values.datetimes import berlin_day, berlin_minute_of_week
from shared.values.weekly import MINUTES_A_WEEK, Weekly


def is_held(call: PhoneCall, *, now: datetime) -> bool:
    """Whether somebody is about to make the call."""
    return call.claimed_until is not None and call.claimed_until > now


def require_free(call: PhoneCall, *, by: UUID | None, now: datetime) -> None:
    """Raise `Conflict` where somebody else is about to make the call."""
    if is_held(call, now=now) and call.claimed_by != by:
        raise Conflict("phone_call.claimed")


def require_own(call: PhoneCall, *, by: UUID | None) -> None:
    """Raise `Conflict` unless this account was the last to claim the call; the claim may have ended meanwhile."""
    if call.claimed_until is None or call.claimed_by != by:
        raise Conflict("phone_call.not_claimed")


def take(call: PhoneCall, *, rules: ContactRules, by: UUID | None, now: datetime) -> None:
    """Let this account have the call until the lease ends; also what renews it."""
    hold(call, rules=rules, by=by, now=now)
    call.release_reason = None
    call.count_change(by=by, now=now)


def hold(call: PhoneCall, *, rules: ContactRules, by: UUID | None, now: datetime) -> None:
    """The same for a call that is new: nobody has seen a version of it."""
    call.claimed_by, call.claimed_until = by, now + rules.call_lease


def require_allowed(session: Session, call: PhoneCall, *, rules: ContactRules, now: datetime) -> None:
    """Raise `Conflict` where the practice may not be called now, as things are by now (`domain/contact_rule.py`)."""
    therapist = copy_queries.therapist(session, call.therapist_id)
    known = {} if therapist is None else {therapist.id: therapist}
    facts = practice_facts.read(session, known, rules=rules, now=now).get(call.therapist_id)
    found = facts and _barrier(facts, call, rules, at=now)
    if found:
        raise not_now(found)


def not_now(found: Barrier) -> Conflict:
    """The refusal that says why a practice may not be called, and until when where that is known."""
    waits_for = found.waits_for.value
    if found.until is None:
        return Conflict("phone_call.not_now.lasting", waits_for=waits_for)
    return Conflict("phone_call.not_now.until", waits_for=waits_for, until=found.until)


def _barrier(facts: PracticeFacts, call: PhoneCall, rules: ContactRules, *, at: datetime) -> Barrier | None:
    is_for_a_reason = call.insisted_because is not None
    known = replace(facts, has_chosen_time=call.insisted, is_called_for_a_reason=is_for_a_reason)
    return barrier(known, "phone", rules=rules, today=berlin_day(at))


def release(
    call: PhoneCall, reason: ReleaseReason | None, *, rules: ContactRules, by: UUID | None, now: datetime
) -> None:
    """Let others have the call; this account does not get it again as the next one for as long as a claim lasts."""
    call.released_by, call.released_until, call.release_reason = by, now + rules.call_lease, reason
    call.claimed_by = call.claimed_until = None
    call.count_change(by=by, now=now)


def take_next(session: Session, *, rules: ContactRules, by: UUID | None, now: datetime) -> PhoneCall | None:
    """Claim the best call that can be made now; None where there is none.

    Who has claimed one already gets that one again: a response that was lost blocks no practice. Calls that another
    transaction works on are passed over, so that two who ask at once never wait for each other, nor get the same one.
    """
    for call_id in (*call_queries.held_by(session, by, now=now), *_ids(callable_now(session, rules, by=by, at=now))):
        call = _lock_if_free(session, call_id, by=by, now=now)
        if call is not None:
            take(call, rules=rules, by=by, now=now)
            return call
    return None


def find_next(
    session: Session, *, rules: ContactRules, by: UUID | None, now: datetime, besides: UUID | None
) -> UUID | None:
    """The call that `take_next` would claim after this one, as things are now; None where there is none."""
    held = call_queries.held_by(session, by, now=now)
    wanted = (id for id in (*held, *_ids(callable_now(session, rules, by=by, at=now))) if id != besides)
    return next(wanted, None)


def _ids(found: Iterator[Reachable]) -> Iterator[UUID]:
    return (each.call.id for each in found)


def _lock_if_free(session: Session, call_id: UUID, *, by: UUID | None, now: datetime) -> PhoneCall | None:
    known = call_queries.phone_call(session, call_id)
    if known is None or not locks.try_to_lock_therapist(session, known.therapist_id):
        return None
    call = call_queries.planned_call(session, call_id)
    return call if call is not None and (call.claimed_by == by or not is_held(call, now=now)) else None


class Reachable(NamedTuple):
    """A call that can be made at some moment, and until when its practice answers the phone."""

    call: PhoneCall
    until: datetime


def callable_now(session: Session, rules: ContactRules, *, by: UUID | None, at: datetime) -> Iterator[Reachable]:
    """Calls that can be made then, the best first: potentially available practices, what is due, one's own, by start.

    A call is among them while its practice answers the phone for as long as a call takes, whenever it was planned for;
    not before the instant for which a practice asked, nor while somebody else has claimed it.
    """
    minute = berlin_minute_of_week(at)
    last = min(minute + rules.call_minutes, MINUTES_A_WEEK)
    own = caller_queries.caller_of_account(session, by)
    rows = call_queries.open_calls(session, Weekly.of([(minute, last)]), by=by, caller_id=own, at=at)
    practices = practice_facts.read(session, {each.id: each for _, each in rows}, rules=rules, now=at)
    for call, therapist in rows:
        facts = practices[therapist.id]
        until = facts.call_times.reachable_until(at) if facts.call_times else None
        is_long_enough = until is not None and at + rules.call_length <= until
        if until is not None and is_long_enough and _barrier(facts, call, rules, at=at) is None:
            yield Reachable(call, until)
