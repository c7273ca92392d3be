"""Whether a therapist still fits a patient for whom they are to be asked: practices move, and patients do.

Staff decided on the request, and they decide what becomes of it: what does not fit any more is shown, and nothing is
withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from matching_service.domain.criteria import JUDGE
from matching_service.domain.search import of_patient
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from matching_service.store.tables import PlacementRequest
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


def compare_again(session: Session, *, rules: AskAgainRules, today: date, now: datetime, at_most: int = 200) -> int:
    """Compare therapists and patients of requests where something was published of one; the number of requests."""
    ids = queries.not_compared(session, COMPARED, limit=at_most)
    requests = [each for each in queries.lock_with_patients(session, ids) if each.status in COMPARED]
    by_patient = sorted(requests, key=lambda each: each.patient_id)
    for patient_id, theirs in groupby(by_patient, key=lambda each: each.patient_id):
        _compare(session, patient_id, list(theirs), rules=rules, today=today, now=now)
    return len(requests)


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
    written_at = queries.therapists_written_at(session, therapists)  # before they are read: what comes later is newer
    if patient is None:
        judged = {}
    else:
        excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
        search = of_patient(patient, excluded=excluded, rules=rules, today=today)
        judged = JUDGE.each(session, search, therapists)
    for request in requests:
        found = judged.get(request.therapist_id)
        unmet: list[str] = sorted(found.failed - ABOUT_REQUESTS - set(request.overridden_rules)) if found else []
        if unmet != request.unmet_criteria:
            request.unmet_criteria, request.updated_at = unmet, now
        request.compared_at = max(written_at[request.therapist_id], *([patient.written_at] if patient else []))
