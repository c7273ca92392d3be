"""What became of the contacts that communication makes, in any order, also repeated.

Ids that are not known here are left aside with a warning: the requests are rows of ours that are never deleted, so an
unknown one belongs to another installation or was lost in a restore, and there is nothing that could be updated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matching_service.domain import history, states
from matching_service.domain.answers import hear, reopen
from matching_service.domain.holds import settle
from matching_service.domain.schemas import Response
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.events.catalogue import PracticeAnswer
from shared.runtime.logs import logger
from shared.values.enums import CallAnswer, Channel, RequestOutcome, RequestStatus

log = logger(__name__)


@dataclass(frozen=True)
class Contact:
    """Which contact news are about (None: one that was not planned), and when they happened."""

    inquiry_id: UUID | None
    told_at: datetime


def _requests(session: Session, ids: Collection[UUID]) -> dict[UUID, PlacementRequest]:
    patients = queries.patients_of(session, ids)
    queries.lock_patients(session, patients)
    found = {request.id: request for request in queries.lock_requests(session, ids)}
    if unknown := sorted(str(each) for each in set(ids) - found.keys()):
        log.warning("placement_request.unknown", ids=unknown)
    return found


def composed(session: Session, request_ids: Sequence[UUID], *, contact: Contact, now: datetime) -> None:
    """The requests are part of an inquiry that has not gone out."""
    for request in _requests(session, request_ids).values():
        if request.inquiry_at is not None and contact.told_at < request.inquiry_at:
            continue  # it went out, was dissolved or replaced: news of that came first
        _is_news(request, contact)
        if request.status == RequestStatus.OPEN:
            _becomes(session, request, RequestStatus.QUEUED, "queued", at=contact.told_at, now=now)


def dissolved(session: Session, request_ids: Sequence[UUID], *, contact: Contact, now: datetime) -> None:
    """The requests left the inquiry and wait to be composed again, unless another one has them already."""
    for request in _requests(session, request_ids).values():
        if request.inquiry_at is not None and contact.told_at < request.inquiry_at:
            continue
        if request.inquiry_id not in (None, contact.inquiry_id):
            continue
        _is_news(request, contact)
        if request.status == RequestStatus.QUEUED:
            _becomes(session, request, RequestStatus.OPEN, "dissolved", at=contact.told_at, now=now)


def emailed(
    session: Session, request_ids: Sequence[UUID], *, contact: Contact, sent_at: datetime, now: datetime
) -> None:
    """The e-mail with these requests has gone out."""
    for request in _requests(session, request_ids).values():
        request.emailed_at, request.updated_at = states.latest(request.emailed_at, sent_at), now
        _went_out(session, request, "emailed", contact, at=sent_at, channel=Channel.EMAIL, now=now)


def called(
    session: Session,
    request_ids: Sequence[UUID],
    answers: Sequence[PracticeAnswer],
    *,
    contact: Contact,
    occurred_at: datetime,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """The practice was reached on the phone: what it answered counts, what was not talked about waits again."""
    answer_to = {answer.placement_request_id: answer for answer in answers}
    for request in _requests(session, {*request_ids, *answer_to}).values():
        request.called_at, request.updated_at = states.latest(request.called_at, occurred_at), now
        answer = answer_to.get(request.id)
        if answer is not None and answer.outcome == CallAnswer.NOT_DISCUSSED:
            _not_discussed(session, request, contact, at=occurred_at, now=now)
            continue
        _went_out(session, request, "called", contact, at=occurred_at, channel=Channel.PHONE, now=now)
        if answer is not None:
            hear(
                session,
                request,
                _response(answer),
                at=occurred_at,
                told_at=contact.told_at,
                channel=Channel.PHONE,
                rules=rules,
                now=now,
            )


def answered_by_email(
    session: Session,
    answers: Sequence[PracticeAnswer],
    *,
    occurred_at: datetime,
    told_at: datetime,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """The practice answered in writing."""
    answer_to = {
        answer.placement_request_id: answer for answer in answers if answer.outcome != CallAnswer.NOT_DISCUSSED
    }
    for request in _requests(session, answer_to.keys()).values():
        response = _response(answer_to[request.id])
        hear(session, request, response, at=occurred_at, told_at=told_at, channel=Channel.EMAIL, rules=rules, now=now)


def attempts_used_up(session: Session, request_ids: Sequence[UUID], *, contact: Contact, now: datetime) -> None:
    """Nobody was reached in all the attempts there are."""
    for request in _requests(session, request_ids).values():
        if request.status in states.ASKED_FOR and not _is_late(request, contact):
            _is_news(request, contact)
            _becomes(
                session,
                request,
                RequestStatus.NO_ANSWER,
                "no_answer",
                at=contact.told_at,
                channel=Channel.PHONE,
                now=now,
            )


def _response(answer: PracticeAnswer) -> Response:
    return Response(outcome=RequestOutcome(answer.outcome), available_from=answer.available_from)


def _is_late(request: PlacementRequest, contact: Contact) -> bool:
    """Whether another contact or an answer was told of after this and says more.

    When it took place does not matter: people enter that, and a letter in doubt is settled days later.
    """
    if request.responded_at is not None and contact.told_at <= request.responded_at:
        return True
    return states.is_old_news(
        contact.inquiry_id,
        contact.told_at,
        present_inquiry_id=request.inquiry_id,
        inquiry_at=request.inquiry_at,
    )


def _is_news(request: PlacementRequest, contact: Contact) -> None:
    request.inquiry_id = contact.inquiry_id or request.inquiry_id
    request.inquiry_at = states.latest(request.inquiry_at, contact.told_at)


def _went_out(
    session: Session,
    request: PlacementRequest,
    what: str,
    contact: Contact,
    *,
    at: datetime,
    channel: Channel,
    now: datetime,
) -> None:
    if request.status in states.NOT_GONE_OUT and not _is_late(request, contact):
        _is_news(request, contact)
        _becomes(session, request, RequestStatus.CONTACTED, what, at=at, channel=channel, now=now)
    else:
        # the contact took place all the same, and the log proves it
        history.note(session, request, what, occurred_at=at, now=now, channel=channel)


def _not_discussed(
    session: Session, request: PlacementRequest, contact: Contact, *, at: datetime, now: datetime
) -> None:
    history.note(session, request, "not_discussed", occurred_at=at, now=now, channel=Channel.PHONE)
    if _is_late(request, contact):
        return
    is_repeated = request.inquiry_at is not None and contact.told_at <= request.inquiry_at
    _is_news(request, contact)
    # also one that was not told yet to be in an inquiry: calls and inquiries are told of in any order
    if request.status in states.ASKED_FOR and not (request.status == RequestStatus.OPEN and is_repeated):
        reopen(session, request, now=now)
        settle(session, request.patient_id, now=now)


def _becomes(
    session: Session,
    request: PlacementRequest,
    status: RequestStatus,
    what: str,
    *,
    at: datetime,
    now: datetime,
    channel: Channel | None = None,
) -> None:
    request.status, request.updated_at = status, now
    if status not in states.HOLDABLE:
        request.hold = None
    history.note(session, request, what, occurred_at=at, now=now, channel=channel)
