"""Calls to practices: what a caller may say, and what came of it (docs/domain.md#contact-rule-7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from communication_service.domain import answers, call_notes, composing, states
from communication_service.domain.email_texts import diagnosis_group
from communication_service.domain.practice_summaries import NO_SUMMARIES, SheetSummaries
from communication_service.domain.schemas import (
    CalledAboutPatient,
    CalledTherapist,
    CallOutcome,
    CallResponse,
    PhoneCallFields,
    PhoneCallFilter,
    PhoneCallView,
)
from communication_service.settings import ContactRules
from communication_service.store import (
    call_queries,
    callers,
    copy_queries,
    inquiry_queries,
    lists,
    locks,
    request_queries,
    schedule,
)
from communication_service.store.tables import ContactRequest, Inquiry, PatientPseudonym, PhoneCall, PracticeCopy
from shared.database import Session
from shared.database.rows import require
from shared.errors import FieldProblem, RuleBroken
from shared.events.catalogue import AttemptsUsedUp, CallRecorded
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.contacts import format_phone
from shared.values.datetimes import CLOCKS_MAY_DIFFER, start_of_berlin_day
from shared.values.enums import CallAnswer, CallResult
from shared.values.lists import Listed, ListRequest

LONGEST_UNTIL_CALL_BACK = timedelta(days=366)
"""Patients wait about 142 days for a therapy: a later time is a typing error, or means the answer "later"."""


def list_part(
    session: Session, texts: PatientTexts, wanted: ListRequest[PhoneCallFilter], *, by: UUID | None
) -> Listed:
    """A part of the calls; `by` is who `me` is."""
    filters = wanted.filters
    starts = [day for day in (filters.date, filters.from_) if day is not None]
    ends = [day for day in (filters.date, filters.to) if day is not None]
    found = lists.phone_calls(
        session,
        wanted.part,
        first=start_of_berlin_day(max(starts)) if starts else None,
        before=start_of_berlin_day(min(ends) + timedelta(days=1)) if ends else None,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        status=filters.status,
        direction=filters.direction,
        caller_id=_caller_ids(session, filters, by),
    )
    return found.shown(fields_of(session, texts, found.rows))


def _caller_ids(session: Session, filters: PhoneCallFilter, by: UUID | None) -> list[UUID | None]:
    """The callers that are meant; of somebody who is none of them the account, which no call has as its caller."""
    return [(callers.caller_of_account(session, by) or by) if each == "me" else each for each in filters.caller_id]


def get(
    session: Session, texts: PatientTexts, call_id: UUID, summaries: SheetSummaries = NO_SUMMARIES
) -> PhoneCallView:
    """One call with what the caller may say, these summaries among it; raises `NotFound`."""
    return _view(session, texts, require(call_queries.phone_call(session, call_id), "phone_call"), summaries)


def fields_of(session: Session, texts: PatientTexts, calls: Sequence[PhoneCall]) -> list[PhoneCallFields]:
    """These calls as clients see them."""
    return [PhoneCallFields.of(each) for each in _fields(session, texts, calls)]


def _fields(session: Session, texts: PatientTexts, calls: Sequence[PhoneCall]) -> list[dict[str, Any]]:
    """The fields of calls as clients see them; their notes are decrypted together."""
    notes = call_notes.read(session, texts, calls)
    names = PhoneCallFields.model_fields.keys() - {"note"}
    return [{name: getattr(call, name) for name in names} | {"note": notes[call.id]} for call in calls]


def _view(
    session: Session, texts: PatientTexts, call: PhoneCall, summaries: SheetSummaries = NO_SUMMARIES
) -> PhoneCallView:
    therapist = copy_queries.therapist(session, call.therapist_id)
    of_requests = request_queries.patients_of_requests(session, call.placement_request_ids)
    patients = copy_queries.patients(session, of_requests.values())
    known = [
        _patient(request_id, patients[of_requests[request_id]], summaries)
        for request_id in call.placement_request_ids
        if of_requests.get(request_id) in patients
    ]
    said = answers.views(session, texts, lists.answers_to(session, calls=[call.id]))
    return PhoneCallView.of(
        _fields(session, texts, [call])[0]
        | {"therapist": _therapist(therapist) if therapist else None, "patients": known, "responses": said}
        | {"practice_summaries_missing": summaries.are_missing}
    )


def _therapist(therapist: PracticeCopy) -> CalledTherapist:
    return CalledTherapist(
        name=" ".join(filter(None, (therapist.title, therapist.first_name, therapist.last_name))),
        phone=format_phone(therapist.phone) if therapist.phone else None,
        mobile=format_phone(therapist.mobile) if therapist.mobile else None,
        phone_hours=therapist.phone_hours,
        note=therapist.call_note,
    )


def _patient(request_id: UUID, patient: PatientPseudonym, summaries: SheetSummaries) -> CalledAboutPatient:
    return CalledAboutPatient(
        placement_request_id=request_id,
        reference=patient.reference,
        other_references=patient.other_references,
        age=patient.age,
        gender=patient.gender,
        insurance_type=patient.insurance_type,
        diagnosis_group=diagnosis_group(patient.diagnosis_block),
        practice_summary=summaries.by_patient.get(patient.id),
        availability=patient.availability,
        prior_therapy_within_two_years=patient.prior_therapy_within_two_years,
    )


def lock(session: Session, call_id: UUID) -> None:
    """Wait until nobody else changes what goes to the call's practice; a clock read after this is not too early."""
    _lock(session, call_id)


def record_outcome(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    outcome: CallOutcome,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> PhoneCallView:
    """Record the outcome of a planned call, and plan the next one where nobody was reached.

    Raises `NotFound`, `Conflict` for a second outcome or an answer to a request that has one, `RuleBroken` for answers
    about other requests, for a call that is said to have happened in the future or to be repeated in another year.
    """
    call = _lock_planned(session, call_id)
    _must_be_plausible(outcome, now=now)
    answers.require_about(outcome.responses, call.placement_request_ids)
    inquiry = _inquiry(session, call)
    answers.require_open(session, outcome.responses, call.placement_request_ids)
    now = answers.later_than_known(session, call.therapist_id, now)
    occurred_at = min(outcome.occurred_at or now, now)
    notes = call_notes.encrypt(session, texts, call, outcome.note, about=_talked_about(call, outcome))
    states.record_call_made(call, result=outcome.result, occurred_at=occurred_at, notes=notes, by=by, now=now)
    if outcome.result == CallResult.REACHED:
        _reached(session, texts, call, inquiry, outcome.responses, occurred_at, now)
    else:
        _not_reached(session, texts, call, inquiry, outcome, rules=rules, now=now)
    return _view(session, texts, call)


def _talked_about(call: PhoneCall, outcome: CallOutcome) -> set[UUID]:
    """The requests that were talked about; where none was, all."""
    discussed = [each for each in outcome.responses if each.outcome != CallAnswer.NOT_DISCUSSED]
    return {each.placement_request_id for each in discussed} or set(call.placement_request_ids)


def _must_be_plausible(outcome: CallOutcome, *, now: datetime) -> None:
    if outcome.occurred_at is not None and outcome.occurred_at > now + CLOCKS_MAY_DIFFER:
        problem = FieldProblem.of("occurred_at", "field.in_the_future")
        raise RuleBroken("phone_call.in_the_future", errors=[problem])
    if outcome.call_back_at is not None and outcome.call_back_at > now + LONGEST_UNTIL_CALL_BACK:
        problem = FieldProblem.of("call_back_at", "field.too_far_ahead", days=LONGEST_UNTIL_CALL_BACK.days)
        raise RuleBroken("phone_call.too_far", errors=[problem])


def _lock_planned(session: Session, call_id: UUID) -> PhoneCall:
    call = _lock(session, call_id)
    states.require_planned(call)
    return call


def _lock(session: Session, call_id: UUID) -> PhoneCall:
    known = require(call_queries.phone_call(session, call_id), "phone_call")
    locks.lock_therapist(session, known.therapist_id)
    call = call_queries.phone_call(session, call_id, lock=True)
    assert call is not None  # calls are never deleted
    return call


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
    answers.record_answers(
        session,
        texts,
        everything,
        therapist_id=call.therapist_id,
        phone_call_id=call.id,
        occurred_at=occurred_at,
        by=call.recorded_by,
        now=now,
    )
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
    _publish(session, call, [], call.occurred_at or now, now)
    stay = _requests_with_attempts_left(session, call, inquiry, rules=rules, now=now)
    if not stay:
        states.record_inquiry_unanswered(inquiry)
        schedule.add(session, schedule.to_therapists([call.therapist_id]), at=now)
        return
    inquiry.next_attempt_after = call.next_attempt_after = max(now, outcome.call_back_at or now)
    for request in stay:
        request.due_at = now
    session.flush()
    # plans the next call at once; while a listener holds one of the requests, the job does it a moment later
    composing.compose(session, call.therapist_id, rules=rules, texts=texts, now=now)


def _requests_with_attempts_left(
    session: Session, call: PhoneCall, inquiry: Inquiry, *, rules: ContactRules, now: datetime
) -> list[ContactRequest]:
    """Returns the call's requests that are called about again; for the others, publish that nobody was reached.

    Each counts its own attempts (docs/domain.md#contact-rule-7): a request may join others' contact, and leave it.
    """
    stay, asked = [], []
    for request in _members(session, call):
        request.attempts += 1
        if request.attempts < rules.call_attempts:
            stay.append(request)
        elif states.give_up(request):
            asked.append(request.id)
    if asked:
        event = AttemptsUsedUp(inquiry_id=inquiry.id, therapist_id=call.therapist_id, placement_request_ids=asked)
        record(session, inquiry, event, now=now)
    return stay


def _publish(
    session: Session, call: PhoneCall, said: Sequence[CallResponse], occurred_at: datetime, now: datetime
) -> None:
    event = CallRecorded(
        phone_call_id=call.id,
        inquiry_id=call.inquiry_id,
        therapist_id=call.therapist_id,
        direction=call.direction,
        result=call.result or "",
        occurred_at=occurred_at,
        placement_request_ids=call.placement_request_ids,
        answers=answers.for_event(said),
        recorded_by=call.recorded_by,
    )
    record(session, call, event, now=now)


def _members(session: Session, call: PhoneCall) -> list[ContactRequest]:
    """The call's requests that are still in its contact, locked."""
    found = request_queries.requests(session, call.placement_request_ids)
    return [request for request in found if request.inquiry_id == call.inquiry_id]


def _inquiry(session: Session, call: PhoneCall) -> Inquiry:
    assert call.inquiry_id is not None  # every planned call has one
    inquiry = inquiry_queries.inquiry(session, call.inquiry_id, lock=True)
    assert inquiry is not None  # a foreign key says so
    return inquiry
