"""Whether a therapist still fits a patient for whom they are to be asked: practices move, and patients do.

Staff decided on the request, and they decide what becomes of it: what does not fit any more is shown, and nothing is
withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from matching_service.domain.criteria import CRITERIA_QUERY
from matching_service.domain.search import of_patient
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PatientCopy, PlacementRequest, TherapistCopy
from shared.database import Session
from shared.values.enums import MatchCriterion, RequestStatus

COMPARED = (
    RequestStatus.OPEN,
    RequestStatus.QUEUED,
    RequestStatus.CONTACTED,
    RequestStatus.DEFERRED,
    RequestStatus.NO_ANSWER,
)
"""In these the practice may yet offer a place."""
ABOUT_REQUESTS = frozenset({MatchCriterion.OPEN_REQUEST, MatchCriterion.RECENT_REFUSAL})
"""What follows from the request itself."""


def next_requests(session: Session, *, after: UUID, at_most: int = 200) -> Sequence[UUID]:
    """The next requests after this id whose therapist or patient something was published of since their comparison."""
    return queries.not_compared(session, COMPARED, after=after, limit=at_most)


def compare_again(session: Session, ids: Sequence[UUID], *, rules: AskAgainRules, today: date, now: datetime) -> None:
    """Compare the therapists and patients of these requests."""
    requests = [each for each in queries.lock_with_patients(session, ids) if each.status in COMPARED]
    by_patient = sorted(requests, key=lambda each: each.patient_id)
    for patient_id, theirs in groupby(by_patient, key=lambda each: each.patient_id):
        _compare(session, patient_id, list(theirs), rules=rules, today=today, now=now)


def _compare(
    session: Session,
    patient_id: UUID,
    requests: Sequence[PlacementRequest],
    *,
    rules: AskAgainRules,
    today: date,
    now: datetime,
) -> None:
    patient = queries.lock_patients(session, [patient_id]).get(patient_id)
    therapists = {request.therapist_id for request in requests}
    # before they are read: what comes later is newer. Also that of a patient who was merged, until the requests follow
    written_at = queries.written_at(session, TherapistCopy, therapists)
    patient_written_at = queries.written_at(session, PatientCopy, [patient_id])[patient_id]
    if patient is None:
        judged = {}
    else:
        excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
        search = of_patient(patient, excluded=excluded, rules=rules, today=today)
        judged = CRITERIA_QUERY.each(session, search, therapists)
    for request in requests:
        found = judged.get(request.therapist_id)
        unmet: list[str] = sorted(found.failed - ABOUT_REQUESTS - set(request.overridden_rules)) if found else []
        if unmet != request.unmet_criteria:
            request.unmet_criteria, request.updated_at = unmet, now
        request.compared_at = max(written_at[request.therapist_id], patient_written_at)
