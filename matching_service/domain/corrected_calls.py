"""What follows here where the outcome of a call was a mistake (docs/decisions/0050): its answers are taken back.

Only an answer that still counts is: one that staff have corrected meanwhile, or that another has replaced, stays.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from matching_service.domain import audit_log, states
from matching_service.domain.answers import PlaceNotFollowed, reopen
from matching_service.domain.consequences import recompute_holds_of
from matching_service.domain.contact_log import Contact
from matching_service.domain.contacts import answers_by_request
from matching_service.domain.corrections import take_back
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import AuditLogEntry, PlacementRequest
from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import CallCorrected, PracticeAnswer
from shared.runtime.logs import logger
from shared.values.contact_log_enums import ContactResult
from shared.values.enums import CallResult, Channel, RequestStatus
from shared.values.placement_enums import AuditEvent

log = logger(__name__)


def follow(session: Session, event: CallCorrected, *, rules: AskAgainRules, now: datetime) -> None:
    """Take back the answers of the call, or that nobody was reached in it; the caller holds the locks."""
    given = answers_by_request(session, event.answers)
    requests = {each.id: each for each in queries.lock_with_patients(session, {*event.placement_request_ids, *given})}
    for request_id, answer in given.items():
        request = requests.get(request_id)
        if request is not None and _counts(session, request, answer, event.occurred_at):
            _take_back(session, request, rules=rules, by=event.corrected_by, now=now)
    if event.result != CallResult.REACHED:
        for request in requests.values():
            _forget_attempt(session, request, event, now=now)


def _counts(session: Session, request: PlacementRequest, answer: PracticeAnswer, occurred_at: datetime) -> bool:
    """Whether this answer of the call is the one that counts for the request."""
    entry = request.answer_entry_id and session.get(AuditLogEntry, request.answer_entry_id)
    if not entry or entry.what != AuditEvent.ANSWERED or entry.channel != Channel.PHONE:
        return False
    return (entry.outcome, entry.occurred_at) == (answer.outcome, occurred_at)


def _take_back(
    session: Session, request: PlacementRequest, *, rules: AskAgainRules, by: UUID | None, now: datetime
) -> None:
    try:
        take_back(session, request.id, rules=rules, by=by, now=now)
    except PlaceNotFollowed:
        raise  # the patient service follows in a moment, and the event is handled again
    except Conflict as problem:  # the therapist was asked anew since, or the patient was erased
        log.warning("call_correction.left", placement_request_id=str(request.id), code=problem.code)


def _forget_attempt(session: Session, request: PlacementRequest, event: CallCorrected, *, now: datetime) -> None:
    """Log that the call was none; a request whose attempts it used up is to be asked again."""
    entry = _log(session, request, event, now=now)
    if request.id in event.asked_again and request.status in (*states.ASKED_FOR, RequestStatus.NO_ANSWER):
        # that the attempts are used up, another event says, which may come later: it is about another contact then
        request.inquiry_id, request.inquiry_at = None, now
        reopen(session, request, cause=entry, now=now)
        recompute_holds_of(session, request.patient_id, cause=entry, now=now)


def _log(session: Session, request: PlacementRequest, event: CallCorrected, *, now: datetime) -> UUID | None:
    """Returns the entry that takes back the one of the call; None where that is not known here."""
    entries = queries.audit_log_of(session, [request.id])
    attempts = [
        each.id for each in entries if each.what == AuditEvent.NOT_REACHED and each.occurred_at == event.occurred_at
    ]
    if not attempts:
        return None
    return audit_log.add_entry(
        session,
        request,
        AuditEvent.CALL_CORRECTED,
        occurred_at=now,
        by=event.corrected_by,
        cause=attempts[-1],
        contact=Contact(ContactResult.TAKEN_BACK, None, corrects=attempts[-1]),
        now=now,
    )
