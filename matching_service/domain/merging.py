"""Two files were of one person: the requests of the merged one are the kept one's (docs/decisions/0034).

Events of the two patients come in any order, and this service may have been away for days. What is done depends on
nothing but the states that the events carry: how the merged one's search stood last, and the kept one's copy, where it
is new enough to know of the merge. Otherwise that one's own event follows, and brings what follows from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from matching_service.domain import audit_log, consequences, publishing, states
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session, patient_keys
from shared.events.catalogue import PatientMerged
from shared.events.outbox import record
from shared.values.datetimes import berlin_day, start_of_berlin_day
from shared.values.enums import RequestStatus, WithdrawalReason
from shared.values.placement_enums import AuditEvent


def follow_merge(session: Session, event: PatientMerged, *, rules: AskAgainRules, now: datetime) -> None:
    """Let the merged patient's requests be those of the kept one; doing it again changes nothing."""
    kept_id = queries.kept_patient(session, event.merged_into)
    copy = queries.lock_patients(session, [event.patient_id, kept_id]).get(kept_id)
    consequences.follow_search(session, event.patient_id, last=event, now=now)
    _end_doubles(session, event.patient_id, kept_id, now=now)
    for request in queries.lock_requests_of_patient(session, event.patient_id):
        _reassign(session, request, kept_id, now=now)
    patient_keys.reassign(session, event.patient_id, to=kept_id)
    end_what_was_refused(session, kept_id, reason=WithdrawalReason.PATIENT_MERGED, rules=rules, now=now)
    if queries.was_erased(session, kept_id):
        consequences.withdraw_all(session, kept_id, WithdrawalReason.PATIENT_ERASED, states.WITHDRAWABLE, now=now)
    if copy is not None and kept_id == event.merged_into and copy.sequence >= event.kept_sequence:
        consequences.follow_search(session, kept_id, last=copy, now=now)


def _end_doubles(session: Session, merged_id: UUID, kept_id: UUID, *, now: datetime) -> None:
    """Of two live requests to one therapist the further one goes on; of two that are as far, the kept patient's."""
    of_therapists: dict[UUID, list[PlacementRequest]] = {}
    for request in queries.live_requests_of_patients(session, [merged_id, kept_id]):
        of_therapists.setdefault(request.therapist_id, []).append(request)
    for requests in of_therapists.values():
        furthest = max(requests, key=lambda each: (progress(each), each.patient_id == kept_id))
        for request in requests:
            if request is not furthest:
                end(session, request, furthest, WithdrawalReason.PATIENT_MERGED, now=now)
    session.flush()  # before the further one becomes the kept patient's: of each therapist only one is live


def progress(request: PlacementRequest) -> int:
    """How far a live request is; of two that become one the further one goes on."""
    return states.BY_PROGRESS.index(RequestStatus(request.status))


def end(
    session: Session,
    request: PlacementRequest,
    goes_on: PlacementRequest,
    reason: WithdrawalReason,
    *,
    now: datetime,
) -> None:
    """End a request of which another one goes on, which takes its answers."""
    request.merged_into = goes_on.id
    if request.status == RequestStatus.PLACED:
        consequences.end_place(session, request, now=now)
    else:
        consequences.withdraw(session, request, reason, by=None, now=now)


def _reassign(session: Session, request: PlacementRequest, kept_id: UUID, *, now: datetime) -> None:
    request.patient_id, request.updated_at = kept_id, now
    audit_log.add_entry(session, request, AuditEvent.REASSIGNED, occurred_at=now, by=None, now=now)
    record(session, request, publishing.state(request), now=now)


def end_what_was_refused(
    session: Session,
    patient_id: UUID,
    *,
    reason: WithdrawalReason,
    only_of: UUID | None = None,
    rules: AskAgainRules,
    now: datetime,
) -> None:
    """Do not ask who has refused the same person under another reference or id (docs/domain.md#contact-rule-8).

    `only_of`: the one therapist whom it is about; None: all.
    """
    first_day = berlin_day(now) - timedelta(days=rules.days_after_refusal - 1)
    refused = queries.who_refused(session, patient_id, since=start_of_berlin_day(first_day))
    refused &= refused if only_of is None else {only_of}
    for request in queries.lock_live_requests_of_patient(session, patient_id):
        if request.therapist_id in refused and request.status in states.NOT_GONE_OUT:
            consequences.withdraw(session, request, reason, by=None, now=now)
