"""Calls that staff plan by hand, move or cancel, and calls from practices (docs/domain.md#contact-rule-7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from communication_service.domain import (
    call_states,
    callers,
    calls,
    claims,
    composing,
    new_calls,
    practice_facts,
    practice_hours,
)
from communication_service.domain.call_planning import ChosenSlot
from communication_service.domain.call_schemas import CallTime, MovedCall, NewPhoneCall, OpenRequests
from communication_service.domain.contact_rule import barrier
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.schemas import PhoneCallView
from communication_service.settings import ContactRules
from communication_service.store import call_queries, copy_queries, inquiry_queries, locks, request_queries, schedule
from communication_service.store import callers as caller_queries
from communication_service.store.tables import ContactRequest, PhoneCall, PracticeCopy
from shared.database import Session
from shared.database.rows import require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.security.patient_texts import PatientTexts
from shared.values.call_enums import InsistedReason
from shared.values.datetimes import CLOCKS_MAY_DIFFER, berlin_day, start_of_berlin_day
from shared.values.enums import Direction
from shared.values.schemas import MergePatch, merged


class PracticeBusy(Conflict):
    """An event about one of the practice's requests is being handled, which takes a moment."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__("phone_call.practice_busy")


@dataclass(frozen=True)
class PlannedBy:
    """Who plans a call, when and by which rules, and whether they insist on a time that does not fit."""

    rules: ContactRules
    by: UUID | None
    now: datetime
    force: bool = False


def add(session: Session, texts: PatientTexts, new: NewPhoneCall, *, staff: PlannedBy) -> PhoneCallView:
    """Plan a call to a practice about what waits for it, or begin to record one that the practice makes.

    Raises `RuleBroken` for a practice that is not known, a time that does not fit unless staff insist, and requests
    that are not open there; `Conflict` where a call is planned already, nothing waits, or the caller has another call.
    """
    therapist = _practice(session, new.therapist_id)
    locks.lock_therapist(session, therapist.id)
    made = _called_by(session, therapist, new, staff) if new.direction == Direction.INBOUND else None
    call = made or _plan(session, texts, therapist, new, staff)
    return calls.view_without_asking(session, texts, call, rules=staff.rules, now=staff.now)


def _practice(session: Session, therapist_id: UUID) -> PracticeCopy:
    """The practice, or the one into which it was merged."""
    known = copy_queries.therapist(session, copy_queries.kept_therapist(session, therapist_id))
    if known is None:
        raise RuleBroken("phone_call.practice_unknown", errors=[FieldProblem.of("therapist_id", "field.no_practice")])
    return known


# Calls that we make


def _plan(
    session: Session, texts: PatientTexts, therapist: PracticeCopy, new: NewPhoneCall, staff: PlannedBy
) -> PhoneCall:
    assert new.starts_at is not None  # `NewPhoneCall` says so
    known = call_queries.planned_call_to(session, therapist.id)
    if known is not None:
        raise Conflict("phone_call.planned_already", existing_id=known.id)
    requests = request_queries.unsent_requests(session, therapist.id)
    if requests is None:
        raise PracticeBusy
    ends_at = new.ends_at or new.starts_at + staff.rules.call_length
    time = CallTime(starts_at=new.starts_at, ends_at=ends_at, caller_id=new.caller_id)
    is_insisted = _insist(session, therapist, new.starts_at, new.because, staff)
    slot = _chosen(session, therapist, time, None, staff)
    slot = slot._replace(insisted=slot.insisted or is_insisted)
    for request in requests:
        request.by_phone = request.by_phone or (request.status == "waiting" and request.hold is None)
    at_once = staff.rules.model_copy(update={"gathering_seconds": 0})
    composing.compose(session, therapist.id, rules=at_once, texts=texts, now=staff.now, chosen=slot)
    call = call_queries.planned_call_to(session, therapist.id)
    if call is None:
        raise Conflict("phone_call.nothing_to_ask")
    call.insisted_because = new.because if is_insisted else None
    call.count_change(by=staff.by, now=staff.now)
    return call


def _insist(
    session: Session, therapist: PracticeCopy, starts_at: datetime, because: InsistedReason | None, staff: PlannedBy
) -> bool:
    """Whether the practice is called against what the rule of contact says, for the reason that staff give.

    Raises `Conflict` where no reason is enough, or none is given.
    """
    facts = practice_facts.read(session, {therapist.id: therapist}, rules=staff.rules, now=staff.now)[therapist.id]
    day = max(berlin_day(starts_at), berlin_day(staff.now))
    found = barrier(facts, "phone", rules=staff.rules, today=day)
    # whether the hours fit is asked for the time that was chosen
    if found is None or found.waits_for == ContactWait.PHONE_HOURS_UNKNOWN:
        return False
    at_all = barrier(replace(facts, has_chosen_time=True), "phone", rules=staff.rules, today=day)
    if at_all is not None:
        raise claims.not_now(at_all)
    if because is None:
        problem = FieldProblem.of("because", "field.practice_waits", waits_for=found.waits_for.value)
        raise Conflict("phone_call.needs_a_reason", errors=[problem])
    return True


def move(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    staff: PlannedBy,
) -> PhoneCallView:
    """Move a planned call, or let another caller make it; without an end it takes as long as before.

    Raises `NotFound`, `LostUpdate`, `Conflict` for a call that was made, is somebody else's claim or would overlap with
    another call of the caller, or against what the rule of contact says without a reason, and `RuleBroken` where the
    practice or the caller does not phone then.
    """
    call = _lock(session, call_id, expected_versions, staff)
    current = calls.view_without_asking(session, texts, call, rules=staff.rules, now=staff.now)
    sent = patch.changes_to(current)
    if "starts_at" in sent and "ends_at" not in sent:
        sent = {"ends_at": sent["starts_at"] + (call.ends_at - call.starts_at)} | sent
    before = {name: getattr(current, name) for name in CallTime.model_fields} | {"because": current.insisted_because}
    moved = merged(MovedCall, before, sent)
    if moved == merged(MovedCall, before, {}):
        return current
    therapist = require(copy_queries.therapist(session, call.therapist_id), "therapist")
    is_insisted = _insist(session, therapist, moved.starts_at, moved.because, staff)
    slot = _chosen(session, therapist, moved, call, staff)
    slot._replace(insisted=slot.insisted or is_insisted).give_to(call, now=staff.now)
    call.insisted_because = moved.because if is_insisted else None
    _let_it_be_so_early(session, call)
    call.count_change(by=staff.by, now=staff.now)
    return calls.view_without_asking(session, texts, call, rules=staff.rules, now=staff.now)


def _let_it_be_so_early(session: Session, call: PhoneCall) -> None:
    """Let the practice be called before the instant that followed from the last attempt, where staff chose so."""
    inquiry = call.inquiry_id and inquiry_queries.inquiry(session, call.inquiry_id, lock=True)
    if inquiry and inquiry.next_attempt_after is not None:
        inquiry.next_attempt_after = min(inquiry.next_attempt_after, call.starts_at)


def _lock(session: Session, call_id: UUID, expected_versions: Collection[int] | None, staff: PlannedBy) -> PhoneCall:
    call = calls.lock_planned(session, call_id, expected_versions)
    claims.require_free(call, by=staff.by, now=staff.now)
    return call


def _chosen(
    session: Session, therapist: PracticeCopy, time: CallTime, moved: PhoneCall | None, staff: PlannedBy
) -> ChosenSlot:
    """The time as a slot. Raises `RuleBroken` where it does not fit, unless staff insist, and `Conflict`."""
    problems = list(_problems(session, therapist, time, staff))
    certain = [each for each, may_be_meant in problems if not may_be_meant]
    if problems and (certain or not staff.force):
        raise RuleBroken("phone_call.time", errors=certain or [each for each, _ in problems])
    locks.lock_line(session)
    busy = call_queries.taken_times(session, time.starts_at, time.ends_at, besides=moved)
    if time.caller_id in {caller_id for caller_id, _, _ in busy}:
        raise Conflict("phone_call.caller_busy")
    return ChosenSlot(time.starts_at, time.ends_at, time.caller_id, insisted=bool(problems), by_staff=True)


def _problems(
    session: Session, therapist: PracticeCopy, time: CallTime, staff: PlannedBy
) -> Sequence[tuple[FieldProblem, bool]]:
    """What is wrong with a time, and whether somebody may mean it all the same."""
    if time.ends_at <= staff.now:
        return [(FieldProblem.of("starts_at", "field.in_the_past"), False)]
    if time.caller_id is not None and caller_queries.caller(session, time.caller_id) is None:
        return [(FieldProblem.of("caller_id", "field.no_caller"), False)]
    found = []
    times = practice_hours.times_of(session, therapist, staff.rules)
    until = times.reachable_until(time.starts_at) if times else None
    if until is None:
        found.append(FieldProblem.of("starts_at", "field.outside_phone_hours"))
    elif until < time.ends_at:
        found.append(FieldProblem.of("ends_at", "field.phone_hours_end_before"))
    theirs = [each for each in callers.times(session) if each.caller_id == time.caller_id]
    if not any(each.allow(time.starts_at, time.ends_at) for each in theirs):
        found.append(FieldProblem.of("caller_id", "field.caller_not_there"))
    return [(each, True) for each in found]


def cancel(session: Session, call_id: UUID, *, expected_versions: Collection[int] | None, staff: PlannedBy) -> None:
    """Do not make a planned call; what it was about is called about on another day, while it waits.

    Raises `NotFound`, `LostUpdate`, and `Conflict` for a call that was made or that somebody else has claimed.
    """
    call = _lock(session, call_id, expected_versions, staff)
    call_states.cancel_phone_call(call, now=staff.now)
    call.count_change(by=staff.by, now=staff.now)
    inquiry = call.inquiry_id and inquiry_queries.inquiry(session, call.inquiry_id, lock=True)
    if inquiry:
        day = max(berlin_day(call.starts_at), berlin_day(staff.now))
        inquiry.next_attempt_after = start_of_berlin_day(day + timedelta(days=1))
    session.flush()
    schedule.add(session, schedule.to_therapists([call.therapist_id]), at=staff.now)


# Calls that practices make


def open_requests(session: Session, therapist_id: UUID) -> OpenRequests:
    """What a practice that calls may speak of. Raises `NotFound` for one that is not known."""
    kept = copy_queries.kept_therapist(session, therapist_id)
    therapist = require(copy_queries.therapist(session, kept), "therapist")
    requests = _open(session, therapist.id)
    patients = copy_queries.patients(session, [each.patient_id for each in requests])
    shown = [calls.spoken_of(each.id, patients[each.patient_id]) for each in requests if each.patient_id in patients]
    return OpenRequests(therapist=calls.called_therapist(therapist), patients=shown)


def _open(session: Session, therapist_id: UUID) -> Sequence[ContactRequest]:
    return request_queries.unanswered(session, copy_queries.with_merged(session, therapist_id))


def _called_by(session: Session, therapist: PracticeCopy, new: NewPhoneCall, staff: PlannedBy) -> PhoneCall:
    if new.starts_at is not None and new.starts_at > staff.now + CLOCKS_MAY_DIFFER:
        problem = FieldProblem.of("starts_at", "field.in_the_future")
        raise RuleBroken("phone_call.in_the_future", errors=[problem])
    ids = [each.id for each in _open(session, therapist.id)]
    problems = [
        FieldProblem.of(f"placement_request_ids.{place}", "field.not_open_there")
        for place, each in enumerate(new.placement_request_ids)
        if each not in ids
    ]
    if problems:
        raise RuleBroken("response.about_another_request", errors=problems)
    about = list(dict.fromkeys(new.placement_request_ids)) or ids
    call = new_calls.from_practice(therapist.id, about, by=staff.by, now=staff.now)
    call.starts_at = min(new.starts_at or staff.now, staff.now)
    call.ends_at = call.starts_at + staff.rules.call_length
    claims.hold(call, rules=staff.rules, by=staff.by, now=staff.now)
    session.add(call)
    session.flush()
    return call
