"""What came of a call: answers, the next attempt, or what a practice said that called itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from communication_service.domain import (
    answers,
    call_notes,
    call_states,
    calls,
    claims,
    composing,
    next_attempts,
    practice_hours,
    states,
)
from communication_service.domain.call_schemas import RecordedOutcome
from communication_service.domain.practice_summaries import NO_NEXT_SHEET, NextSheet
from communication_service.domain.schemas import CallOutcome, CallResponse
from communication_service.settings import ContactRules
from communication_service.store import call_queries, copy_queries, inquiry_queries, request_queries, schedule
from communication_service.store.tables import ContactRequest, Inquiry, PhoneCall
from shared.database import Session
from shared.database.rows import require
from shared.errors import FieldProblem, RuleBroken
from shared.events.catalogue import AttemptsUsedUp, CallRecorded
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import CLOCKS_MAY_DIFFER
from shared.values.enums import CallAnswer, CallResult, ContactPreference, Direction

LONGEST_UNTIL_CALL_BACK = timedelta(days=366)
"""Patients wait about 142 days for a therapy: a later time is a typing error, or means the answer "later"."""


def record_outcome(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    outcome: CallOutcome,
    asked: NextSheet = NO_NEXT_SHEET,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> RecordedOutcome:
    """Record the outcome of a planned call, and plan the next one where nobody was reached; perhaps claim another.

    Raises `NotFound`, `Conflict` for a second outcome, a call that somebody else has claimed or an answer to a request
    that has one, `RuleBroken` for answers about other requests, for a call that is said to have happened in the future
    or to be repeated in another year, and for a practice that calls and is not reached.
    """
    call = calls.lock(session, call_id)
    call_states.require_planned(call)
    claims.require_free(call, by=by, now=now)
    _must_be_plausible(call, outcome, now=now)
    answers.require_about(outcome.responses, call.placement_request_ids)
    # a practice that calls is in none
    inquiry = None if call.inquiry_id is None else inquiry_queries.inquiry_of(session, call)
    answers.require_open(session, outcome.responses, call.placement_request_ids)
    now = answers.later_than_known(session, call.therapist_id, now)
    occurred_at = min(outcome.occurred_at or now, now)
    notes = call_notes.encrypt(session, texts, call, outcome.note, about=_talked_about(call, outcome))
    call_states.record_call_made(call, result=outcome.result, occurred_at=occurred_at, notes=notes, by=by, now=now)
    if inquiry is None:
        _called_us(session, texts, call, outcome.responses, occurred_at, now)
    elif outcome.result == CallResult.REACHED:
        _reached(session, texts, call, inquiry, outcome.responses, occurred_at, now)
    else:
        _not_reached(session, texts, call, inquiry, outcome, rules=rules, now=now)
    following = claims.take_next(session, rules=rules, by=by, now=now) if outcome.claim_next else None
    return _recorded(session, texts, call, following, asked, rules=rules, now=now)


def find_recorded(
    session: Session, texts: PatientTexts, call_id: UUID, next_id: UUID | None, *, rules: ContactRules, now: datetime
) -> RecordedOutcome:
    """What recording an outcome answered the first time, with the calls as they are now."""
    following = None if next_id is None else call_queries.phone_call(session, next_id)
    call = require(call_queries.phone_call(session, call_id), "phone_call")
    return _recorded(session, texts, call, following, rules=rules, now=now)


def _recorded(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    following: PhoneCall | None,
    asked: NextSheet = NO_NEXT_SHEET,
    *,
    rules: ContactRules,
    now: datetime,
) -> RecordedOutcome:
    shown = calls.view(session, texts, call, rules=rules, now=now)
    claimed = None
    if following is not None:
        claimed = calls.view_claimed(session, texts, following, asked, rules=rules, now=now)
    return RecordedOutcome(**vars(shown), claimed_next=claimed)


def _talked_about(call: PhoneCall, outcome: CallOutcome) -> set[UUID]:
    """The requests that were talked about; where none was, all."""
    discussed = [each for each in outcome.responses if each.outcome != CallAnswer.NOT_DISCUSSED]
    return {each.placement_request_id for each in discussed} or set(call.placement_request_ids)


def _must_be_plausible(call: PhoneCall, outcome: CallOutcome, *, now: datetime) -> None:
    if call.direction == Direction.INBOUND and outcome.result != CallResult.REACHED:
        raise RuleBroken("phone_call.inbound", errors=[FieldProblem.of("result", "field.only_reached")])
    if outcome.note is not None and not call.placement_request_ids:
        raise RuleBroken("phone_call.about_nobody", errors=[FieldProblem.of("note", "field.about_nobody")])
    if outcome.occurred_at is not None and outcome.occurred_at > now + CLOCKS_MAY_DIFFER:
        problem = FieldProblem.of("occurred_at", "field.in_the_future")
        raise RuleBroken("phone_call.in_the_future", errors=[problem])
    if outcome.call_back_at is not None and outcome.call_back_at > now + LONGEST_UNTIL_CALL_BACK:
        problem = FieldProblem.of("call_back_at", "field.too_far_ahead", days=LONGEST_UNTIL_CALL_BACK.days)
        raise RuleBroken("phone_call.too_far", errors=[problem])


def _called_us(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    said: Sequence[CallResponse],
    occurred_at: datetime,
    now: datetime,
) -> None:
    """A practice called: what it said counts, and nothing follows for requests that it did not speak of."""
    spoken_of = [each for each in said if each.outcome != CallAnswer.NOT_DISCUSSED]
    _record_answers(session, texts, call, spoken_of, occurred_at, now)
    answers.end_requests(session, spoken_of, now=now)
    _publish(session, call, spoken_of, occurred_at, now, about=[each.placement_request_id for each in spoken_of])
    schedule.add(session, schedule.to_therapists([call.therapist_id]), at=now)


def _record_answers(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    said: Sequence[CallResponse],
    occurred_at: datetime,
    now: datetime,
) -> None:
    answers.record_answers(
        session,
        texts,
        said,
        therapist_id=call.therapist_id,
        phone_call_id=call.id,
        occurred_at=occurred_at,
        by=call.recorded_by,
        now=now,
    )


def _reached(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    inquiry: Inquiry,
    said: Sequence[CallResponse],
    occurred_at: datetime,
    now: datetime,
) -> None:
    named = {response.placement_request_id for response in said}
    silent = [
        CallResponse(placement_request_id=request_id, outcome=CallAnswer.NOT_DISCUSSED)
        for request_id in call.placement_request_ids
        if request_id not in named
    ]
    everything = [*said, *silent]
    _record_answers(session, texts, call, everything, occurred_at, now)
    states.record_inquiry_gone_out(inquiry, now=now)
    outcomes = {response.placement_request_id: response.outcome for response in everything}
    for request in _members(session, call):
        # what was not discussed is asked again when matching reopens it: it may have been withdrawn meanwhile
        states.record_contact(request, is_over=outcomes[request.id] != CallAnswer.NOT_DISCUSSED)
    _publish(session, call, everything, occurred_at, now)
    # other requests may wait for this call to be over
    schedule.add(session, schedule.to_therapists([call.therapist_id]), at=now)


def _not_reached(
    session: Session,
    texts: PatientTexts,
    call: PhoneCall,
    inquiry: Inquiry,
    outcome: CallOutcome,
    *,
    rules: ContactRules,
    now: datetime,
) -> None:
    inquiry.attempts, inquiry.updated_at = inquiry.attempts + 1, now
    occurred_at = call.occurred_at or now
    _publish(session, call, [], occurred_at, now)
    stay = _requests_with_attempts_left(session, call, inquiry, rules=rules, now=now)
    if not stay:
        states.record_inquiry_unanswered(inquiry)
        schedule.add(session, schedule.to_therapists([call.therapist_id]), at=now)
        return
    therapist = copy_queries.therapist(session, call.therapist_id)
    inquiry.next_attempt_after = call.next_attempt_after = next_attempts.next_attempt_after(
        outcome.result,
        occurred_at=occurred_at,
        call_back_at=outcome.call_back_at,
        times=practice_hours.times_of(session, therapist, rules),
        rules=rules,
        now=now,
    )
    inquiry.unanswered_at = occurred_at if outcome.result == CallResult.NO_ANSWER else None
    if outcome.result == CallResult.WRONG_NUMBER:
        call_queries.save_wrong_number(session, call, therapist, now=now)
    is_called_again = therapist is None or therapist.contact_preference != ContactPreference.EMAIL_ONLY
    for request in stay:
        request.due_at, request.by_phone = now, request.by_phone or is_called_again
    session.flush()
    # plans the next call at once; while a listener holds one of the requests, the job does it a moment later
    composing.compose(session, call.therapist_id, rules=rules, texts=texts, now=now)


def _requests_with_attempts_left(
    session: Session, call: PhoneCall, inquiry: Inquiry, *, rules: ContactRules, now: datetime
) -> list[ContactRequest]:
    """Returns the call's requests that are called about again; for the others, publish that nobody was reached.

    Each counts its own attempts (docs/domain.md#contact-rule-7): a request may join others' contact, and leave it. A
    wrong number is no attempt: the practice was not called.
    """
    stay, asked = [], []
    for request in _members(session, call):
        request.attempts += call.result != CallResult.WRONG_NUMBER
        if request.attempts < rules.call_attempts:
            stay.append(request)
        elif states.give_up(request):
            asked.append(request.id)
    if asked:
        event = AttemptsUsedUp(inquiry_id=inquiry.id, therapist_id=call.therapist_id, placement_request_ids=asked)
        record(session, inquiry, event, now=now)
    return stay


def _publish(
    session: Session,
    call: PhoneCall,
    said: Sequence[CallResponse],
    occurred_at: datetime,
    now: datetime,
    *,
    about: Sequence[UUID] | None = None,
) -> None:
    """Publish what came of the call, which was `about` these requests; None: about all of them."""
    event = CallRecorded(
        phone_call_id=call.id,
        inquiry_id=call.inquiry_id,
        therapist_id=call.therapist_id,
        direction=call.direction,
        result=call.result or "",
        occurred_at=occurred_at,
        placement_request_ids=call.placement_request_ids if about is None else list(about),
        answers=answers.for_event(said),
        recorded_by=call.recorded_by,
    )
    record(session, call, event, now=now)


def _members(session: Session, call: PhoneCall) -> list[ContactRequest]:
    """The call's requests that are still in its contact, locked."""
    found = request_queries.requests(session, call.placement_request_ids)
    return [request for request in found if request.inquiry_id == call.inquiry_id]
