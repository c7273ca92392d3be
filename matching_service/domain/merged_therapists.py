"""Two entries were of one therapist: requests to the merged one are requests to the kept one (docs/decisions/0037).

As with two files of a patient (`merging`), what is done depends on the copies as they are, whatever comes first.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from matching_service.domain import audit_log, consequences, merging, publishing
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
from shared.database import Session
from shared.events.catalogue import TherapistMerged
from shared.events.outbox import record
from shared.values.enums import RequestStatus, WithdrawalReason
from shared.values.placement_enums import AuditEvent


def follow_merge(session: Session, event: TherapistMerged, *, rules: AskAgainRules, now: datetime) -> None:
    """Let the requests to the merged therapist be requests to the kept one; doing it again changes nothing."""
    kept_id = queries.kept_therapist(session, event.merged_into)
    ids = queries.requests_to_therapists(session, [event.therapist_id, kept_id], tuple(RequestStatus))
    requests = queries.lock_with_patients(session, ids)
    moved = [request for request in requests if request.therapist_id == event.therapist_id]
    for patient_id in sorted({request.patient_id for request in moved}):
        _end_doubles(session, patient_id, event.therapist_id, kept_id, now=now)
    session.flush()  # before requests move: of each patient only one to a therapist is live
    for request in moved:
        _reassign(session, request, kept_id, now=now)
    for patient_id in sorted({request.patient_id for request in requests}):
        _follow(session, patient_id, kept_id, rules=rules, now=now)
    consequences.withdraw_from_unavailable_therapist(session, kept_id, now=now)


def _end_doubles(session: Session, patient_id: UUID, merged_id: UUID, kept_id: UUID, *, now: datetime) -> None:
    live = queries.lock_live_requests_of_patient(session, patient_id)
    requests = [request for request in live if request.therapist_id in (merged_id, kept_id)]
    furthest = max(requests, key=lambda each: (merging.progress(each), each.therapist_id == kept_id), default=None)
    for request in requests:
        if furthest is not None and request is not furthest:
            merging.end(session, request, furthest, WithdrawalReason.THERAPIST_MERGED, now=now)


def _reassign(session: Session, request: PlacementRequest, kept_id: UUID, *, now: datetime) -> None:
    request.therapist_id, request.updated_at = kept_id, now
    audit_log.add_entry(session, request, AuditEvent.REASSIGNED, occurred_at=now, by=None, now=now)
    record(session, request, publishing.state(request), now=now)


def _follow(session: Session, patient_id: UUID, kept_id: UUID, *, rules: AskAgainRules, now: datetime) -> None:
    """What the patient's other wishes and the other one's answers say of the kept one."""
    consequences.withdraw_from_excluded_therapists(session, patient_id, now=now)
    merging.end_what_was_refused(
        session, patient_id, reason=WithdrawalReason.THERAPIST_MERGED, only_of=kept_id, rules=rules, now=now
    )
    consequences.recompute_holds_of(session, patient_id, now=now)
