"""The score: each term by a table of cases, the vectors of docs/domain.md#test-vectors, and the order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import matches
from matching_service.domain.match_schemas import Candidate, MatchesView, MatchQuestion
from matching_service.domain.search import of_patient
from matching_service.settings import DEFAULT_WEIGHTS, ScoreWeights
from matching_service.store import plan_candidates, queries
from matching_service.store.matching import Condition, CriteriaQuery
from matching_service.store.tables import PlacementRequest
from shared.database import new_id, transaction
from shared.values.enums import MatchCriterion
from tests.architecture.documents import DOMAIN, codes, table_after
from tests.builders.matching import RULES, WEIGHTS, a_known_patient, a_known_therapist, north_of_aachen
from tests.conftest import MONDAY

TODAY = date(2026, 11, 23)
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


def found(session: Session, weights: ScoreWeights = DEFAULT_WEIGHTS, **patient: Any) -> list[Candidate]:
    """The candidates for such a patient, best first, each with terms that add up to the score."""
    question = MatchQuestion(patient_id=a_known_patient(session, **patient))
    best = matches.find(session, question, rules=RULES, weights=weights, today=TODAY).candidates
    for each in best:
        parts = each.score_parts
        terms = {name: getattr(parts, name) for name in parts.__slots__}
        assert round(sum(terms.values()), 6) == each.score
        assert min(terms.values()) >= 0
    return best


@pytest.mark.parametrize(("given", "score"), [row[1:] for row in VECTORS])
def test_the_score_is_what_the_rulebook_says(session: Session, given: str, score: str) -> None:
    where, hint, unknown = given.split(", ")
    at, radius = map(float, re.findall(r"[\d.]+", where))
    fields = dict(list(UNKNOWN.items())[: int(unknown.split()[0])])
    nearly = max(0, at - 0.001)  # a metre less: who is at the limit must not lie beyond it
    a_known_therapist(session, **north_of_aachen(nearly), **fields, potentially_available=hint == "available")
    (only,) = found(session, **WISHES, max_distance_km=radius)
    assert str(only.score) == score


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 3


def stated(state: str, day: int | None, said: int, setting: str = "individual") -> dict[str, Any]:
    """What was said of places so many days ago, and in how many days from today there is one."""
    begins = None if day is None else TODAY + timedelta(day)
    statement = {"state": state, "from": begins, "stated_on": TODAY - timedelta(said)}
    return {"capacity": {setting: statement}, f"free_{setting}_from": begins}


CAPACITY: list[tuple[dict[str, Any], float]] = [
    ({}, 3.0),
    (stated("free", 0, 0), 12.0),
    (stated("free", -30, 0), 12.0),
    (stated("full", 90, 0), 6.0),
    (stated("free", 180, 0), 0.0),
    (stated("full", None, 0), 0.0),
    (stated("waiting_list", None, 90), 1.5),
    (stated("free", 0, 90), 7.5),
    (stated("free", 0, 180), 3.0),
    (stated("full", None, 500), 3.0),
    (stated("unknown", None, 0), 3.0),
]
"""Therapists, and the points for what was said of their places."""


def test_places_count_by_their_day_and_by_when_they_were_stated(session: Session) -> None:
    expected = {a_known_therapist(session, **fields): points for fields, points in CAPACITY}
    group = a_known_therapist(session, settings=["individual", "group"], **stated("free", 0, 0, "group"))
    points = {each.therapist_id: each.score_parts.capacity for each in found(session)}
    assert points == {**expected, group: 3.0}
    (best, *_) = found(session, open_to_group_therapy=True)
    assert best.score_parts.capacity == 12.0
    assert {each.therapist_id: each.score_parts.capacity for each in found(session, open_to_group_therapy=True)} == {
        **expected,
        group: 12.0,
    }


@pytest.mark.parametrize(("weight", "certainty"), [(1, 12), (7, 0), (8, 0)])
def test_an_unknown_criterion_costs_its_weight_but_never_more_than_there_is(
    session: Session, weight: int, certainty: int
) -> None:
    unknown = Condition(name=MatchCriterion.GENDER, fails="false", unknown="true", weight=weight)
    a_known_therapist(session)
    patient = queries.patient(session, a_known_patient(session))
    search = of_patient(patient, excluded=frozenset(), rules=RULES, today=TODAY)
    (only,) = CriteriaQuery([unknown]).best(session, search, weights=WEIGHTS, limit=1).best
    assert (set(only.unknown), only.therapist.certainty) == ({MatchCriterion.GENDER}, 10 * certainty)


def test_a_practice_that_prefers_the_diagnosis_ranks_higher_and_nobody_is_excluded(session: Session) -> None:
    near, far = north_of_aachen(0), north_of_aachen(5)
    prefers = a_known_therapist(session, **far, preferences={"diagnoses": ["F30-F39", "F40-F48"]})
    others = {
        a_known_therapist(session, **near, preferences={"diagnoses": ["F60-F69"]}),
        a_known_therapist(session, **near),
    }

    def preferences(weights: ScoreWeights = DEFAULT_WEIGHTS, **patient: Any) -> tuple[UUID, dict[UUID, float]]:
        best = found(session, weights, **patient)
        for each in best:
            assert any("F30-F39" in reason.text for reason in each.reasons) is (each.score_parts.preference > 0)
        return best[0].therapist_id, {each.therapist_id: each.score_parts.preference for each in best}

    assert preferences(diagnosis_block="F30-F39") == (prefers, {prefers: 6.0, **dict.fromkeys(others, 0.0)})
    for best, points in (
        preferences(),
        preferences(diagnosis_block="F99"),
        preferences(ScoreWeights(preferred_diagnosis_points=0), diagnosis_block="F30-F39"),
    ):
        assert best in others
        assert points == dict.fromkeys({prefers, *others}, 0.0)


def test_wishes_that_are_known_to_be_met_count(session: Session) -> None:
    everything = a_known_therapist(session, procedures=["VT"], gender="female", languages=["tr"])
    some = a_known_therapist(session, procedures=[], gender="female", languages=["en"])
    nothing = a_known_therapist(session, procedures=[], gender="unknown", languages=[])
    who = {"preferred_procedures": ["VT"], "preferred_therapist_gender": "female"}

    def wishes(**patient: Any) -> dict[UUID, float]:
        return {each.therapist_id: each.score_parts.wishes for each in found(session, **patient)}

    # Turkish is a wish where German will do, and a need where it will not
    assert wishes(**who, languages=["de", "tr"]) == {everything: 6.0, some: 2.0, nothing: 0.0}
    assert wishes(**who, languages=["tr"]) == {everything: 6.0, nothing: 0.0}
    assert wishes(**who, languages=["de"]) == {everything: 6.0, some: 3.0, nothing: 0.0}
    assert wishes() == {everything: 6.0, some: 6.0, nothing: 6.0}


def asked(session: Session, therapist_id: UUID, *, days_ago: int = 100, number: int = 1, **fields: Any) -> None:
    """Requests for other patients to a practice, as they are in the table."""
    approved = MONDAY - timedelta(days=days_ago)
    patient = {"patient_id": new_id()} | fields
    for _ in range(number):
        session.add(
            PlacementRequest(
                therapist_id=therapist_id,
                approved_at=approved,
                created_at=approved,
                updated_at=approved,
                **({"status": "open"} | patient | {"id": new_id()}),
            )
        )
        patient = patient | {"patient_id": new_id()}
    session.flush()


YES: Mapping[str, Any] = {"status": "withdrawn", "withdrawn_reason": "other", "outcome": "accepted"}
NO: Mapping[str, Any] = {"status": "declined", "outcome": "declined_capacity"}
LATER: Mapping[str, Any] = {"status": "deferred", "outcome": "later", "next_contact_after": TODAY + timedelta(50)}
UNREACHED: Mapping[str, Any] = {"status": "no_answer", "next_contact_after": TODAY + timedelta(5)}
ANSWERS: list[tuple[list[dict[str, Any]], int, float]] = [
    ([], 500, 1.6),
    ([{**NO, "number": 20}], 250, 0.8),
    ([{**YES, "number": 2}, {**NO, "number": 3}], 1200, 3.8),
    ([{**YES, "number": 20}], 5250, 8.0),
    ([{**YES, "withdrawn_reason": "entered_by_mistake", "number": 20}, {**NO, "number": 20}], 250, 0.8),
    ([{**LATER, "number": 5}], 500, 1.6),
    ([{**UNREACHED, "number": 5}], 400, 1.3),
    ([{**YES, "number": 20, "days_ago": 731}], 500, 1.6),
]
"""What a practice was asked, the share that it is expected to accept, in ten-thousandths, and the points for it."""


def test_answers_count_alike_in_the_ranking_and_in_the_plan(session: Session) -> None:
    shares, points = {}, {}
    for requests, share, responses in ANSWERS:
        therapist = a_known_therapist(session)
        for each in requests:
            asked(session, therapist, **each)
        shares[therapist], points[therapist] = share, responses
    assert {each.therapist_id: each.score_parts.responses for each in found(session)} == points
    practices = plan_candidates.practices(session, week_began=MONDAY)
    assert {each.id: each.acceptance for each in practices} == shares


LOADS: list[tuple[dict[str, Any], float, float]] = [
    ({}, 5.0, 5.0),
    ({"status": "open"}, 3.3, 3.3),
    ({"status": "queued", "number": 2}, 1.7, 1.7),
    ({"status": "open", "number": 4}, 0.0, 0.0),
    ({"status": "contacted", "emailed_at": MONDAY}, 3.3, 3.3),
    ({"status": "contacted", "called_at": MONDAY}, 3.3, 3.3),
    ({"status": "contacted", "emailed_at": MONDAY - timedelta(days=4)}, 5.0, 3.3),
    ({**NO, "emailed_at": MONDAY, "responded_at": MONDAY}, 5.0, 5.0),
]
"""Requests for a patient who has searched for longer, the points for load, and those for fairness."""


def test_a_practice_counts_less_that_is_asked_this_week_or_for_which_others_wait_longer(session: Session) -> None:
    longer = [a_known_patient(session, search_started_on=date(2026, 10, 1)) for _ in range(4)]
    since = a_known_patient(session, search_started_on=date(2026, 11, 20))
    expected = {}
    for fields, load, fairness in LOADS:
        therapist = a_known_therapist(session)
        expected[therapist] = (load, fairness)
        for patient in longer[: fields.get("number", 1) if fields else 0]:
            asked(session, therapist, **({**fields, "number": 1} | {"patient_id": patient}))
    later = a_known_therapist(session)
    asked(session, later, patient_id=since)
    best = found(session, search_started_on=date(2026, 11, 1))
    terms = {each.therapist_id: (each.score_parts.load, each.score_parts.fairness) for each in best}
    assert terms == {**expected, later: (3.3, 5.0)}
    # who has searched for longest has nobody before them
    first = found(session, search_started_on=date(2026, 9, 1))
    assert {each.score_parts.fairness for each in first} == {5.0}


TERMS = {
    "potentially_available": "potentially_available_points",
    "capacity": "capacity_points",
    "nearness": "nearness_points",
    "certainty": "certainty_points",
    "preference": "preferred_diagnosis_points",
    "wishes": "wishes_points",
    "responses": "response_points",
    "load": "load_points",
    "fairness": "fairness_points",
}
"""The terms, and the settings of their weights."""


def test_each_weight_is_a_setting_and_no_term_exceeds_it(session: Session) -> None:
    therapist = a_known_therapist(
        session,
        **north_of_aachen(0),
        **stated("free", 0, 0),
        potentially_available=True,
        preferences={"diagnoses": ["F30-F39"]},
    )
    asked(session, therapist, number=60, **YES)
    for term, setting in TERMS.items():
        nothing = dict.fromkeys(TERMS.values(), 0)
        (only,) = found(session, ScoreWeights(**{**nothing, setting: 37}), diagnosis_block="F30-F39")
        assert {name: getattr(only.score_parts, name) for name in TERMS} == {**dict.fromkeys(TERMS, 0.0), term: 37.0}
    (only,) = found(session, diagnosis_block="F30-F39")
    assert only.score == 100.0


def test_equal_scores_are_ordered_by_distance_and_id_and_the_best_are_the_best_of_all(session: Session) -> None:
    """A short list is the beginning of the whole one, although only those who can be on it are looked at closely."""
    ids = sorted(new_id() for _ in range(12))
    for place, id in enumerate(reversed(ids)):
        a_known_therapist(session, id=id, **north_of_aachen(place % 3 * 4), potentially_available=place % 5 == 0)
        asked(session, id, number=place % 4, **(YES if place % 2 else NO))
        asked(session, id, number=place % 3)
    patient = a_known_patient(session)

    def listed(limit: int) -> list[tuple[float, float, UUID]]:
        question = MatchQuestion(patient_id=patient, limit=limit)
        best = matches.find(session, question, rules=RULES, today=TODAY).candidates
        return [(-each.score, each.distance_km, each.therapist_id) for each in best]

    everybody = listed(200)
    assert everybody == sorted(everybody)
    assert len({score for score, *_ in everybody}) > 4
    for limit in (1, 3, 12):
        assert listed(limit) == listed(limit) == everybody[:limit]


def test_the_prepared_statements_say_what_the_others_do(real_commits: None) -> None:
    """Outside of a transaction both statements are prepared; PostgreSQL infers the types of their parameters then."""
    with transaction() as session:
        a_known_therapist(session, **stated("free", 30, 10), preferences={"diagnoses": ["F30-F39"]})
        patient = a_known_patient(session, **WISHES, diagnosis_block="F30-F39", open_to_group_therapy=True)

    def answer(*, is_first: bool) -> MatchesView:
        with transaction() as session:
            if not is_first:
                assert queries.copies_of_patient(session, [patient])
            return matches.find(session, MatchQuestion(patient_id=patient), rules=RULES, today=TODAY)

    expected = answer(is_first=False)
    assert expected.total == 1
    assert answer(is_first=True) == answer(is_first=True) == expected
