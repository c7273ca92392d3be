"""Matching over HTTP: every rule, the counts, the order, the reasons."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.values.enums import MatchCriterion
from tests.builders.matching import (
    AACHEN,
    a_known_patient,
    a_known_therapist,
    north_of_aachen,
    public_patient,
    publish_place,
)

EVENING = {"friday": [{"start": "18:00", "end": "20:00"}]}


def matches(client: FlaskClient, patient_id: UUID, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/matches", json={"patient_id": str(patient_id), **more})
    assert answer.status_code == 200, answer.json
    return dict(answer.json or {})


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
    assert candidate["travel_minutes"] == 17
    assert [each["rule"] for each in candidate["checks"]] == [
        rule for rule in MatchCriterion if rule != "distance_unknown"
    ]
    assert {each["result"] for each in candidate["checks"]} == {"pass"}
    route = {"distance_km": 5.0, "travel_minutes": 17, "travel_mode": "car"}
    assert candidate["reasons"] == [
        {"code": "reason.route", "params": route, "text": "5.0 km away, about 17 minutes by car."},
        {
            "code": "criterion.accreditation",
            "params": {"rule": "accreditation"},
            "text": "Accreditation: statutory seat.",
        },
        {
            "code": "criterion.availability",
            "params": {"rule": "availability"},
            "text": "Availability: 1 hour a week in common: Mo 9–10.",
        },
    ]
    assert candidate["working_hours_overlap"] == {"monday": [{"start": "09:00", "end": "10:00"}]}
    assert candidate["bearing_deg"] == 0
    values = {each["rule"]: each["values"] for each in candidate["checks"]}
    assert values["availability"] == {
        "patient": {"availability": {"monday": [{"start": "08:00", "end": "10:00"}]}},
        "therapist": {"working_hours": {"monday": [{"start": "09:00", "end": "12:00"}]}},
    }
    assert values["distance"] == {
        "patient": {"max_distance_km": 25.0, "max_travel_minutes": None, "travel_mode": "car"},
        "therapist": {"distance_km": 5.0, "travel_minutes": 17},
    }
    assert candidate["score_parts"] == {
        "nearness": 16.0,
        "potentially_available": 0.0,
        "capacity": 3.0,
        "certainty": 14.0,
        "preference": 0.0,
        "wishes": 6.0,
        "responses": 1.6,
        "load": 5.0,
        "fairness": 5.0,
    }
    assert candidate["score"] == 50.6
    assert (found["total"], found["excluded"], found["relax"]) == (1, {}, [])


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
    assert all(each["score"] == pytest.approx(sum(each["score_parts"].values())) for each in found)
    assert found[0]["reasons"][0] == {
        "code": "reason.potentially_available",
        "params": {},
        "text": "Potentially available: contact first.",
    }


def test_the_direction_of_a_practice_is_counted_from_north(client: FlaskClient, session: Session) -> None:
    north, east = AACHEN
    for there in ((0.01, 0), (0, 0.01), (-0.01, 0), (0, -0.01), (0.01, -0.00001), (0, 0)):
        place = {"latitude": north + there[0], "longitude": east + there[1]}
        a_known_therapist(session, **place, working_hours=None if there == (0, 0) else EVENING)
    patient = a_known_patient(session, availability=EVENING)
    found = {each["bearing_deg"]: each["working_hours_overlap"] for each in matches(client, patient)["candidates"]}
    assert found == {0: EVENING, 90: EVENING, 180: EVENING, 270: EVENING, None: None}


def test_a_limit_shows_the_best_and_counts_all(client: FlaskClient, session: Session) -> None:
    best = a_known_therapist(session, **north_of_aachen(1))
    a_known_therapist(session, **north_of_aachen(2))
    found = matches(client, a_known_patient(session), limit=1)
    assert ([each["therapist_id"] for each in found["candidates"]], found["total"]) == ([str(best)], 2)


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
    publish_place(session, "patient", only_a_place, postal_code="52062")
    assert client.post("/api/matches", json={"patient_id": str(only_a_place)}).status_code == 404


def test_a_patient_without_a_place_or_a_limit_cannot_be_matched(client: FlaskClient, session: Session) -> None:
    nowhere = a_known_patient(session, placed=False)
    answer = client.post("/api/matches", json={"patient_id": str(nowhere)})
    assert (answer.status_code, answer.json["code"]) == (409, "patient.place_unknown")
    unlimited = a_known_patient(session, max_distance_km=None)
    answer = client.post("/api/matches", json={"patient_id": str(unlimited)})
    assert (answer.status_code, answer.json["code"]) == (409, "patient.distance_limit_missing")
    assert [each["field"] for each in answer.json["errors"]] == ["overrides.max_distance_km"]
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


def test_reasons_and_checks_are_said_in_the_language_of_staff(client: FlaskClient, session: Session) -> None:
    a_known_therapist(session, potentially_available=True, procedures=[])
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    patient = a_known_patient(session, preferred_procedures=["VT"])
    answer = client.post("/api/matches", json={"patient_id": str(patient)})
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == ("de", "Accept-Language")
    (candidate,) = answer.json["candidates"]
    assert [each["text"] for each in candidate["reasons"]] == [
        "Potenziell verfügbar: zuerst kontaktieren.",
        "5,0 km entfernt, etwa 17 Minuten mit dem Auto.",
        "Zulassung: Kassensitz.",
        "Verfügbarkeit: In der Woche 1 h gemeinsame Zeit: Mo 9–10 Uhr.",
        "Nicht bekannt, bitte erfragen: Verfahren.",
    ]
    assert candidate["reasons"][-1]["params"] == {"rules": ["procedure"]}
    assert {each["detail"] for each in candidate["checks"]} >= {
        "Die Verfahren der Praxis sind nicht bekannt.",
        "Keine Ablehnung in den letzten 28 Tagen.",
        "5,0 km, etwa 17 Minuten mit dem Auto; Grenze 25 km.",
    }


def test_of_therapists_who_are_asked_about_it_says_why_each_fits_or_not(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session, preferred_therapist_gender="female")
    fits = a_known_therapist(session)
    far = a_known_therapist(session, gender="male", **north_of_aachen(80))
    blocked, inactive = (a_known_therapist(session, status=status) for status in ("blocked", "inactive"))
    nowhere = a_known_therapist(session, postal_code=None, latitude=None, longitude=None)
    nobody = new_id()
    asked = [str(each) for each in (far, fits, nowhere, blocked, inactive, nobody)]
    found = matches(client, patient, therapist_ids=asked)
    said = {each["therapist_id"]: each for each in found["asked_about"]}
    assert list(said) == asked
    failing = {
        who: [check["rule"] for check in each["checks"] if check["result"] == "fail"] for who, each in said.items()
    }
    assert (said[str(fits)]["fits"], failing[str(fits)], len(said[str(fits)]["checks"])) == (True, [], 13)
    assert (said[str(far)]["fits"], failing[str(far)]) == (False, ["distance", "gender"])
    assert [check["rule"] for check in said[str(far)]["checks"]][:2] == ["distance", "gender"]
    assert said[str(far)]["distance_km"] == 80.0
    assert (failing[str(nowhere)], said[str(nowhere)]["distance_km"]) == (["distance_unknown"], None)
    assert [said[str(each)]["checks"][0]["detail"] for each in (blocked, inactive)] == [
        "The therapist is blocked.",
        "The therapist is inactive.",
    ]
    assert (said[str(nobody)]["name"], said[str(nobody)]["fits"], said[str(nobody)]["checks"]) == (None, False, [])
    assert matches(client, patient)["asked_about"] == []


def test_where_nobody_fits_it_says_who_is_nearest_and_how_far_to_go(client: FlaskClient, session: Session) -> None:
    patient = a_known_patient(session, max_distance_km=5, max_travel_minutes=20)
    assert (matches(client, patient)["nearest"], matches(client, patient)["relax"]) == (None, [])
    a_known_therapist(session, gender="male", accreditation="private", **north_of_aachen(30))
    nearest = a_known_therapist(session, **north_of_aachen(120))
    a_known_therapist(session, potentially_available=True, **north_of_aachen(150))
    found = matches(client, patient)
    assert (found["total"], found["nearest"]["therapist_id"], found["nearest"]["distance_km"]) == (
        0,
        str(nearest),
        120.0,
    )
    (wider,) = found["relax"]
    assert (wider["rules"], wider["code"], wider["adds"]) == (["distance"], "relaxation.distance", 1)
    with_it = matches(client, patient, overrides=wider["overrides"])
    assert ([each["therapist_id"] for each in with_it["candidates"]], with_it["nearest"]) == ([str(nearest)], None)


@pytest.mark.parametrize(("limit", "wider"), [(1, 1.5), (2, 2.5), (5, 6.5), (10, 13), (25, 32)])
def test_a_wider_distance_is_suggested_in_steps_that_fit_its_length(
    client: FlaskClient, session: Session, limit: float, wider: float
) -> None:
    a_known_therapist(session, **north_of_aachen(limit * 1.2))
    (suggested,) = matches(client, a_known_patient(session, max_distance_km=limit))["relax"]
    assert suggested["overrides"] == {"max_distance_km": wider}
    assert "quarter" not in suggested["text"]
