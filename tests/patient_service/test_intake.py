"""The first interview and the anamnesis: kept sealed, shown to coordinators, and what follows from them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.domain import rules
from patient_service.domain.birthdays import publish_passed_therapies
from patient_service.domain.intake_schemas import Anamnesis
from patient_service.domain.schemas import PatientFields
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.patients import a_patient, a_ready_patient, new_patient
from tests.events import recorded

CODE, MASK = "A1B2-C3D4-E5F6", "****-****-E5F6"
CONSULTATION: dict[str, Any] = {
    "held_on": "2026-10-01",
    "recommendations": ["Verhaltenstherapie", "Kurzzeittherapie"],
    "timely_treatment_needed": True,
    "diagnoses": ["F41.0G"],
    "placement_code": CODE,
}
ANAMNESIS: dict[str, Any] = {
    "therapy_experience": "Eine Verhaltenstherapie.",
    "inpatient_treatment": "Keine.",
    "occupation": "Lehrerin",
    "marital_status": "ledig",
    "complaints": "Panik in der Bahn,\nschlechter Schlaf.",
    "complaints_since": "seit dem Frühjahr",
    "previous_treatments": "Keine.",
    "physical_conditions": "Asthma",
    "medication": "Sertralin 50 mg",
    "stressors": "Umzug",
    "support_systems": "Schwester",
    "reason_for_search": "Kann nicht zur Arbeit fahren.",
    "expectations": "Wieder Bahn fahren.",
    "therapy_goals": "Ohne Angst zur Arbeit.",
    "previous_therapy_ended_on": "2015-03-31",
}
IN_TWO_DAYS = (clock.today() + timedelta(days=2)).isoformat()


def change(client: FlaskClient, patient: Any, **fields: Any) -> Any:
    return client.patch(f"/api/patients/{patient.id}", json=fields)


def test_the_intake_is_shown_as_it_was_entered(client: FlaskClient) -> None:
    shown = client.post("/api/patients", json=new_patient(consultation=CONSULTATION, anamnesis=ANAMNESIS)).json
    assert shown["anamnesis"] == ANAMNESIS
    assert shown["consultation"] == CONSULTATION | {"placement_code": MASK}
    assert client.get(f"/api/patients/{shown['id']}").json == shown


def test_a_patch_changes_single_fields_of_the_intake(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, consultation=CONSULTATION, anamnesis=ANAMNESIS)
    answer = change(client, known, anamnesis={"occupation": None, "stressors": "Lärm"}, consultation={"diagnoses": []})
    assert answer.json["anamnesis"] == ANAMNESIS | {"occupation": None, "stressors": "Lärm"}
    assert answer.json["consultation"] == CONSULTATION | {"placement_code": MASK, "diagnoses": []}
    cleared = change(client, known, anamnesis=None, consultation=None).json
    assert (cleared["anamnesis"], cleared["consultation"]) == (None, None)


def test_what_is_sent_back_as_it_is_shown_changes_nothing(client: FlaskClient, session: Session, keys: Keys) -> None:
    persons = [{"name": "Otto Erfunden", "relation": "guardian", "phone": "+43 1 5877777"}]
    known = a_patient(
        session, keys, consultation=CONSULTATION, anamnesis=ANAMNESIS, phone="0241/123456", contact_persons=persons
    )
    shown = client.get(f"/api/patients/{known.id}").json
    assert (shown["phone"], shown["contact_persons"][0]["phone"]) == ("0241 123456", "+43 1 5877777")
    answer = client.patch(f"/api/patients/{known.id}", json=shown)
    assert answer.json == shown
    assert len(recorded(session, known.id)) == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"consultation": {"held_on": IN_TWO_DAYS}}, "consultation.held_on"),
        ({"consultation": {"diagnoses": ["depression"]}}, "consultation.diagnoses.0"),
        ({"consultation": {"placement_code": "A1B2-C3D4"}}, "consultation.placement_code"),
        ({"consultation": {"placement_code": MASK}}, "consultation.placement_code"),
        ({"consultation": {"recommendations": ["x"] * 21}}, "consultation.recommendations"),
        ({"consultation": {"colour": "red"}}, "consultation.colour"),
        ({"anamnesis": {"previous_therapy_ended_on": IN_TWO_DAYS}}, "anamnesis.previous_therapy_ended_on"),
        ({"anamnesis": {"previous_therapy_ended_on": "2024"}}, "anamnesis.previous_therapy_ended_on"),
        ({"anamnesis": {"complaints": "x" * 4001}}, "anamnesis.complaints"),
        ({"anamnesis": {"complaints": 7}}, "anamnesis.complaints"),
        ({"anamnesis": "Panik"}, "anamnesis"),
        ({"prior_therapy_within_two_years": True}, "prior_therapy_within_two_years"),
    ],
)
def test_garbage_in_the_intake_is_refused_by_its_path(client: FlaskClient, wrong: dict[str, Any], field: str) -> None:
    answer = client.post("/api/patients", json=new_patient(**wrong))
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, [field])


# Diagnoses


@pytest.mark.parametrize(
    ("own", "of_the_form", "ready", "block"),
    [
        ([], ["F41.0G"], True, "F40-F48"),
        (["F32.1G"], ["F41.0G"], True, "F30-F39"),
        (["F32.1A"], ["F41.0"], True, "F40-F48"),
        ([], ["F41.0A"], False, None),
        ([], [], False, None),
    ],
)
def test_a_diagnosis_of_the_consultation_counts_like_any_other(
    client: FlaskClient, session: Session, keys: Keys, own: list[str], of_the_form: list[str], ready: bool, block: Any
) -> None:
    known = a_ready_patient(session, keys, diagnoses=own, consultation={"diagnoses": of_the_form})
    url = f"/api/patients/{known.id}"
    assert client.get(f"{url}/readiness").json["ready"] is ready
    consent = {"purpose": "health_data", "given_on": "2026-11-01", "text_version": "1"}
    assert client.post(f"{url}/consents", json=consent).status_code == 201
    assert recorded(session, known.id)[-1]["data"]["patient"]["diagnosis_block"] == block


# The placement code


@pytest.mark.parametrize("sent", [MASK, " ****-****-e5f6 "])
def test_a_masked_code_that_is_sent_back_keeps_the_code(
    client: FlaskClient, session: Session, keys: Keys, sent: str
) -> None:
    known = a_patient(session, keys, consultation=CONSULTATION)
    answer = change(client, known, consultation={"placement_code": sent, "held_on": "2026-10-02"})
    assert answer.json["consultation"] == CONSULTATION | {"placement_code": MASK, "held_on": "2026-10-02"}
    assert client.post(f"/api/patients/{known.id}/placement-code/reveal").json["placement_code"] == CODE


def test_a_code_is_revealed_only_by_a_call_that_is_logged(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, consultation=CONSULTATION)
    url = f"/api/patients/{known.id}"
    assert CODE not in client.get(url).text + client.get("/api/patients").text
    for _ in range(2):  # also a repetition shows it, and is logged
        headers = {"X-Purpose": "Termin buchen", "Idempotency-Key": "k"}
        assert client.post(f"{url}/placement-code/reveal", headers=headers).json["placement_code"] == CODE
    log = client.get(f"{url}/access-log").json["items"]
    assert [(each["action"], each["purpose"]) for each in log[:2]] == [("revealed", "Termin buchen")] * 2


@pytest.mark.parametrize("consultation", [None, {}, CONSULTATION | {"placement_code": None}])
def test_where_there_is_no_code_none_is_revealed(
    client: FlaskClient, session: Session, keys: Keys, consultation: Any
) -> None:
    known = a_patient(session, keys, consultation=consultation)
    answer = client.post(f"/api/patients/{known.id}/placement-code/reveal")
    assert (answer.status_code, answer.json["code"]) == (409, "patient.no_placement_code")


def test_only_coordinators_are_shown_the_code(app: Flask, session: Session, keys: Keys, client: FlaskClient) -> None:
    url = f"/api/patients/{a_patient(session, keys, consultation=CONSULTATION).id}/placement-code/reveal"
    answers = {role: signed_in(app, role).post(url).status_code for role in Role}
    assert {role for role, status in answers.items() if status != 403} == {Role.ADMIN, Role.COORDINATOR}


# A therapy before


def fields(ended_on: date | None) -> PatientFields:
    anamnesis = Anamnesis(previous_therapy_ended_on=ended_on)
    return PatientFields(first_name="Erika", last_name="Erfunden", anamnesis=anamnesis)


@pytest.mark.parametrize(
    ("ended_on", "today", "within"),
    [
        ("2024-11-23", "2026-11-23", True),
        ("2024-11-22", "2026-11-23", False),
        ("2026-11-23", "2026-11-23", True),
        ("2024-02-29", "2026-02-28", True),
        ("2024-02-29", "2026-03-01", False),
        ("2022-02-28", "2024-02-28", True),
        ("2022-02-28", "2024-02-29", False),
        ("1950-01-01", "2026-11-23", False),
    ],
)
def test_two_years_are_counted_as_the_law_counts_them(ended_on: str, today: str, within: bool) -> None:
    known = fields(date.fromisoformat(ended_on))
    assert rules.had_prior_therapy(known, date.fromisoformat(today)) is within


def test_whether_there_was_a_therapy_may_be_unknown() -> None:
    assert rules.had_prior_therapy(fields(None), date(2026, 11, 23)) is None
    nothing = PatientFields(first_name="Erika", last_name="Erfunden")
    assert rules.had_prior_therapy(nothing, date(2026, 11, 23)) is None


def at(day: str, time: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def published(session: Session, patient: Any) -> list[bool | None]:
    return [each["data"]["patient"]["prior_therapy_within_two_years"] for each in recorded(session, patient.id)]


def test_that_the_two_years_are_over_is_published_once_and_from_midnight_in_berlin(
    session: Session, keys: Keys
) -> None:
    anamnesis = {"previous_therapy_ended_on": "2024-05-17"}
    known = a_patient(session, keys, now=at("2026-05-01"), anamnesis=anamnesis)
    a_patient(session, keys, now=at("2026-05-01"), anamnesis={"previous_therapy_ended_on": "2024-06-17"})
    a_patient(session, keys, now=at("2026-05-01"))
    assert publish_passed_therapies(session, keys, now=at("2026-05-17", "21:59")) == 0
    assert publish_passed_therapies(session, keys, now=at("2026-05-17", "22:00")) == 1
    assert publish_passed_therapies(session, keys, now=at("2026-05-18")) == 0
    assert published(session, known) == [True, False]


def test_it_is_published_also_when_the_job_did_not_run_for_long(session: Session, keys: Keys) -> None:
    anamnesis = {"previous_therapy_ended_on": "2024-05-17"}
    known = a_patient(session, keys, now=at("2026-05-01"), date_of_birth=None, anamnesis=anamnesis)
    assert publish_passed_therapies(session, keys, now=at("2027-11-01")) == 1
    assert published(session, known) == [True, False]


def test_what_was_published_for_another_reason_is_not_published_again(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    now = clock.now()
    two_years_and_days_ago = (now - timedelta(days=735)).date().isoformat()
    known = a_patient(
        session, keys, now=now - timedelta(days=30), anamnesis={"previous_therapy_ended_on": two_years_and_days_ago}
    )
    change(client, known, city="Bonn")
    assert published(session, known) == [True, False]
    assert publish_passed_therapies(session, keys, now=now) == 0


def test_passed_therapies_are_published_in_portions(session: Session, keys: Keys) -> None:
    for _ in range(3):
        a_patient(session, keys, now=at("2026-05-01"), anamnesis={"previous_therapy_ended_on": "2024-05-17"})
    found = [publish_passed_therapies(session, keys, now=at("2026-06-01"), at_most=2) for _ in range(3)]
    assert found == [2, 1, 0]


def test_the_view_says_whether_there_was_a_therapy(client: FlaskClient, session: Session, keys: Keys) -> None:
    recently = (clock.today() - timedelta(days=100)).isoformat()
    known = a_patient(session, keys, anamnesis={"previous_therapy_ended_on": recently})
    url = f"/api/patients/{known.id}"
    assert client.get(url).json["prior_therapy_within_two_years"] is True
    answer = change(client, known, anamnesis={"previous_therapy_ended_on": "2001-01-01"})
    assert answer.json["prior_therapy_within_two_years"] is False
    assert change(client, known, anamnesis=None).json["prior_therapy_within_two_years"] is None
