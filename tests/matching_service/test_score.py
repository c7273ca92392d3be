"""The score, by the vectors of docs/domain.md#test-vectors, for therapists whom the judge ranks."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import matches
from matching_service.domain.match_schemas import MatchQuestion
from matching_service.domain.scoring import POINTS
from matching_service.domain.search import of_patient
from matching_service.settings import DEFAULT_WEIGHTS, ScoreWeights
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
    assert parts.nearness + parts.potentially_available + parts.certainty + parts.preference == found.score


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


def test_a_practice_that_prefers_the_diagnosis_ranks_higher_and_nobody_is_excluded(session: Session) -> None:
    near, far = north_of_aachen(0), north_of_aachen(5)
    prefers = a_known_therapist(session, **far, preferences={"diagnoses": ["F30-F39", "F40-F48"]})
    others = {
        a_known_therapist(session, **near, preferences={"diagnoses": ["F60-F69"]}),
        a_known_therapist(session, **near),
    }

    def scores(weights: ScoreWeights = DEFAULT_WEIGHTS, **patient: Any) -> dict[UUID, float]:
        question = MatchQuestion(patient_id=a_known_patient(session, **patient, max_distance_km=25))
        answer = matches.find(session, question, rules=RULES, weights=weights, today=MONDAY.date())
        for each in answer.candidates:
            points = each.score_parts.preference
            assert any("F30-F39" in reason.text for reason in each.reasons) is (points > 0)
        return {each.therapist_id: each.score for each in answer.candidates}

    consented = scores(diagnosis_block="F30-F39")
    # 8 points of the 32 for nearness, of which a fifth is gone
    assert consented == {prefers: 28 + 24 * 0.8 + 8, **dict.fromkeys(others, 28.0 + 24)}
    without = {prefers: 28 + 32 * 0.8, **dict.fromkeys(others, 60.0)}
    assert scores() == scores(ScoreWeights(preferred_diagnosis_points=0), diagnosis_block="F30-F39") == without
    assert scores(diagnosis_block="F99") == {prefers: 28 + 24 * 0.8, **dict.fromkeys(others, 52.0)}


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 3
