"""What became of the contacts that communication makes, in any order, also repeated.

Ids that are not known here are left aside with a warning: the requests are rows of ours that are never deleted, so an
unknown one belongs to another installation or was lost in a restore, and there is nothing that could be updated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matching_service.domain import audit_log, states
from matching_service.domain.answers import reopen, take_answer
from matching_service.domain.consequences import recompute_holds_of
from matching_service.domain.contact_log import Contact
from matching_service.domain.schemas import NewAnswer
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.events.catalogue import PracticeAnswer
from shared.runtime.logs import logger
from shared.values.contact_log_enums import ContactResult
from shared.values.enums import CallAnswer, CallResult, Channel, Direction, EmailKind, RequestOutcome, RequestStatus
from shared.values.placement_enums import AuditEvent

log = logger(__name__)


@dataclass(frozen=True)
class ContactEvent:
    """Which contact an event is about (None: one that was not planned), and when it happened."""

    inquiry_id: UUID | None
    event_time: datetime


def _lock_requests(session: Session, ids: Collection[UUID]) -> dict[UUID, PlacementRequest]:
    """These requests by id, locked."""
    found = {request.id: request for request in queries.lock_with_patients(session, ids)}
    if unknown := sorted(str(each) for each in set(ids) - found.keys()):
        log.warning("placement_request.unknown", ids=unknown)
    return found


def record_composed(session: Session, request_ids: Sequence[UUID], *, contact: ContactEvent, now: datetime) -> None:
    """The requests are part of an inquiry that has not gone out."""
    for request in _lock_requests(session, request_ids).values():
        if request.inquiry_at is not None and contact.event_time < request.inquiry_at:
            continue  # it went out, was dissolved or replaced: the event of that came first
        _note_contact(request, contact)
        if request.status == RequestStatus.OPEN:
            states.queue(request, now=now)
            audit_log.add_entry(session, request, AuditEvent.QUEUED, occurred_at=contact.event_time, by=None, now=now)


def record_dissolved(session: Session, request_ids: Sequence[UUID], *, contact: ContactEvent, now: datetime) -> None:
    """The requests left the inquiry and wait to be composed again, unless another one has them already."""
    for request in _lock_requests(session, request_ids).values():
        if request.inquiry_at is not None and contact.event_time < request.inquiry_at:
            continue
        if request.inquiry_id not in (None, contact.inquiry_id):
            continue
        _note_contact(request, contact)
        if request.status == RequestStatus.QUEUED:
            states.leave_queue(request, now=now)
            audit_log.add_entry(
                session, request, AuditEvent.DISSOLVED, occurred_at=contact.event_time, by=None, now=now
            )


def record_email(
    session: Session, request_ids: Sequence[UUID], *, contact: ContactEvent, sent_at: datetime, now: datetime
) -> None:
    """The e-mail with these requests has gone out."""
    for request in _lock_requests(session, request_ids).values():
        request.emailed_at, request.updated_at = states.latest(request.emailed_at, sent_at), now
        said = Contact(ContactResult.SENT, Direction.OUTBOUND)
        _record_contact(
            session, request, AuditEvent.EMAILED, contact, said, at=sent_at, channel=Channel.EMAIL, by=None, now=now
        )


def record_notice(
    session: Session, request_ids: Sequence[UUID], kind: EmailKind, *, sent_at: datetime, now: datetime
) -> None:
    """The practice was written what became of these requests; they stay as they are."""
    for request in _lock_requests(session, request_ids).values():
        what, result = _NOTICES[kind]
        contact = Contact(result, Direction.OUTBOUND)
        audit_log.add_entry(
            session, request, what, occurred_at=sent_at, channel=Channel.EMAIL, contact=contact, by=None, now=now
        )


_NOTICES = {
    EmailKind.CONFIRMATION: (AuditEvent.CONFIRMATION, ContactResult.CONFIRMATION_SENT),
    EmailKind.WITHDRAWAL: (AuditEvent.WITHDRAWAL, ContactResult.WITHDRAWAL_SENT),
}


def record_call(
    session: Session,
    request_ids: Sequence[UUID],
    answers: Sequence[PracticeAnswer],
    *,
    contact: ContactEvent,
    direction: str,
    occurred_at: datetime,
    by: UUID | None,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """The practice was reached on the phone: what it answered counts, what was not talked about waits again."""
    said = {answer.placement_request_id: answer.outcome for answer in answers}
    answer_to = answers_by_request(session, answers)
    of_call = {*request_ids, *said}
    for request in _lock_requests(session, of_call | answer_to.keys()).values():
        if request.id in of_call:
            request.called_at, request.updated_at = states.latest(request.called_at, occurred_at), now
        if said.get(request.id) == CallAnswer.NOT_DISCUSSED:
            _record_not_discussed(session, request, contact, direction, at=occurred_at, by=by, now=now)
        elif request.id in of_call:
            # one call is one contact: where it brought an answer, that is what the contact log says
            reached = None if request.id in answer_to else Contact(ContactResult.REACHED, direction)
            _record_contact(
                session,
                request,
                AuditEvent.CALLED,
                contact,
                reached,
                at=occurred_at,
                channel=Channel.PHONE,
                by=by,
                now=now,
            )
        answer = answer_to.get(request.id)
        if answer is not None:
            take_answer(
                session,
                request,
                _answer_of(answer),
                at=occurred_at,
                event_time=contact.event_time,
                channel=Channel.PHONE,
                direction=direction,
                by=by,
                rules=rules,
                now=now,
            )


def record_unanswered_call(
    session: Session,
    request_ids: Sequence[UUID],
    result: str,
    *,
    direction: str,
    occurred_at: datetime,
    by: UUID | None,
    now: datetime,
) -> None:
    """A call reached nobody: the log proves it, and the requests stay as they are until the attempts are used up."""
    contact = Contact(ContactResult(CallResult(result)), direction)
    for request in _lock_requests(session, request_ids).values():
        audit_log.add_entry(
            session,
            request,
            AuditEvent.NOT_REACHED,
            occurred_at=occurred_at,
            by=by,
            now=now,
            channel=Channel.PHONE,
            reason=result,
            contact=contact,
        )


def record_written_answers(
    session: Session,
    answers: Sequence[PracticeAnswer],
    *,
    channel: Channel,
    occurred_at: datetime,
    event_time: datetime,
    by: UUID | None,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """The practice answered in writing by this channel, as `by` entered it; None: the practice itself."""
    answer_to = answers_by_request(session, answers)
    for request in _lock_requests(session, answer_to.keys()).values():
        response = _answer_of(answer_to[request.id])
        take_answer(
            session,
            request,
            response,
            at=occurred_at,
            event_time=event_time,
            channel=channel,
            direction=Direction.INBOUND,
            by=by,
            rules=rules,
            now=now,
        )


def record_attempts_used_up(
    session: Session, request_ids: Sequence[UUID], *, contact: ContactEvent, rules: AskAgainRules, now: datetime
) -> None:
    """Nobody was reached in all the attempts there are."""
    for request in _lock_requests(session, request_ids).values():
        if request.status in states.ASKED_FOR and not _is_late(request, contact):
            _note_contact(request, contact)
            at = contact.event_time
            states.give_up(request, at=at, rules=rules, now=now)
            audit_log.add_entry(
                session, request, AuditEvent.NO_ANSWER, occurred_at=at, channel=Channel.PHONE, by=None, now=now
            )


def answers_by_request(session: Session, answers: Sequence[PracticeAnswer]) -> dict[UUID, PracticeAnswer]:
    """The answers by the requests that take them: one that was ended by a merge leaves its answer to the other one.

    Where both were answered, what was said of the one that goes on counts.
    """
    given = {each.placement_request_id: each for each in answers if each.outcome != CallAnswer.NOT_DISCUSSED}
    going_on = queries.standing_for(session, given.keys())
    return {going_on[id]: answer for id, answer in given.items()} | {
        id: answer for id, answer in given.items() if going_on[id] == id
    }


def _answer_of(answer: PracticeAnswer) -> NewAnswer:
    return NewAnswer(outcome=RequestOutcome(answer.outcome), available_from=answer.available_from)


def _is_late(request: PlacementRequest, contact: ContactEvent) -> bool:
    """Whether an event of another contact, or an answer, came after this one and says more.

    When it took place does not matter: people enter that, and an e-mail in doubt is resolved days later.
    """
    if request.responded_at is not None and contact.event_time <= request.responded_at:
        return True
    return states.is_late(
        contact.inquiry_id,
        contact.event_time,
        present_inquiry_id=request.inquiry_id,
        inquiry_at=request.inquiry_at,
    )


def _note_contact(request: PlacementRequest, contact: ContactEvent) -> None:
    request.inquiry_id = contact.inquiry_id or request.inquiry_id
    request.inquiry_at = states.latest(request.inquiry_at, contact.event_time)


def _record_contact(
    session: Session,
    request: PlacementRequest,
    what: AuditEvent,
    contact: ContactEvent,
    said: Contact | None,
    *,
    at: datetime,
    channel: Channel,
    by: UUID | None,
    now: datetime,
) -> None:
    if request.status in states.NOT_GONE_OUT and not _is_late(request, contact):
        _note_contact(request, contact)
        states.mark_contacted(request, now=now)
    # the contact took place also where it changes nothing, and the log proves it
    audit_log.add_entry(session, request, what, occurred_at=at, by=by, now=now, channel=channel, contact=said)


def _record_not_discussed(
    session: Session,
    request: PlacementRequest,
    contact: ContactEvent,
    direction: str,
    *,
    at: datetime,
    by: UUID | None,
    now: datetime,
) -> None:
    said = Contact(ContactResult.NOT_DISCUSSED, direction)
    entry = audit_log.add_entry(
        session, request, AuditEvent.NOT_DISCUSSED, occurred_at=at, by=by, now=now, channel=Channel.PHONE, contact=said
    )
    if _is_late(request, contact):
        return
    is_repeated = request.inquiry_at is not None and contact.event_time <= request.inquiry_at
    _note_contact(request, contact)
    # also one of which nothing said yet that it is in an inquiry: events of calls and inquiries come in any order
    if request.status in states.ASKED_FOR and not (request.status == RequestStatus.OPEN and is_repeated):
        reopen(session, request, cause=entry, now=now)
        recompute_holds_of(session, request.patient_id, cause=entry, now=now)
