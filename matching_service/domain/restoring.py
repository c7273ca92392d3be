"""Requests that a mistake had withdrawn: they go on as they stood, unless something else has happened since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matching_service.domain import audit_log, consequences, states
from matching_service.domain.place_schemas import NotRestored
from matching_service.domain.publishing import reopened, state
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import AuditLogEntry, PatientCopy, PlacementRequest
from shared.database import Session
from shared.events.outbox import record
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus, RequestStatus, WithdrawalReason
from shared.values.placement_enums import AuditEvent, WhyNotRestored

_WITHDRAWN_BECAUSE = {
    WhyNotRestored.PLACED_ELSEWHERE: WithdrawalReason.PLACED_ELSEWHERE,
    WhyNotRestored.SEARCH_ENDED: WithdrawalReason.SEARCH_ENDED,
    WhyNotRestored.THERAPIST_UNAVAILABLE: WithdrawalReason.THERAPIST_UNAVAILABLE,
    WhyNotRestored.PATIENT_EXCLUSION: WithdrawalReason.PATIENT_DECLINED,
}
GONE_OUT = frozenset({AuditEvent.EMAILED, AuditEvent.CALLED})
"""The practice was contacted."""
NOT_ABOUT_THE_REQUEST = frozenset(
    {
        AuditEvent.REASSIGNED,
        AuditEvent.NOT_RESTORED,
        *GONE_OUT,
        AuditEvent.NOT_REACHED,
        AuditEvent.CALL_CORRECTED,
        AuditEvent.CONFIRMATION,
        AuditEvent.WITHDRAWAL,
        AuditEvent.BOUNCED,
    }
)
"""Entries that may follow a withdrawal and change nothing: it was moved by a merge, what was under way went out, or
nobody was reached."""


@dataclass(frozen=True)
class Restoring:
    """One correction of a request, whose patient is locked, and the patient's copy."""

    session: Session
    request: PlacementRequest
    patient: PatientCopy | None
    cause: UUID
    """The entry of the correction."""
    rules: AskAgainRules
    now: datetime

    def end_if_over(self) -> None:
        """Withdraw the corrected request itself, where the search it belongs to has ended otherwise."""
        status = RequestStatus(self.request.status)
        why = self._why_over(self.request, status) if status in states.WITHDRAWABLE else None
        if why is not None:
            reason = _WITHDRAWN_BECAUSE[why]
            consequences.withdraw(self.session, self.request, reason, by=None, cause=self.cause, now=self.now)

    def restore_withdrawn_by(self, place: UUID) -> tuple[list[UUID], list[NotRestored]]:
        """Let the requests go on that this place withdrew; returns which do, and which do not and why."""
        entries = queries.entries_caused_by(self.session, place, AuditEvent.WITHDRAWN)
        ids = {entry.placement_request_id for entry in entries}
        restored, kept = [], []
        for request in queries.lock_requests(self.session, ids):
            log = queries.audit_log_of(self.session, [request.id])
            why = self._why_not(request, log, place)
            if why is None:
                self._restore(request, log)
                restored.append(request.id)
            else:
                self._add_entry(request, AuditEvent.NOT_RESTORED, reason=why)
                kept.append(NotRestored(id=request.id, therapist_id=request.therapist_id, reason=why))
        return restored, kept

    def _why_not(self, request: PlacementRequest, log: Sequence[AuditLogEntry], place: UUID) -> WhyNotRestored | None:
        if request.merged_into is not None:
            return WhyNotRestored.MERGED
        last = [entry for entry in log if entry.what not in NOT_ABOUT_THE_REQUEST][-1]
        if request.status != RequestStatus.WITHDRAWN or last.caused_by != place:
            return WhyNotRestored.CHANGED_MEANWHILE
        if queries.is_asked_elsewhere(self.session, request):
            return WhyNotRestored.ASKED_AGAIN
        return self._why_over(request, _status_before(log))

    def _why_over(self, request: PlacementRequest, status: RequestStatus) -> WhyNotRestored | None:
        """Why a request that stands so cannot go on now."""
        others = queries.lock_live_requests_of_patient(self.session, request.patient_id)
        if any(each.status == RequestStatus.PLACED for each in others if each.id != self.request.id):
            return WhyNotRestored.PLACED_ELSEWHERE
        if self._has_search_ended(status):
            return WhyNotRestored.SEARCH_ENDED
        if status not in states.LOST_WITH_THE_THERAPIST:
            return None
        if consequences.is_unavailable(self.session, request.therapist_id):
            return WhyNotRestored.THERAPIST_UNAVAILABLE
        if consequences.is_excluded(self.session, request, self.patient):
            return WhyNotRestored.PATIENT_EXCLUSION
        return None

    def _has_search_ended(self, status: RequestStatus) -> bool:
        patient = self.patient
        if patient is None or patient.status in states.SEARCH_ENDED:
            return True
        if patient.status != PatientStatus.IN_THERAPY or consequences.has_patient_service_to_follow(
            self.session, patient
        ):
            return False
        # staff have noted a therapy, and have yet to record which acceptance it was
        return status != RequestStatus.ACCEPTED

    def _restore(self, request: PlacementRequest, log: Sequence[AuditLogEntry]) -> None:
        unanswered = [entry for entry in log if entry.what == AuditEvent.NO_ANSWER]
        states.restore(
            request,
            _status_before(log),
            unanswered_on=berlin_day(unanswered[-1].occurred_at) if unanswered else None,
            rules=self.rules,
            now=self.now,
        )
        self._add_entry(request, AuditEvent.RESTORED)
        publish_state(self.session, request, now=self.now)

    def _add_entry(self, request: PlacementRequest, what: AuditEvent, reason: str | None = None) -> None:
        audit_log.add_entry(
            self.session, request, what, occurred_at=self.now, by=None, reason=reason, cause=self.cause, now=self.now
        )


def _status_before(log: Sequence[AuditLogEntry]) -> RequestStatus:
    """How a withdrawn request stood before: in an inquiry that had not gone out, it waits for one again."""
    before = [RequestStatus(entry.status) for entry in log if entry.status != RequestStatus.WITHDRAWN]
    status = before[-1] if before else RequestStatus.OPEN
    if status not in states.NOT_GONE_OUT:
        return status
    withdrawn = [entry.what for entry in log if entry.status == RequestStatus.WITHDRAWN]
    return RequestStatus.CONTACTED if GONE_OUT & set(withdrawn) else RequestStatus.OPEN


def publish_state(session: Session, request: PlacementRequest, *, now: datetime) -> None:
    """Publish how a request stands that goes on: one that is open is to be asked."""
    if request.status != RequestStatus.OPEN:
        record(session, request, state(request), now=now)
        return
    # it is composed only after communication knows of this, so whatever is said of earlier contacts is old
    request.inquiry_at = now
    record(session, request, reopened(request), now=now)
