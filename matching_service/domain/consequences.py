"""What follows for a patient's requests: which of them wait, and which are over because the search is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matching_service.domain import audit_log, states
from matching_service.domain.publishing import ids_of
from matching_service.store import queries
from matching_service.store.tables import PatientCopy, PlacementRequest
from shared.database import Session
from shared.events.catalogue import RequestHeld, RequestReleased, RequestWithdrawn
from shared.events.outbox import record
from shared.values.datetimes import berlin_day
from shared.values.enums import (
    MatchCriterion,
    PatientStatus,
    PlacementState,
    RequestHold,
    RequestStatus,
    TherapistStatus,
    WithdrawalReason,
)
from shared.values.placement_enums import AuditEvent


class SearchState(Protocol):
    """How a patient's search stands: as the copy says, or the last event about a patient who was merged or erased."""

    @property
    def status(self) -> str | None: ...
    @property
    def placement_request_id(self) -> UUID | None: ...
    @property
    def placement_state(self) -> str | None: ...


def follow_search(
    session: Session, patient_id: UUID, *, last: SearchState, ended_at: datetime | None = None, now: datetime
) -> None:
    """Hold, release or withdraw a patient's requests, as the search stands now; doing it again changes nothing.

    `ended_at`: when the search ended, as an event says, though it may have begun anew meanwhile: whatever was approved
    until then is over. `last`: what counts where the copy is empty, since the patient was merged into another.
    """
    copy = queries.lock_patients(session, [patient_id]).get(patient_id)
    patient: SearchState = copy or last
    live = queries.lock_live_requests_of_patient(session, patient_id)
    places = {request.id for request in live if request.status == RequestStatus.PLACED}
    status = None if has_patient_service_to_follow(session, patient) else patient.status
    cause = _entry_of_place(session, patient)
    for request in live:
        if request.id in places:
            is_overtaken = patient.placement_request_id in places - {request.id}
            _follow_place(session, request, patient, is_overtaken=is_overtaken, ended_at=ended_at, now=now)
        elif _is_over(request, status, ended_at):
            withdraw(session, request, WithdrawalReason.SEARCH_ENDED, by=None, cause=cause, now=now)
    _withdraw_from_excluded(session, patient_id, copy, now=now)
    recompute_holds(session, patient_id, patient.status, now=now)


def has_patient_service_to_follow(session: Session, patient: SearchState) -> bool:
    """Whether the patient service has yet to follow: the therapy is that of a place that failed or was taken back."""
    if patient.placement_request_id is None or not _has_place(patient):
        return False
    request = queries.request(session, patient.placement_request_id)
    return request is not None and request.status != RequestStatus.PLACED


def _entry_of_place(session: Session, patient: SearchState) -> UUID | None:
    """The entry of the place with which the search ended, where it ended with one."""
    if patient.placement_request_id is None or not _has_place(patient):
        return None
    return queries.newest_entry(session, patient.placement_request_id, AuditEvent.PLACED)


def _has_place(patient: SearchState) -> bool:
    return patient.status == PatientStatus.IN_THERAPY and patient.placement_state == PlacementState.TAKEN_UP


def _is_over(request: PlacementRequest, patient_status: str | None, ended_at: datetime | None) -> bool:
    if patient_status in states.SEARCH_ENDED or (ended_at is not None and request.approved_at < ended_at):
        return True
    # staff may have noted the therapy before they recorded which acceptance it was
    return patient_status == PatientStatus.IN_THERAPY and request.status != RequestStatus.ACCEPTED


def _follow_place(
    session: Session,
    request: PlacementRequest,
    patient: SearchState,
    *,
    is_overtaken: bool,
    ended_at: datetime | None,
    now: datetime,
) -> None:
    """What the patient service says of the place counts; a place that it does not name yet goes on.

    Where two stand, the one that it does not name is over: nobody will speak of it again. So is one that it does not
    name where people have ended or reopened the search since: the patient service takes it up no more.
    """
    if is_overtaken:
        end_place(session, request, now=now)
    elif patient.placement_request_id != request.id:
        if ended_at is not None and queries.was_placed_before(session, request.id, ended_at):
            _fail_place(session, request, now=now)
    elif patient.placement_state == PlacementState.FAILED:
        _fail_place(session, request, now=now)
    elif patient.placement_state == PlacementState.ENDED:
        end_place(session, request, now=now)


def _fail_place(session: Session, request: PlacementRequest, *, now: datetime) -> None:
    states.fail_place(request, failed_on=berlin_day(now), now=now)
    audit_log.add_entry(session, request, AuditEvent.FAILED, occurred_at=now, by=None, now=now)


def end_place(session: Session, request: PlacementRequest, *, now: datetime) -> None:
    """The place is over with the therapy; the caller holds the locks."""
    states.end_place(request, now=now)
    audit_log.add_entry(session, request, AuditEvent.THERAPY_ENDED, occurred_at=now, by=None, now=now)


def withdraw_from_unavailable_therapist(session: Session, therapist_id: UUID, *, now: datetime) -> None:
    """Withdraw what has not gone out to a therapist who is blocked or inactive now; otherwise nothing."""
    if is_unavailable(session, therapist_id):
        _withdraw_from_therapist(session, therapist_id, now=now)


def withdraw_from_removed_therapist(session: Session, therapist_id: UUID, *, now: datetime) -> None:
    """Withdraw what has not gone out to a therapist who was removed, and was not made active since."""
    if queries.therapist_status(session, therapist_id) != TherapistStatus.ACTIVE:
        _withdraw_from_therapist(session, therapist_id, now=now)


def _withdraw_from_therapist(session: Session, therapist_id: UUID, *, now: datetime) -> None:
    ids = queries.requests_to_therapists(session, [therapist_id], states.LOST_WITH_THE_THERAPIST)
    for request in queries.lock_with_patients(session, ids):
        if request.status in states.LOST_WITH_THE_THERAPIST:
            withdraw(session, request, WithdrawalReason.THERAPIST_UNAVAILABLE, by=None, now=now)


def withdraw_from_excluded_therapists(session: Session, patient_id: UUID, *, now: datetime) -> None:
    """Withdraw what has not gone out to therapists whom the patient excludes now."""
    patient = queries.lock_patients(session, [patient_id]).get(patient_id)
    _withdraw_from_excluded(session, patient_id, patient, now=now)


def _withdraw_from_excluded(session: Session, patient_id: UUID, patient: PatientCopy | None, *, now: datetime) -> None:
    for request in queries.lock_live_requests_of_patient(session, patient_id):
        if request.status in states.LOST_WITH_THE_THERAPIST and is_excluded(session, request, patient):
            withdraw(session, request, WithdrawalReason.PATIENT_DECLINED, by=None, now=now)


def is_excluded(session: Session, request: PlacementRequest, patient: PatientCopy | None) -> bool:
    """Whether the patient excludes this therapist, and staff did not set that aside for a recorded reason."""
    if MatchCriterion.PATIENT_EXCLUSION in request.overridden_rules:
        return False
    if patient is None:
        return False
    return request.therapist_id in queries.with_kept_therapists(session, patient.excluded_therapist_ids)


def is_unavailable(session: Session, therapist_id: UUID) -> bool:
    """Whether nobody may ask this therapist now: blocked or inactive."""
    return queries.therapist_status(session, therapist_id) not in (None, TherapistStatus.ACTIVE)


def recompute_holds_of(session: Session, patient_id: UUID, *, cause: UUID | None = None, now: datetime) -> None:
    """`recompute_holds` where the patient's copy has not been read yet."""
    patient = queries.lock_patients(session, [patient_id]).get(patient_id)
    recompute_holds(session, patient_id, patient.status if patient else None, cause=cause, now=now)


def recompute_holds(
    session: Session, patient_id: UUID, patient_status: str | None, *, cause: UUID | None = None, now: datetime
) -> None:
    """Hold and release the patient's requests as the search and the other requests stand now.

    `cause`: the entry of the audit log from which that follows. The caller holds the patient's lock. Doing it again
    changes nothing.
    """
    live = queries.lock_live_requests_of_patient(session, patient_id)
    # a place that the patient takes up is one too, until the patient service has followed or refused it
    accepted = any(request.status in (RequestStatus.ACCEPTED, RequestStatus.PLACED) for request in live)
    for request in live:
        hold = states.hold_for(request.status, patient_status, accepted_elsewhere=accepted)
        if hold != request.hold:
            _set_hold(session, request, hold, cause=cause, now=now)


def _set_hold(
    session: Session, request: PlacementRequest, hold: RequestHold | None, *, cause: UUID | None, now: datetime
) -> None:
    states.set_hold(request, hold, now=now)
    what = AuditEvent.HELD if hold else AuditEvent.RELEASED
    audit_log.add_entry(session, request, what, occurred_at=now, by=None, now=now, reason=hold, cause=cause)
    # nothing waits anywhere for the others, so nobody needs to know
    if request.status in states.NOT_GONE_OUT:
        ids = ids_of(request)
        record(session, request, RequestHeld(**ids, hold=hold) if hold else RequestReleased(**ids), now=now)


def withdraw_all(
    session: Session,
    patient_id: UUID,
    reason: WithdrawalReason,
    statuses: Collection[RequestStatus],
    *,
    cause: UUID | None = None,
    now: datetime,
) -> None:
    """Withdraw all of a patient's requests that stand so. The caller holds the patient's lock."""
    for request in queries.lock_live_requests_of_patient(session, patient_id):
        if request.status in statuses:
            withdraw(session, request, reason, by=None, cause=cause, now=now)


def withdraw(
    session: Session,
    request: PlacementRequest,
    reason: WithdrawalReason,
    *,
    by: UUID | None,
    cause: UUID | None = None,
    now: datetime,
) -> UUID:
    """The request is over without an answer; the caller knows that its status allows it and holds the locks.

    `cause`: the entry of the audit log from which that follows. Returns the id of the entry that says it.
    """
    states.withdraw(request, reason, now=now)
    entry = audit_log.add_entry(
        session, request, AuditEvent.WITHDRAWN, occurred_at=now, by=by, now=now, reason=reason, cause=cause
    )
    event = RequestWithdrawn(
        **ids_of(request),
        reason=reason,
    )
    record(session, request, event, now=now)
    return entry
