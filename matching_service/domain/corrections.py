"""The way back from an answer that was recorded wrong, with all that followed from it (docs/decisions/0042).

What followed is found by the log: each entry says from which one it followed. What has changed since stays as it is,
and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from matching_service.domain import audit_log, consequences, states
from matching_service.domain.answers import PlaceNotFollowed, publish_answer, require_not_before_answer
from matching_service.domain.contact_log import Contact
from matching_service.domain.place_schemas import CorrectedRequest, Correction, NotRestored
from matching_service.domain.placement_requests import lock_request_that_goes_on
from matching_service.domain.publishing import ids_of, state
from matching_service.domain.request_views import view
from matching_service.domain.restoring import GONE_OUT, Restoring, publish_state
from matching_service.domain.schemas import RequestView
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import AuditLogEntry, PatientCopy, PlacementRequest
from shared.database import Session
from shared.errors import Conflict
from shared.events.catalogue import PlaceTakenBack, RequestCorrected
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import berlin_day
from shared.values.enums import PlacementState, RequestOutcome, RequestStatus
from shared.values.placement_enums import AuditEvent


def correct(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    correction: Correction,
    *,
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
) -> CorrectedRequest:
    """Replace the answer that counts, or take it back, and with it what followed: holds, withdrawals, a place.

    The answer keeps the time at which it was given; taken back, the request stands as before it. Where only the day is
    another one, nothing followed from that. A place goes with the acceptance, or where that is asked for.

    Raises `NotFound`, and `Conflict` where there is no answer, nothing would change, the patient was erased, the
    therapist was asked anew since, or the patient service has yet to follow a failure; `InvalidFields` for a place that
    was free before the answer.
    """
    # before the patients, as everywhere: who is blocked at this moment is either not asked again or withdrawn
    queries.share_therapists(session, queries.therapists_asked_with(session, [request_id]))
    request = lock_request_that_goes_on(session, request_id)
    _require_correctable(session, request, correction)
    restored, kept = _correct(
        session,
        request,
        correction,
        note=lambda: texts.encrypt(session, request.patient_id, request.id, correction.reason),
        rules=rules,
        by=by,
        now=now,
    )
    return _result(view(session, texts, request), restored, kept)


TAKEN_BACK: Final = Correction(outcome=None, reason="the call was corrected")
"""The correction of an answer whose call was corrected: the reason is kept with the call."""


def take_back(session: Session, request_id: UUID, *, rules: AskAgainRules, by: UUID | None, now: datetime) -> None:
    """Take back the answer that counts, since its call was corrected; the caller holds the locks.

    Raises as `correct`.
    """
    request = lock_request_that_goes_on(session, request_id)
    _require_correctable(session, request, TAKEN_BACK)
    _correct(session, request, TAKEN_BACK, note=lambda: None, rules=rules, by=by, now=now)


def _correct(
    session: Session,
    request: PlacementRequest,
    correction: Correction,
    *,
    note: Callable[[], bytes | None],
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
) -> tuple[list[UUID], list[NotRestored]]:
    """Replace the answer; returns the requests that go on again, and those that do not."""
    patient = queries.lock_patients(session, [request.patient_id]).get(request.patient_id)
    is_place = _takes_place_back(request, correction)
    place = _place_to_take_back(session, request, patient) if is_place else None
    entry = _replace_answer(session, request, correction, note=note(), rules=rules, by=by, now=now)
    restoring = Restoring(session, request, patient, cause=entry, rules=rules, now=now)
    if is_place:
        record(session, request, PlaceTakenBack(**ids_of(request)), now=now)
    restoring.end_if_over()
    restored, kept = restoring.restore_withdrawn_by(place) if place is not None else ([], [])
    consequences.recompute_holds_of(session, request.patient_id, cause=entry, now=now)
    request.count_change(by=by, now=now)
    return restored, kept


def find_corrected(
    session: Session, texts: PatientTexts, request_id: UUID, restored: Sequence[UUID], kept: Sequence[NotRestored]
) -> CorrectedRequest:
    """What a correction answered the first time, with the request as it is now."""
    request = queries.requests_with_ids(session, [request_id])[0]
    return _result(view(session, texts, request), restored, kept)


def _result(shown: RequestView, restored: Sequence[UUID], kept: Sequence[NotRestored]) -> CorrectedRequest:
    return CorrectedRequest(**vars(shown), restored=list(restored), not_restored=list(kept))


def _require_correctable(session: Session, request: PlacementRequest, correction: Correction) -> None:
    if request.outcome is None or request.answer_entry_id is None:
        raise Conflict("placement_request.not_answered")
    if correction.outcome is not None and correction.available_from != request.available_from:
        require_not_before_answer("available_from", correction.available_from, request.responded_at)
    is_same = correction.outcome == request.outcome and not _says_another_day(request, correction)
    if is_same and not _takes_place_back(request, correction):
        raise Conflict("placement_request.nothing_to_correct")
    if request.status in states.CLOSED and queries.is_asked_elsewhere(session, request):
        raise Conflict("placement_request.asked_again")


def _takes_place_back(request: PlacementRequest, correction: Correction) -> bool:
    """Whether there is a place that is to go: without the acceptance there is none."""
    is_meant = correction.place_taken_back or correction.outcome != request.outcome
    return request.status in states.PLACES and is_meant


def _says_another_day(request: PlacementRequest, correction: Correction) -> bool:
    """Whether the answer stands and only its day was another one."""
    is_named = "available_from" in correction.model_fields_set
    return correction.outcome == request.outcome and is_named and correction.available_from != request.available_from


def _place_to_take_back(session: Session, request: PlacementRequest, patient: PatientCopy | None) -> UUID | None:
    """The entry of the place that followed from the answer.

    A failure that the patient service has yet to handle would be read after the correction, and end the next place.
    """
    is_failed = request.status == RequestStatus.FAILED
    if is_failed and patient is not None and not _knows_of_failure(patient, request.id):
        raise PlaceNotFollowed
    return queries.newest_entry(session, request.id, AuditEvent.PLACED)


def _knows_of_failure(patient: PatientCopy, request_id: UUID) -> bool:
    if patient.placement_request_id == request_id:
        return patient.placement_state != PlacementState.TAKEN_UP
    return patient.placement_request_id is not None


def _replace_answer(
    session: Session,
    request: PlacementRequest,
    correction: Correction,
    *,
    note: bytes | None,
    rules: AskAgainRules,
    by: UUID | None,
    now: datetime,
) -> UUID:
    """Let the answer be what it should have been, or as before it; returns the entry of the log."""
    assert request.answer_entry_id is not None
    mistaken = request.answer_entry_id
    if correction.outcome is None:
        before = _as_before(queries.audit_log_of(session, [request.id]), mistaken)
        _take_answer_back(request, before, rules=rules, now=now)
        answer = before.answer.id if before.answer else None
    elif _says_another_day(request, correction) and not _takes_place_back(request, correction):
        states.correct_day(request, correction.available_from, rules=rules, now=now)
        answer = None
    else:
        keeps_day = correction.outcome == request.outcome and "available_from" not in correction.model_fields_set
        day = request.available_from if keeps_day else correction.available_from
        states.correct_answer(request, correction.outcome, day, rules=rules, now=now)
        answer = None
    entry = audit_log.add_entry(
        session,
        request,
        AuditEvent.CORRECTED,
        occurred_at=now,
        outcome=correction.outcome,
        available_from=None if correction.outcome is None else request.available_from,
        note=note,
        by=by,
        cause=mistaken,
        contact=Contact(ContactResult(correction.outcome or ContactResult.TAKEN_BACK), None, corrects=mistaken),
        now=now,
    )
    request.answer_entry_id = entry if correction.outcome is not None else answer
    _publish(session, request, now=now)
    return entry


def _publish(session: Session, request: PlacementRequest, *, now: datetime) -> None:
    record(session, request, RequestCorrected(**ids_of(request), outcome=request.outcome), now=now)
    if request.status == RequestStatus.WITHDRAWN:
        record(session, request, state(request), now=now)
    elif request.status in states.ANSWERED and request.responded_at is not None:
        publish_answer(session, request, berlin_day(request.responded_at), now=now)
    else:
        publish_state(session, request, now=now)


@dataclass(frozen=True)
class _Before:
    """How a request stood before an answer."""

    status: RequestStatus
    answer: AuditLogEntry | None
    """The answer that counted then: only after "later" another one is taken."""
    unanswered_on: date | None
    """When nobody was reached in all attempts, if so."""


def _as_before(entries: Sequence[AuditLogEntry], answer_id: UUID) -> _Before:
    """How the request of this log stood before the answer of this entry, or before the one that it corrects.

    What has gone out since has gone out: such a request is not asked a second time.
    """
    by_id = {entry.id: entry for entry in entries}
    first = by_id[answer_id]
    while first.what == AuditEvent.CORRECTED and first.caused_by in by_id:
        first = by_id[first.caused_by]
    earlier = [entry for entry in entries if entry.number < first.number]
    status = RequestStatus(earlier[-1].status) if earlier else RequestStatus.OPEN
    if status in states.NOT_GONE_OUT:
        has_gone_out = bool(GONE_OUT & {entry.what for entry in entries if entry.number > first.number})
        status = RequestStatus.CONTACTED if has_gone_out else RequestStatus.OPEN
    corrected = {entry.caused_by for entry in entries if entry.what == AuditEvent.CORRECTED}
    counted = [entry for entry in earlier if _counted(entry) and entry.id not in corrected]
    unanswered = [entry for entry in earlier if entry.what == AuditEvent.NO_ANSWER]
    return _Before(
        status,
        counted[-1] if counted else None,
        berlin_day(unanswered[-1].occurred_at) if unanswered else None,
    )


def _counted(entry: AuditLogEntry) -> bool:
    """Whether this is an answer that had an effect."""
    if entry.outcome is None or entry.what not in (AuditEvent.ANSWERED, AuditEvent.CORRECTED):
        return False
    return entry.status == states.status_after(RequestOutcome(entry.outcome))


def _take_answer_back(request: PlacementRequest, before: _Before, *, rules: AskAgainRules, now: datetime) -> None:
    answer = before.answer
    states.take_answer_back(
        request,
        before.status,
        outcome=RequestOutcome(answer.outcome) if answer and answer.outcome else None,
        available_from=answer.available_from if answer else None,
        responded_at=answer.occurred_at if answer else None,
        unanswered_on=before.unanswered_on,
        rules=rules,
        now=now,
    )
