"""Who fits a patient beyond the limits of distance and time, where nobody does within them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

from matching_service.domain.criteria import CRITERIA_QUERY
from matching_service.domain.criterion_texts import limits_in_words, minutes_of
from matching_service.domain.match_schemas import MatchQuestion, NearestTherapist, Relaxation
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.settings import ScoreWeights
from matching_service.store.matching import Judged
from shared.database import Executor
from shared.texts import Sentence, TextLanguage
from shared.values.enums import MatchCriterion

FARTHEST_KM: Final = (100.0, 1000.0)
"""First those near by, of whom there are fewer to compare; nothing in Germany is farther than the second."""
A_DAY: Final = 1440
"""In minutes: no longer limit can be set."""
NEAREST_FIRST: Final = {"nearness_points": 100}


def nearest(executor: Executor, search: Search, *, weights: ScoreWeights) -> Judged | None:
    """The nearest therapist who fits but for distance and time, if there is one."""
    only_nearness = {name: 0 if name.endswith("_points") else value for name, value in weights.model_dump().items()}
    for kilometres in FARTHEST_KM:
        wider = replace(search, max_distance_km=kilometres, max_travel_minutes=None)
        found = CRITERIA_QUERY.best(executor, wider, weights=only_nearness | NEAREST_FIRST, limit=1)
        if found.best:
            return found.best[0]
    return None


def shown(judged: Judged, search: Search) -> NearestTherapist:
    """Who that is, and how far away."""
    therapist, kilometres = judged.therapist, judged.therapist.metres / METRES_A_KILOMETRE
    return NearestTherapist(
        therapist_id=therapist.id,
        name=therapist.name,
        city=therapist.city,
        distance_km=round(kilometres, 1),
        travel_minutes=minutes_of(kilometres, search.travel_mode),
    )


def relaxation(
    executor: Executor,
    search: Search,
    judged: Judged,
    question: MatchQuestion,
    *,
    weights: ScoreWeights,
    language: TextLanguage,
) -> Relaxation:
    """The limits that are set, as wide as this therapist needs them, and how many would fit then."""
    limits = _limits(search, judged.therapist.metres / METRES_A_KILOMETRE)
    found = CRITERIA_QUERY.best(executor, replace(search, **limits), weights=weights.model_dump(), limit=1)
    sentence = Sentence.of("relaxation.distance", limit=limits_in_words(**limits))
    return Relaxation(
        rules=[MatchCriterion.DISTANCE],
        code=sentence.code,
        params={"max_distance_km": search.max_distance_km, "max_travel_minutes": search.max_travel_minutes},
        text=sentence.in_language(language),
        adds=found.failures.get(frozenset(), 0),
        overrides=question.overrides.model_dump(mode="json", exclude_unset=True) | limits,
    )


def _limits(search: Search, kilometres: float) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if search.max_distance_km is not None:
        limits["max_distance_km"] = max(search.max_distance_km, float(math.ceil(kilometres)))
    if search.max_travel_minutes is not None:
        # a minute more: the route that a time allows is rounded
        minutes = max(search.max_travel_minutes, minutes_of(kilometres, search.travel_mode) + 1)
        limits["max_travel_minutes"] = minutes if minutes <= A_DAY else None
    return limits
