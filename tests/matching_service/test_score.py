"""The score, by the vectors of docs/domain.md#test-vectors, for therapists whom the judge ranks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import matches
from matching_service.domain.schemas import MatchQuestion
from matching_service.domain.scoring import POINTS
from matching_service.domain.search import of_patient
from matching_service.store import queries
from matching_service.store.matching import Condition, Judge
from shared.values.enums import MatchCriterion
from tests.architecture.documents import DOMAIN, codes, table_after
from tests.builders.matching import RULES, a_known_patient, a_known_therapist, north_of_aachen
from tests.conftest import MONDAY

UNKNOWN: dict[str, Any] = {
    "working_hours": None,
    "accreditation": "unknown",
    "procedures": [],
    "age_groups": [],
    "settings": [],
    "gender": "unknown",
    "languages": [],
}
"""The fields of a therapist without which a criterion is unknown, where the patient asks for all of them."""
WISHES = {"preferred_procedures": ["VT"], "preferred_therapist_gender": "female", "languages": ["en"]}
VECTORS = [
    row for row in (tuple(codes(c)[0] for c in r) for r in table_after(DOMAIN, "Test vectors")) if row[0] == "score"
]


@pytest.mark.parametrize(("given", "score"), [row[1:] for row in VECTORS])
def test_the_score_is_what_the_rulebook_says(session: Session, given: str, score: str) -> None:
    where, hint, unknown = given.split(", ")
    at, radius = map(float, re.findall(r"[\d.]+", where))
    fields = dict(list(UNKNOWN.items())[: int(unknown.split()[0])])
    nearly = max(0, at - 0.001)  # a metre less: whoever is at the limit must not lie beyond it
    a_known_therapist(session, **north_of_aachen(nearly), **fields, potentially_available=hint == "available")
    patient = a_known_patient(session, **WISHES, max_distance_km=radius)
    (found,) = matches.find(session, MatchQuestion(patient_id=patient), rules=RULES, today=MONDAY.date()).candidates
    parts = found.score_parts
    assert str(found.score) == score
    assert parts.nearness + parts.potentially_available + parts.certainty == found.score


@pytest.mark.parametrize(("weight", "certainty"), [(4, 24), (28, 0), (30, 0)])
def test_an_unknown_criterion_costs_its_weight_but_never_more_than_there_is(
    session: Session, weight: int, certainty: int
) -> None:
    unknown = Condition(name=MatchCriterion.GENDER, fails="false", unknown="true", weight=weight)
    a_known_therapist(session)
    patient = queries.patient(session, a_known_patient(session))
    search = of_patient(patient, excluded=frozenset(), rules=RULES, today=MONDAY.date())
    (found,) = Judge([unknown], POINTS).best(session, search, limit=1).best
    assert (set(found.unknown), found.therapist.certainty) == ({MatchCriterion.GENDER}, certainty)


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 3
