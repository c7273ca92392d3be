"""What matching publishes about placement requests, kept so that no order of events asks a practice wrongly.

A request's events arrive in order, since they have one key. Should they not, whether to ask and whether to hold are
kept apart, each with the newest event about it: a withdrawal stays, whatever older event comes later.

Anybody can write an event with a high sequence to Kafka, and then every true one looks old. As with copies
(`shared.database.copies`) that is noticed, and what matching republishes overrules it by its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from communication_service.domain import notices, states
from communication_service.settings import ContactRules
from communication_service.store import answers, inquiry_queries, request_queries, schedule
from communication_service.store.tables import ContactRequest
from shared.database import Session, copies, patient_keys
from shared.events.catalogue import RequestUpdated
from shared.events.event import EventEnvelope
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestOutcome
from shared.values.enums import RequestStatus as S

Part = Literal["asked", "hold"]
"""What is kept apart of a request, each with a sequence and a time of its own."""

TABLE: Final = ContactRequest.__tablename__
ASKED: Final = frozenset({S.OPEN, S.QUEUED, S.CONTACTED})
"""Statuses of matching in which the practice is to be asked, or was asked and has not answered."""
ANSWERED: Final = frozenset({S.ACCEPTED, S.DECLINED, S.PLACED, S.FAILED})
DECLINED: Final = frozenset(RequestOutcome) - {RequestOutcome.ACCEPTED, RequestOutcome.LATER}


@dataclass(frozen=True)
class RequestFacts:
    """Which request an event is about, and the event's place among those of the request."""

    id: UUID
    patient_id: UUID
    therapist_id: UUID
    envelope: EventEnvelope


def ask(session: Session, facts: RequestFacts, *, priority: int, now: datetime) -> None:
    """Let the practice be asked, once the requests for it have gathered for a while.

    Where the request waits already it goes on waiting. A hold from before is lifted: matching publishes one anew.
    """
    request = _get_or_create(session, facts)
    if _take_if_newer(session, request, facts, "hold"):
        request.hold = None
    if not _take_if_newer(session, request, facts, "asked"):
        return
    request.asked, request.answered, request.priority = True, False, priority
    _forget_outcome(request)
    request.correlation_id = facts.envelope.correlation_id
    states.ask(request, now=now)


def stop_asking(
    session: Session,
    facts: RequestFacts,
    *,
    outcome: str,
    is_accepted: bool = False,
    is_answered: bool | None = None,
    now: datetime,
) -> None:
    """Do not ask (any more): the request was answered or accepted, or the patient has taken up the place.

    `is_answered`: whether the practice may not answer any more; None leaves that as it is. Of a place that is offered
    practice and patient are to be written to.
    """
    request = _get_or_create(session, facts)
    if _take_if_newer(session, request, facts, "asked"):
        if is_answered is not None:
            request.answered = is_answered
        request.outcome = outcome
        request.confirmation_due_at = now if outcome == RequestOutcome.ACCEPTED else None
        _end(session, request, is_accepted=is_accepted, now=now)


def withdraw(session: Session, facts: RequestFacts, reason: str, *, now: datetime) -> None:
    """Matching withdrew the request: it is asked for no more, and a practice that was written to learns of it.

    So does one that offers a place, which it keeps free. Not where the practice has declined, nor where the reason is
    none of its concern (`notices.REASONS`). Matching notes an answer to it all the same.
    """
    request = _get_or_create(session, facts)
    if _take_if_newer(session, request, facts, "asked"):
        was_asked = request.status in states.IN_CONTACT and not request.answered
        has_offered = request.status == "accepted"
        request.answered, request.corrected_at = False, None
        _forget_outcome(request)
        _end(session, request, is_accepted=False, now=now)
        concerns_practice = (was_asked or has_offered) and reason in notices.REASONS
        is_written_of = concerns_practice and (has_offered or request.emailed_on is not None)
        request.withdrawal_reason = reason if concerns_practice else None
        request.withdrawal_due_at = now if is_written_of else None


def _end(session: Session, request: ContactRequest, *, is_accepted: bool, now: datetime) -> None:
    """While a practice's offer stands, the patient's other requests do not go out, calls after an unanswered e-mail
    included (docs/domain.md#contact-rule-9).
    """
    was_accepted = request.status == "accepted"
    request.asked = False
    if is_accepted:
        states.accept(request, now=now)
    else:
        states.end(request, now=now)
    if is_accepted or was_accepted:
        _schedule_patient(session, request, now=now)


def _schedule_patient(session: Session, request: ContactRequest, *, now: datetime) -> None:
    session.flush()
    schedule.add(session, schedule.of_patients([request.patient_id]), at=now)


def forget_answer(session: Session, facts: RequestFacts, *, is_accepted: bool, now: datetime) -> None:
    """The answer that was recorded, here or in matching, was a mistake: the practice may answer.

    One that has accepted by mistake is asked to delete what it was sent, unless the right answer `is_accepted` too.
    """
    request = _get_or_create(session, facts)
    if _take_if_newer(session, request, facts, "asked"):
        if request.outcome == RequestOutcome.ACCEPTED and not is_accepted:
            request.corrected_at = request.withdrawal_due_at = now
        request.answered = False
        _forget_outcome(request)


def _forget_outcome(request: ContactRequest) -> None:
    """Nothing counts that the practice answered; nobody is written to about it."""
    request.outcome = request.confirmation_due_at = None


def hold(session: Session, facts: RequestFacts, reason: str | None, *, now: datetime) -> None:
    """Let the request wait for this reason, or no longer (None); what has gone out stays."""
    request = _get_or_create(session, facts)
    if _take_if_newer(session, request, facts, "hold"):
        _hold(request, reason, now=now)


def _hold(request: ContactRequest, reason: str | None, *, now: datetime) -> None:
    if request.status in states.HOLDABLE:
        request.hold = reason
        request.due_at = now if request.status == "waiting" else None


def apply_update(session: Session, facts: RequestFacts, stands: RequestUpdated, *, now: datetime) -> None:
    """Let the request be what matching says it is, where something else is known here; otherwise nothing changes.

    What was done here meanwhile (an e-mail that went, an answer), and what matching does not know yet, stays.
    """
    if stands.status not in (*ASKED, S.ACCEPTED) and request_queries.request_for_change(session, facts.id) is None:
        return
    request = _get_or_create(session, facts)
    was_ahead = _is_ahead(session, request, facts.envelope)
    if _take_if_newer(session, request, facts, "asked"):
        if request.patient_id != facts.patient_id:
            _reassign(session, request, facts.patient_id, now=now)
        if request.therapist_id != facts.therapist_id:
            _move(session, request, facts.therapist_id, now=now)
        _apply_status(session, request, stands, was_ahead=was_ahead, now=now)
    if _take_if_newer(session, request, facts, "hold") and request.hold != stands.hold:
        _hold(request, stands.hold, now=now)


def _apply_status(
    session: Session, request: ContactRequest, stands: RequestUpdated, *, was_ahead: bool, now: datetime
) -> None:
    known, request.priority = request.outcome, stands.priority
    request.outcome = _outcome_of(stands.status, known)
    if stands.status == S.ACCEPTED and known != RequestOutcome.ACCEPTED:
        request.confirmation_due_at = now
    elif request.outcome != RequestOutcome.ACCEPTED:
        request.confirmation_due_at = None
    is_asked, is_accepted = stands.status in ASKED, stands.status == S.ACCEPTED
    if not is_asked:
        # an answer that was acknowledged here may still be under way to matching
        is_kept = request.answered and answers.has_definite(session, request.id)
        request.answered = stands.status in ANSWERED or is_kept
    is_known = (is_asked, is_accepted) == (request.asked, request.status == "accepted")
    if is_known and not was_ahead and not _is_asked_twice(request, stands):
        return
    if is_asked:
        _ask_again(session, request, stands, now=now)
    else:
        _end(session, request, is_accepted=is_accepted, now=now)


def _outcome_of(status: str, known: str | None) -> str | None:
    """What the practice answered, by the status of a request; of a refusal its kind is kept where one is known."""
    if status in (S.ACCEPTED, S.PLACED):
        return RequestOutcome.ACCEPTED
    if status == S.DECLINED:
        return known if known in DECLINED else RequestOutcome.DECLINED_OTHER
    return RequestOutcome.LATER if status == S.DEFERRED else None


def _reassign(session: Session, request: ContactRequest, patient_id: UUID, *, now: datetime) -> None:
    """Two files were of one person, and this request is the kept one's now: letters that wait are written anew."""
    _schedule_patient(session, request, now=now)
    patient_keys.reassign(session, request.patient_id, to=patient_id)
    request.patient_id = patient_id
    _schedule_patient(session, request, now=now)


def _move(session: Session, request: ContactRequest, therapist_id: UUID, *, now: datetime) -> None:
    """Two entries were of one therapist, and the kept one is asked: what has not gone out to the other is dissolved.

    What is going out at this moment goes on: its inquiry is the request's until it is known what became of it.
    """
    schedule.add(session, schedule.to_therapists([request.therapist_id]), at=now)
    request.therapist_id = therapist_id
    if request.inquiry_id is not None and inquiry_queries.has_not_gone_out(session, request.inquiry_id):
        request.inquiry_id = None
    if request.status == "waiting":
        request.due_at = now
    session.flush()


def _is_asked_twice(request: ContactRequest, stands: RequestUpdated) -> bool:
    """Whether an e-mail has gone out and another is to go, of which matching knows nothing."""
    is_to_go = request.status == "waiting" and not request.by_phone
    return stands.status == S.CONTACTED and is_to_go and request.emailed_on is not None


def _ask_again(session: Session, request: ContactRequest, stands: RequestUpdated, *, now: datetime) -> None:
    """Ask the practice; but where an e-mail has gone out, wait for its answer, unless matching asks anew since."""
    is_reopened = stands.status == S.OPEN and stands.inquiry_id == request.newest_inquiry_id
    was_accepted = request.status == "accepted"
    request.asked, request.answered = True, False
    if is_reopened:
        states.begin_new_round(request)
    if stands.status == S.CONTACTED and stands.emailed_on is not None:
        request.emailed_on = min(stands.emailed_on, berlin_day(now))
    if request.emailed_on is not None and not request.by_phone:
        states.wait_for_answer(request, now=now)
    else:
        states.wait(request, now=now)
    if was_accepted:
        _schedule_patient(session, request, now=now)


def end_unknown(session: Session, request_id: UUID, envelope: EventEnvelope, *, now: datetime) -> None:
    """Let a request be over that matching has never made; one that is not known here either is none."""
    request = request_queries.request_for_change(session, request_id)
    if request is None:
        return
    facts = RequestFacts(request_id, request.patient_id, request.therapist_id, envelope)
    if _take_if_newer(session, request, facts, "asked"):
        _forget_outcome(request)
        _end(session, request, is_accepted=False, now=now)
    _take_if_newer(session, request, facts, "hold")


def lock(session: Session, request_ids: Iterable[UUID]) -> None:
    """Let nobody else change these requests before this transaction ends; new ones are not there yet."""
    request_queries.lock_requests(session, request_ids)


def _take_if_newer(session: Session, request: ContactRequest, facts: RequestFacts, part: Part) -> bool:
    """Keep the event's position where it is newer than what is known of this part; False where it is not.

    Another event of the same sequence counts as newer: one of the two is false, and the later one stays.
    """
    return copies.take_newer(session, request, facts.envelope.position(f"{part}_"), part=f"{part}_")


def _is_ahead(session: Session, request: ContactRequest, envelope: EventEnvelope) -> bool:
    """Whether the request is ahead of matching: its last event on asking did not come from there."""
    return request.asked_sequence > envelope.sequence or copies.is_ahead(session, TABLE, request.id, part="asked_")


def _get_or_create(session: Session, facts: RequestFacts) -> ContactRequest:
    request = request_queries.request_for_change(session, facts.id)
    if request is None:
        request = states.new_request(
            facts.id,
            patient_id=facts.patient_id,
            therapist_id=facts.therapist_id,
            correlation_id=facts.envelope.correlation_id,
        )
        session.add(request)
        session.flush()
    return request


def follow_up(session: Session, *, rules: ContactRules, now: datetime, at_most: int = 100) -> int:
    """Let requests without an answer to their e-mail wait for a call (docs/domain.md#contact-rule-4).

    Returns the number of requests.
    """
    last_day = berlin_day(now) - timedelta(days=rules.days_until_call)
    unanswered = request_queries.unanswered_since(session, day=last_day, limit=at_most)
    for request in unanswered:
        states.wait_for_call(request, now=now)
    return len(unanswered)
