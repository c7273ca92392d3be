"""Whether therapists whom staff ask about fit a patient, and why not: also those far away."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from matching_service.domain.criteria import CRITERIA_QUERY, FAIL
from matching_service.domain.criterion_texts import minutes_of
from matching_service.domain.explaining import Explainer
from matching_service.domain.match_schemas import AskedAbout
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.store.matching import Judged
from shared.database import Executor
from shared.texts import TextLanguage


def judge(
    executor: Executor, search: Search, therapist_ids: Sequence[UUID], language: TextLanguage
) -> list[AskedAbout]:
    """What each criterion says of these therapists, in their order; of one who is not known here there is no check."""
    judged = CRITERIA_QUERY.each(executor, search, therapist_ids) if therapist_ids else {}
    return [_shown(judged[each], search, language) if each in judged else _nobody(each) for each in therapist_ids]


def _shown(judged: Judged, search: Search, language: TextLanguage) -> AskedAbout:
    therapist = judged.therapist
    kilometres = None if therapist.metres is None else therapist.metres / METRES_A_KILOMETRE
    # an explainer for each: two who fail the same criterion may do so for different reasons
    checks = Explainer(search, language).checks(judged)
    return AskedAbout(
        therapist_id=therapist.id,
        name=therapist.name,
        postal_code=therapist.postal_code,
        city=therapist.city,
        fits=not judged.failed,
        distance_km=None if kilometres is None else round(kilometres, 1),
        travel_minutes=None if kilometres is None else minutes_of(kilometres, search.travel_mode),
        checks=sorted(checks, key=lambda check: check.result is not FAIL),
    )


def _nobody(therapist_id: UUID) -> AskedAbout:
    return AskedAbout(therapist_id, None, None, None, False, None, None, [])
