"""An outcome that was recorded by mistake is taken back, with what followed from it here (docs/decisions/0050).

The call stays as proof of what was recorded, and counts no more. Matching takes back what followed there: answers with
their consequences, and that all attempts were used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from communication_service.domain import call_notes, call_states, calls, claims, composing, states
from communication_service.domain.call_schemas import CallCorrection
from communication_service.domain.schemas import PhoneCallView
from communication_service.settings import ContactRules
from communication_service.store import answers, call_queries, inquiry_queries, lists, request_queries, schedule
from communication_service.store.tables import ContactRequest, Inquiry, PhoneCall, RecordedAnswer
from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import CallCorrected, PracticeAnswer
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.enums import CallAnswer, CallResult


def correct(
    session: Session,
    texts: PatientTexts,
    call_id: UUID,
    correction: CallCorrection,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> PhoneCallView:
    """Take back what was recorded of a call: its answers, the attempt that it counted, the call that followed.

    Its requests are called about again, where they still wait; what came of the call in truth is recorded with that
    one. Raises `NotFound`, and `Conflict` for a call without an outcome, one that was corrected, and one that was
    followed by another that was made, or that somebody has claimed.
    """
    call = calls.lock(session, call_id)
    if call.result is None:
        raise Conflict("phone_call.no_outcome")
    if call.corrected_at is not None:
        raise Conflict("phone_call.corrected_already")
    inquiry = call.inquiry_id and inquiry_queries.inquiry(session, call.inquiry_id, lock=True)
    if inquiry:
        _cancel_following(session, call, by=by, now=now)
    about = set(call.placement_request_ids)
    call.corrections = call_notes.encrypt(session, texts, call, correction.reason, about=about) if about else []
    call.corrected_at, call.corrected_by = now, by
    call.count_change(by=by, now=now)
    session.flush()
    said = lists.answers_to(session, calls=[call.id])
    requests = request_queries.requests(session, call.placement_request_ids)
    _forget_answers(session, requests, said)
    asked_again: list[ContactRequest] = []
    if inquiry and call.result != CallResult.REACHED:
        asked_again = _take_attempt_back(session, call, inquiry, requests, rules=rules, now=now)
    _publish(session, call, said, asked_again, now=now)
    schedule.add(session, schedule.to_therapists([call.therapist_id]), at=now)
    session.flush()
    # plans the call anew at once; while a listener holds one of the requests, the job does it a moment later
    composing.compose(session, call.therapist_id, rules=rules, texts=texts, now=now)
    return calls.view(session, texts, call, rules=rules, now=now)


def _cancel_following(session: Session, call: PhoneCall, *, by: UUID | None, now: datetime) -> None:
    following = call_queries.later_calls(session, call)
    if any(each.result is not None and each.corrected_at is None for each in following):
        raise Conflict("phone_call.followed")
    for each in following:
        if each.result is None:
            claims.require_free(each, by=by, now=now)
            call_states.cancel_phone_call(each, now=now)


def _forget_answers(session: Session, requests: Sequence[ContactRequest], said: Sequence[RecordedAnswer]) -> None:
    """Practices may answer anew; how the requests stand, matching says when it has taken the answers back."""
    answered = {each.placement_request_id for each in said}
    for request in requests:
        if request.id in answered:
            request.answered = answers.has_definite(session, request.id)


def _take_attempt_back(
    session: Session,
    call: PhoneCall,
    inquiry: Inquiry,
    requests: Sequence[ContactRequest],
    *,
    rules: ContactRules,
    now: datetime,
) -> list[ContactRequest]:
    """Returns the requests whose attempts the call had used up; matching asks for them again."""
    call_queries.forget_wrong_number(session, call)
    given_up = [each for each in requests if _was_given_up(each, inquiry, rules)]
    counted = 0 if call.result == CallResult.WRONG_NUMBER else 1
    for request in requests:
        if request.inquiry_id == inquiry.id or request in given_up:
            request.attempts = max(request.attempts - counted, 0)
            request.due_at = None if request in given_up else now
    inquiry.attempts = max(inquiry.attempts - 1, 0)
    inquiry.next_attempt_after = inquiry.unanswered_at = None
    for request in given_up:
        states.expect_to_be_asked(request)
    return given_up


def _was_given_up(request: ContactRequest, inquiry: Inquiry, rules: ContactRules) -> bool:
    """Whether this contact used up the request's attempts, and nothing has become of it since."""
    is_left = request.inquiry_id is None and request.newest_inquiry_id == inquiry.id
    waits_no_more = request.status == "over" and request.asked and not request.answered
    return is_left and waits_no_more and request.attempts >= rules.call_attempts


def _publish(
    session: Session,
    call: PhoneCall,
    said: Sequence[RecordedAnswer],
    asked_again: Sequence[ContactRequest],
    *,
    now: datetime,
) -> None:
    event = CallCorrected(
        phone_call_id=call.id,
        inquiry_id=call.inquiry_id,
        therapist_id=call.therapist_id,
        result=call.result or "",
        occurred_at=call.occurred_at or now,
        placement_request_ids=call.placement_request_ids,
        answers=[
            PracticeAnswer(
                placement_request_id=each.placement_request_id,
                outcome=each.outcome,
                available_from=each.available_from,
            )
            for each in said
            if each.outcome != CallAnswer.NOT_DISCUSSED
        ],
        asked_again=[each.id for each in asked_again],
        corrected_by=call.corrected_by,
    )
    record(session, call, event, now=now)
