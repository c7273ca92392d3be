"""Rules as plain functions, and that the query and they say the same."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import matches, rules, states
from matching_service.domain.criteria import Criteria, of_patient
from matching_service.domain.schemas import MatchQuestion
from matching_service.store import queries
from matching_service.store.matching import best_therapists
from shared.database import new_id
from shared.values.enums import CheckResult, MatchRule, RequestOutcome
from shared.values.weekly import Weekly
from tests.builders.matching import a_known_patient, a_known_therapist, a_request, north_of_aachen
from tests.conftest import MONDAY

TODAY = MONDAY.date()


@pytest.mark.parametrize(
    ("refused_on", "result"),
    [
        (None, "pass"),
        (date(2026, 11, 23), "fail"),
        (date(2026, 10, 27), "fail"),
        (date(2026, 10, 26), "pass"),
        (date(2026, 11, 24), "fail"),
    ],
)
def test_a_refusal_counts_for_four_weeks(refused_on: date | None, result: str) -> None:
    assert rules.recent_refusal(refused_on, today=TODAY).result == result


def test_the_day_of_a_refusal_is_a_day_in_berlin(session: Session) -> None:
    late = datetime(2026, 10, 26, 23, 30, tzinfo=UTC)  # half past midnight on the 27th in Berlin
    refused = a_request(session, "declined", now=late)  # type: ignore[arg-type]
    found = matches.find(session, MatchQuestion(patient_id=refused.patient_id), today=TODAY)
    assert found.excluded == {MatchRule.RECENT_REFUSAL: 1}


@pytest.mark.parametrize(
    ("available_from", "again"),
    [
        (date(2027, 3, 1), date(2027, 2, 1)),
        (date(2026, 12, 28), date(2026, 11, 30)),
        (date(2026, 12, 22), date(2026, 11, 30)),
        (date(2026, 11, 26), date(2026, 11, 26)),
        (date(2026, 11, 23), date(2026, 11, 30)),
        (date(2020, 1, 1), date(2026, 11, 30)),
        (None, date(2026, 12, 21)),
    ],
)
def test_later_comes_back_before_the_date_named(available_from: date | None, again: date) -> None:
    assert states.next_contact_after(TODAY, available_from) == again


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (RequestOutcome.ACCEPTED, "accepted"),
        (RequestOutcome.LATER, "deferred"),
        (RequestOutcome.DECLINED_CAPACITY, "declined"),
        (RequestOutcome.DECLINED_UNSUITABLE, "declined"),
        (RequestOutcome.DECLINED_OTHER, "declined"),
    ],
)
def test_an_answer_leads_to_a_status(outcome: RequestOutcome, status: str) -> None:
    assert states.status_after(outcome) == status


def test_the_radius_keeps_both_limits() -> None:
    assert Criteria().radius_km is None
    assert Criteria(max_distance_km=25).radius_km == 25
    assert Criteria(max_travel_minutes=30).radius_km == 12.5
    assert Criteria(max_distance_km=25, max_travel_minutes=30).radius_km == 12.5
    assert Criteria(max_distance_km=10, max_travel_minutes=30).radius_km == 10


def test_availability_says_how_much_time_there_is_in_common() -> None:
    week, other = Weekly.of([(540, 720), (2000, 2100)]), Weekly.of([(600, 690)])
    assert rules.availability(week, other).detail == "1.5 hours a week in common."


def _some_therapist(dice: random.Random) -> dict[str, Any]:
    hours = [None, {"monday": [{"start": "09:00", "end": "12:00"}]}, {"friday": [{"start": "09:00", "end": "12:00"}]}]
    return {
        "status": dice.choice(["active", "active", "blocked", "inactive"]),
        "contact_preference": dice.choice(["any", "email_only", "none"]),
        "accreditation": dice.choice(["statutory", "private", "unknown"]),
        "procedures": dice.choice([[], ["VT"], ["TP", "AP"]]),
        "age_groups": dice.choice([[], ["adult"], ["child_adolescent"]]),
        "settings": dice.choice([[], ["individual"], ["group"]]),
        "gender": dice.choice(["female", "male", "unknown"]),
        "languages": dice.choice([[], ["en"], ["tr", "en"]]),
        "working_hours": dice.choice(hours),
        "potentially_available": dice.random() < 0.3,
        **north_of_aachen(dice.uniform(0, 30)),
    }


def _some_patient(dice: random.Random) -> dict[str, Any]:
    return {
        "insurance_type": dice.choice(["statutory", "statutory", "private", None]),
        "reimbursement_case": dice.random() < 0.2,
        "preferred_procedures": dice.choice([[], ["VT"], ["AP", "ST"]]),
        "age_groups": dice.choice([[], ["adult"], ["adult", "child_adolescent"]]),
        "open_to_group_therapy": dice.random() < 0.5,
        "preferred_therapist_gender": dice.choice(["any", "female", "diverse"]),
        "languages": dice.choice([[], ["de", "tr"], ["tr"], ["fr"]]),
        "availability": dice.choice([None, {"monday": [{"start": "11:00", "end": "12:00"}]}]),
        "max_distance_km": dice.choice([None, 20]),
        "max_travel_minutes": 45,
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_query_judges_and_ranks_as_the_rules_do(session: Session, seed: int) -> None:
    dice = random.Random(seed)
    therapists = [a_known_therapist(session, **_some_therapist(dice)) for _ in range(60)]
    patient_id = a_known_patient(
        session, **_some_patient(dice), excluded_therapist_ids=[*dice.sample(therapists, 5), new_id()]
    )
    patient = queries.patient(session, patient_id)
    criteria = of_patient(patient)
    radius = matches._radius(criteria)
    question = matches._question(patient_id, criteria, radius, today=TODAY)
    found = best_therapists(session, question, matches.WEIGHTS, limit=200)

    expected: Counter[frozenset[MatchRule]] = Counter()
    scores: dict[Any, float] = {}
    copies = queries.therapists_with_distance(session, therapists, from_place=criteria.place)
    for therapist, kilometres in copies.values():
        assert kilometres is not None
        checks = rules.checks(therapist, criteria, distance_km=kilometres, asked=rules.Asked(), today=TODAY)
        failed = frozenset(check.rule for check in checks if check.result == CheckResult.FAIL)
        if kilometres * 1000 <= question.wide:
            expected[failed] += 1
        if not failed:
            parts = matches.score_parts(
                checks,
                distance_km=kilometres,
                radius_km=radius,
                potentially_available=therapist.potentially_available,
            )
            scores[therapist.id] = parts.nearness + parts.potentially_available + parts.certainty
    assert found.failures == expected
    assert {row.id: pytest.approx(row.score, abs=0.06) for row in found.best} == scores
    assert [row.score for row in found.best] == sorted((row.score for row in found.best), reverse=True)
