"""What would help a patient whom no practice fits: the concession that brings in most, and the nearest practice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from matching_service.domain import explaining, far_away
from matching_service.domain.criteria import CRITERIA_QUERY
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from matching_service.settings import DEFAULT_WEIGHTS
from shared.database import Executor
from shared.texts import Number, Sentence

MOST_PATIENTS: Final = 200
"""So many of a plan are helped so, those who have waited longest: each takes some questions. Chosen, not measured."""


def for_search(executor: Executor, search: Search) -> Iterator[Sentence]:
    """The concession that brings in most therapists, if one or two do, and who fits but for the distance."""
    found = CRITERIA_QUERY.best(executor, search, weights=DEFAULT_WEIGHTS.model_dump(), limit=1)
    for sentence, adds in explaining.concessions(found.failures, search)[:1]:
        yield Sentence.of("plan_help.concession", concession=sentence, number=adds)
    nearest = far_away.nearest(executor, search, weights=DEFAULT_WEIGHTS)
    if nearest is not None:
        kilometres = Number(f"{nearest.therapist.metres / METRES_A_KILOMETRE:.1f}")
        yield Sentence.of("plan_help.nearest", name=nearest.therapist.name, km=kilometres)
