"""Matching over HTTP: every rule, the counts, the order, the reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.runtime import clock
from shared.values.enums import RequestStatus
from tests.builders.matching import (
    a_known_patient,
    a_known_therapist,
    a_request,
    north_of_aachen,
    public_patient,
    tell_place,
)

MONDAY_MORNING = {"monday": [{"start": "09:00", "end": "12:00"}]}
FRIDAY = {"friday": [{"start": "09:00", "end": "12:00"}]}


def matches(client: FlaskClient, patient_id: UUID, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/matches", json={"patient_id": str(patient_id), **more})
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def check(found: dict[str, Any], rule: str) -> str:
    (candidate,) = found["candidates"]
    (result,) = (each["result"] for each in candidate["checks"] if each["rule"] == rule)
    return str(result)


def test_a_candidate_comes_with_every_check_and_its_reasons(client: FlaskClient, session: Session) -> None:
    therapist = a_known_therapist(session, title="Dr.", last_name="von der Heide")
    patient = a_known_patient(session)
    found = matches(client, patient)
    assert found["patient_id"] == str(patient)
    (candidate,) = found["candidates"]
    assert candidate["therapist_id"] == str(therapist)
    assert candidate["name"] == "Dr. Anna von der Heide"
    assert candidate["rank"] == 1
    assert candidate["distance_km"] == 5.0
    assert candidate["travel_minutes"] == 13
    assert [each["rule"] for each in candidate["checks"]] == [
        "status", "contact_preference", "accreditation", "distance", "procedure", "age_group", "setting", "gender",
        "language", "availability", "patient_exclusion", "open_request", "recent_refusal",
    ]  # fmt: skip
    assert {each["result"] for each in candidate["checks"]} == {"pass"}
    assert candidate["reasons"] == [
        "5.0 km away, about 13 minutes by car.",
        "Accreditation: statutory seat.",
        "Availability: 1 hours a week in common.",
    ]
    assert candidate["score_parts"] == {"nearness": 25.6, "potentially_available": 0.0, "certainty": 28.0}
    assert candidate["score"] == 53.6
    assert (found["total"], found["excluded"], found["relax"]) == (1, {}, [])


PASSES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("status", {}, {}),
    ("contact_preference", {"contact_preference": "phone_only"}, {}),
    ("accreditation", {"accreditation": "private"}, {"reimbursement_case": True}),
    ("accreditation", {"accreditation": "private"}, {"insurance_type": "private"}),
    ("accreditation", {"accreditation": "unknown"}, {"insurance_type": "self_pay"}),
    ("accreditation", {"accreditation": "statutory"}, {"insurance_type": None}),
    ("distance", north_of_aachen(24.9), {}),
    ("distance", north_of_aachen(9), {"max_distance_km": None, "max_travel_minutes": 30}),
    ("procedure", {"procedures": ["AP", "TP"]}, {"preferred_procedures": ["TP", "VT"]}),
    ("procedure", {"procedures": []}, {"preferred_procedures": []}),
    ("age_group", {"age_groups": ["child_adolescent"]}, {"age_groups": ["child_adolescent", "adult"]}),
    ("setting", {"settings": ["group"]}, {"open_to_group_therapy": True}),
    ("gender", {"gender": "male"}, {"preferred_therapist_gender": "male"}),
    ("gender", {"gender": "unknown"}, {"preferred_therapist_gender": "any"}),
    ("language", {"languages": ["tr", "en"]}, {"languages": ["tr"]}),
    ("language", {"languages": ["en"]}, {"languages": ["tr", "de"]}),
    ("language", {"languages": []}, {"languages": ["de"]}),
    ("availability", {"working_hours": MONDAY_MORNING}, {"availability": MONDAY_MORNING}),
    ("patient_exclusion", {}, {"excluded_therapist_ids": [uuid4()]}),
]

FAILS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("status", {"status": "blocked"}, {}),
    ("status", {"status": "inactive"}, {}),
    ("contact_preference", {"contact_preference": "none"}, {}),
    ("accreditation", {"accreditation": "private"}, {}),
    ("procedure", {"procedures": ["AP"]}, {"preferred_procedures": ["TP", "VT"]}),
    ("age_group", {"age_groups": ["child_adolescent"]}, {}),
    ("setting", {"settings": ["group"]}, {}),
    ("gender", {"gender": "male"}, {"preferred_therapist_gender": "female"}),
    ("language", {"languages": ["en"]}, {"languages": ["tr"]}),
    ("availability", {"working_hours": FRIDAY}, {"availability": MONDAY_MORNING}),
]

UNKNOWNS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("accreditation", {"accreditation": "unknown"}, {}),
    ("accreditation", {"accreditation": "private"}, {"insurance_type": None}),
    ("procedure", {"procedures": []}, {"preferred_procedures": ["VT"]}),
    ("age_group", {"age_groups": []}, {}),
    ("age_group", {}, {"age_groups": []}),
    ("setting", {"settings": []}, {}),
    ("gender", {"gender": "unknown"}, {"preferred_therapist_gender": "diverse"}),
    ("language", {"languages": []}, {"languages": ["tr"]}),
    ("availability", {"working_hours": None}, {}),
    ("availability", {}, {"availability": None}),
]


@pytest.mark.parametrize(("rule", "therapist", "patient"), PASSES)
def test_a_rule_lets_through_who_fits(
    client: FlaskClient, session: Session, rule: str, therapist: dict[str, Any], patient: dict[str, Any]
) -> None:
    a_known_therapist(session, **therapist)
    found = matches(client, a_known_patient(session, **patient))
    assert (check(found, rule), found["excluded"]) == ("pass", {})


@pytest.mark.parametrize(("rule", "therapist", "patient"), FAILS)
def test_a_rule_excludes_and_counts_who_does_not_fit(
    client: FlaskClient, session: Session, rule: str, therapist: dict[str, Any], patient: dict[str, Any]
) -> None:
    a_known_therapist(session, **therapist)
    found = matches(client, a_known_patient(session, **patient))
    assert (found["candidates"], found["total"], found["excluded"]) == ([], 0, {rule: 1})


@pytest.mark.parametrize(("rule", "therapist", "patient"), UNKNOWNS)
def test_what_is_unknown_is_shown_and_ranked_lower_but_never_dropped(
    client: FlaskClient, session: Session, rule: str, therapist: dict[str, Any], patient: dict[str, Any]
) -> None:
    unknown = a_known_therapist(session, **therapist)
    found = matches(client, a_known_patient(session, **patient))
    assert (check(found, rule), found["excluded"]) == ("unknown", {})
    assert any("Not known" in reason for reason in found["candidates"][0]["reasons"])
    if therapist:
        known = a_known_therapist(session, languages=["en", "tr"], gender="diverse")
        ranked = matches(client, a_known_patient(session, **patient))["candidates"]
        assert [each["therapist_id"] for each in ranked] == [str(known), str(unknown)]


def test_both_limits_of_the_way_must_hold(client: FlaskClient, session: Session) -> None:
    a_known_therapist(session, **north_of_aachen(10))  # 24 minutes by car, far more on foot
    limits = {"max_distance_km": 25, "max_travel_minutes": 20}
    assert matches(client, a_known_patient(session, **limits))["total"] == 0
    assert matches(client, a_known_patient(session, **limits | {"max_travel_minutes": 25}))["total"] == 1
    assert matches(client, a_known_patient(session, max_distance_km=9, max_travel_minutes=25))["total"] == 0
    on_foot = a_known_patient(session, **limits | {"max_travel_minutes": 25, "travel_mode": "foot"})
    assert matches(client, on_foot)["total"] == 0


def test_a_therapist_without_a_place_is_off_the_list_and_counted(client: FlaskClient, session: Session) -> None:
    nowhere = {"latitude": None, "longitude": None}
    a_known_therapist(session, **nowhere)
    a_known_therapist(session, **nowhere, procedures=["NP"])
    a_known_therapist(session, **nowhere, status="inactive")
    found = matches(client, a_known_patient(session, preferred_procedures=["VT"]))
    assert (found["candidates"], found["excluded"]) == ([], {"distance_unknown": 2})


def test_who_lives_beyond_the_radius_is_neither_shown_nor_counted(client: FlaskClient, session: Session) -> None:
    a_known_therapist(session, **north_of_aachen(60), status="blocked")
    a_known_therapist(session, **north_of_aachen(28), status="blocked")
    assert matches(client, a_known_patient(session))["excluded"] == {}


def test_who_fails_two_rules_is_counted_under_both(client: FlaskClient, session: Session) -> None:
    a_known_therapist(session, status="blocked", accreditation="private")
    assert matches(client, a_known_patient(session))["excluded"] == {"status": 1, "accreditation": 1}


def test_a_therapist_whom_the_patient_excluded_is_no_candidate(client: FlaskClient, session: Session) -> None:
    therapist = a_known_therapist(session)
    found = matches(client, a_known_patient(session, excluded_therapist_ids=[therapist]))
    assert found["excluded"] == {"patient_exclusion": 1}


@pytest.mark.parametrize(
    "status", [s for s in RequestStatus if s not in (RequestStatus.DECLINED, RequestStatus.FAILED, "withdrawn")]
)
def test_a_therapist_with_an_open_request_for_this_patient_is_no_candidate(
    client: FlaskClient, session: Session, status: RequestStatus
) -> None:
    request = a_request(session, status)
    assert matches(client, request.patient_id)["excluded"] == {"open_request": 1}
    assert matches(client, a_known_patient(session))["total"] == 1  # another patient


def test_a_withdrawn_request_excludes_nobody(client: FlaskClient, session: Session) -> None:
    assert matches(client, a_request(session, RequestStatus.WITHDRAWN).patient_id)["total"] == 1


@pytest.mark.parametrize(("days_ago", "total"), [(0, 0), (27, 0), (28, 1)])
def test_after_a_refusal_a_therapist_rests_four_weeks(
    client: FlaskClient, session: Session, days_ago: int, total: int
) -> None:
    refused = a_request(session, RequestStatus.DECLINED, now=clock.now() - timedelta(days=days_ago, minutes=2))
    found = matches(client, refused.patient_id)
    assert (found["total"], found["excluded"]) == (total, {} if total else {"recent_refusal": 1})


def test_potentially_available_comes_first_then_the_nearer_then_the_lower_id(
    client: FlaskClient, session: Session
) -> None:
    twin, other_twin = sorted([new_id(), new_id()])
    far_but_free = a_known_therapist(session, **north_of_aachen(24), potentially_available=True)
    a_known_therapist(session, id=other_twin, **north_of_aachen(3))
    a_known_therapist(session, id=twin, **north_of_aachen(3))
    far = a_known_therapist(session, **north_of_aachen(20))
    near_but_vague = a_known_therapist(session, **north_of_aachen(3), working_hours=None)
    found = matches(client, a_known_patient(session))["candidates"]
    assert [each["therapist_id"] for each in found] == [
        str(each) for each in (far_but_free, twin, other_twin, near_but_vague, far)
    ]
    assert [each["rank"] for each in found] == [1, 2, 3, 4, 5]
    assert all(each["score"] == pytest.approx(sum(each["score_parts"].values()), abs=0.11) for each in found)
    assert found[0]["reasons"][0] == "Potentially available: contact first."


def test_a_limit_shows_the_best_and_counts_all(client: FlaskClient, session: Session) -> None:
    best = a_known_therapist(session, **north_of_aachen(1))
    a_known_therapist(session, **north_of_aachen(2))
    found = matches(client, a_known_patient(session), limit=1)
    assert ([each["therapist_id"] for each in found["candidates"]], found["total"]) == ([str(best)], 2)


RELAXED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("accreditation", {"accreditation": "private"}, {}),
    ("distance", north_of_aachen(30), {}),
    ("distance", north_of_aachen(10), {"max_travel_minutes": 20}),
    ("procedure", {"procedures": ["AP"]}, {"preferred_procedures": ["VT"]}),
    ("setting", {"settings": ["group"]}, {}),
    ("gender", {"gender": "male"}, {"preferred_therapist_gender": "female"}),
    ("language", {"languages": ["en"]}, {"languages": ["tr"]}),
    ("availability", {"working_hours": FRIDAY}, {}),
]


@pytest.mark.parametrize(("rule", "therapist", "patient"), RELAXED)
def test_a_suggestion_says_what_giving_up_one_criterion_adds_and_shows_it(
    client: FlaskClient, session: Session, rule: str, therapist: dict[str, Any], patient: dict[str, Any]
) -> None:
    added = a_known_therapist(session, **therapist)
    a_known_therapist(session, **therapist, status="blocked")  # fails another rule as well: giving up one adds nobody
    who = a_known_patient(session, **patient)
    (relaxation,) = matches(client, who)["relax"]
    assert (relaxation["rule"], relaxation["adds"]) == (rule, 1)
    found = matches(client, who, overrides=relaxation["overrides"])
    assert [each["therapist_id"] for each in found["candidates"]] == [str(added)]


def test_what_nobody_can_give_up_is_not_suggested(client: FlaskClient, session: Session) -> None:
    a_known_therapist(session, status="blocked")
    a_known_therapist(session, contact_preference="none")
    a_known_therapist(session, age_groups=["child_adolescent"])
    assert matches(client, a_known_patient(session))["relax"] == []


def test_a_patient_who_has_not_arrived_is_not_found_yet(client: FlaskClient, session: Session) -> None:
    answer = client.post("/api/matches", json={"patient_id": str(uuid4())})
    assert answer.status_code == 404
    assert "moment" in answer.json["detail"]
    only_a_place = new_id()
    tell_place(session, "patient", only_a_place, postal_code="52062")
    assert client.post("/api/matches", json={"patient_id": str(only_a_place)}).status_code == 404


def test_a_patient_without_a_place_or_a_limit_cannot_be_matched(client: FlaskClient, session: Session) -> None:
    nowhere = a_known_patient(session, placed=False)
    answer = client.post("/api/matches", json={"patient_id": str(nowhere)})
    assert (answer.status_code, answer.json["code"]) == (409, "patient.place_unknown")
    unlimited = a_known_patient(session, max_distance_km=None)
    answer = client.post("/api/matches", json={"patient_id": str(unlimited)})
    assert (answer.status_code, answer.json["code"]) == (409, "patient.distance_limit_missing")
    assert matches(client, unlimited, overrides={"max_distance_km": 10})["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"patient_id": "x"},
        {"limit": 0},
        {"limit": 201},
        {"limit": "5"},
        {"colour": "red"},
        {"overrides": {"status": "blocked"}},
        {"overrides": {"max_distance_km": 0}},
        {"overrides": {"preferred_procedures": ["XX"]}},
        {"overrides": [{"rule": "gender"}]},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: FlaskClient, session: Session, body: dict[str, Any]) -> None:
    patient = {} if body == {} else {"patient_id": str(a_known_patient(session))}
    assert client.post("/api/matches", json=patient | body).status_code == 422


def test_the_answer_shows_nothing_of_the_patient(client: FlaskClient, session: Session) -> None:
    patient = public_patient()
    a_known_therapist(session)
    answer = client.post("/api/matches", json={"patient_id": str(a_known_patient(session, **patient.model_dump()))})
    assert patient.reference not in answer.text
