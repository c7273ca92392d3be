"""Many searches at once are judged as each of them is alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import acceptance
from matching_service.domain.criteria import CRITERIA, CRITERIA_QUERY, PLAN_CRITERIA_QUERY
from matching_service.domain.search import of_patient
from matching_service.store import plan_candidates, queries
from matching_service.store.plan_candidates import PackedPractices
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestStatus
from tests.builders.matching import (
    RULES,
    WEIGHTS,
    a_known_patient,
    a_known_therapist,
    a_request,
    north_of_aachen,
)
from tests.conftest import MONDAY

THERAPISTS: list[dict[str, Any]] = [
    *[{}] * 7,
    {"accreditation": "private"},
    {"accreditation": "unknown", "working_hours": None, "languages": []},
    {"procedures": [], "age_groups": [], "settings": []},
    {"gender": "male", "settings": ["group"]},
    {"gender": "unknown", "procedures": ["TP"], "languages": ["tr"]},
    {"status": "blocked"},
    {"contact_preference": "none"},
    {"preferences": {"diagnoses": ["F30-F39"]}, **north_of_aachen(12)},
    {"working_hours": {"friday": [{"start": "09:00", "end": "12:00"}]}, **north_of_aachen(20)},
    {**north_of_aachen(29)},
]
PATIENTS: list[dict[str, Any]] = [
    {},
    {"insurance_type": None, "availability": None, "age_groups": []},
    {"insurance_type": "private", "max_distance_km": 15, "diagnosis_block": "F30-F39"},
    {"preferred_therapist_gender": "male", "open_to_group_therapy": True},
    {"preferred_procedures": ["VT"], "languages": ["tr", "en"], "reimbursement_case": True},
    {"max_distance_km": None, "max_travel_minutes": 20, "search_started_on": date(2026, 1, 1)},
]


def test_many_searches_have_the_candidates_that_each_has_alone(session: Session) -> None:
    therapists = [a_known_therapist(session, **fields) for fields in THERAPISTS]
    patients = [a_known_patient(session, **fields) for fields in PATIENTS]
    patients.append(a_known_patient(session, excluded_therapist_ids=[therapists[0]]))
    statuses = (RequestStatus.DECLINED, RequestStatus.CONTACTED, RequestStatus.FAILED)
    for therapist, (status, days) in zip(therapists, product(statuses, (3, 60)), strict=False):
        asked = MONDAY - timedelta(days=days)
        a_request(session, status, patient_id=patients[0], therapist_id=therapist, now=asked)
    searches = [_search(session, each) for each in patients]
    rows = _candidates(session, searches, dict.fromkeys(therapists, 500))
    many = {row.patient_id: _unpacked(row) for row in rows}
    for search in searches:
        found = CRITERIA_QUERY.best(session, search, weights=WEIGHTS, limit=100).best
        alone = {
            each.therapist.id: (
                round(each.therapist.metres),
                [criterion.name for criterion in CRITERIA if criterion.name in each.unknown],
                bool(each.therapist.preference),
            )
            for each in found
        }
        assert many.get(search.patient_id, {}) == alone
    assert len({len(each) for each in many.values()}) > 2, "they differ"


def test_of_many_practices_the_likeliest_and_others_are_considered(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patients of one place have the same likeliest practices, and different others."""
    monkeypatch.setattr(plan_candidates, "LIKELIEST", 2)
    monkeypatch.setattr(plan_candidates, "OTHERS", 6)
    therapists = [a_known_therapist(session, **north_of_aachen(each)) for each in range(12)]
    full, asked_lately = a_known_therapist(session), a_known_therapist(session)
    # so many that each practice is drawn for one of them: that it is not, has a chance of one in a million millions
    patients = [a_known_patient(session) for _ in range(40)]
    # the last of them is the likeliest; two of equal chances differ by their ways
    chances = dict.fromkeys(therapists, 500) | {therapists[-1]: 900, full: 6000, asked_lately: 6000}
    lacks = {full: "practice_full", asked_lately: "mailed_recently"}
    rows = _candidates(session, [_search(session, each) for each in patients], chances, lacks)
    considered = [_unpacked(row).keys() for row in rows]
    assert all({therapists[-1], therapists[0]} <= each for each in considered)
    assert all(6 <= len(each) <= 8 for each in considered)
    assert set().union(*considered) == set(therapists)
    for row, each in zip(rows, considered, strict=True):
        left = {"not_considered": 12 - len(each), "practice_full": 1, "mailed_recently": 1}
        assert (row.candidates, row.lacks) == (14, left)
    assert rows == _candidates(session, [_search(session, each) for each in patients], chances, lacks)


def _candidates(
    session: Session, searches: list[Any], chances: dict[UUID, int], lacks: dict[UUID, str] | None = None
) -> Sequence[Any]:
    practices = [(id, chance, (lacks or {}).get(id, "")) for id, chance in chances.items()]
    return PLAN_CRITERIA_QUERY.candidates(session, searches, PackedPractices.of(practices), acceptance.LIKELINESS)


def _search(session: Session, patient_id: UUID) -> Any:
    patient = queries.patient(session, patient_id)
    assert patient is not None
    excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
    return of_patient(patient, excluded=excluded, rules=RULES, today=berlin_day(MONDAY))


def _unpacked(row: Any) -> dict[UUID, tuple[int, list[Any], bool]]:
    ids, metres, unknown, preferred = (bytes(each) for each in (row.ids, row.metres, row.unknown, row.preferred))
    return {
        UUID(bytes=ids[16 * place : 16 * place + 16]): (
            int.from_bytes(metres[4 * place : 4 * place + 4]),
            PLAN_CRITERIA_QUERY.unknown_in(int.from_bytes(unknown[4 * place : 4 * place + 4])),
            bool(preferred[place]),
        )
        for place in range(len(preferred))
    }
