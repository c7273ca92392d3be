"""Suicidal thoughts in a file raise a crisis in the same answer, and staff acknowledge it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import indexes
from patient_service.domain.indexes import CRISIS_INDEXES
from patient_service.domain.schemas import NewPatient
from patient_service.store.tables import Patient
from shared.runtime import metrics
from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.patients import a_patient, a_patient_to_erase, a_patient_who_is, new_patient
from tests.conftest import MONDAY
from tests.events import recorded

NUMBERS = ["112", "116117", "0800 1110111", "0800 1110222", "116123"]
NO_CRISIS: dict[str, Any] = {
    "flagged": False, "raised_at": None, "raised_by": None, "acknowledged_at": None, "acknowledged_by": None,
    "cleared_at": None, "cleared_by": None, "reason": None, "history": [], "contacts": [],
}  # fmt: skip
OTHER = UUID("0190aaaa-0000-7000-8000-000000000002")
SUICIDAL = {"complaints": "Seit Mai Suizidgedanken."}
WHY = {"reason": "Am Telefon besprochen."}


def numbers(answer: Any) -> list[str]:
    return [each["phone"] for each in answer.json["crisis"]["contacts"]]


def unacknowledged(client: FlaskClient) -> list[str]:
    answer = client.get("/api/patients?crisis=unacknowledged")
    assert answer.status_code == 200
    return [each["id"] for each in answer.json["items"]]


def test_who_answers_is_said_in_the_readers_language_and_may_be_sent_back_in_it(client: FlaskClient) -> None:
    """A client that sends back what it read changes nothing, whatever language it reads."""
    entered = client.post("/api/patients", json=new_patient(anamnesis=SUICIDAL)).json
    url, names = f"/api/patients/{entered['id']}", {"de": "Notruf", "en": "Emergency number"}
    for language, name in names.items():
        read = client.get(url, headers={"Accept-Language": language})
        assert read.json["crisis"]["contacts"][0]["name"] == name
        assert read.headers["Content-Language"] == language
        same = client.patch(url, json={"crisis": read.json["crisis"], "city": f"Ort {language}"})
        assert same.status_code == 200, same.json
    other = read.json["crisis"] | {"contacts": [{"name": "Hotline", "phone": "112"}]}
    refused = client.patch(url, json={"crisis": other})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    "said",
    [
        {"anamnesis": {"complaints": "Suizidgedanken"}},
        {"anamnesis": {"therapy_goals": "Nicht mehr an Selbstmord denken."}},
        {"anamnesis": {"reason_for_search": "will nicht mehr leben"}},
        {"anamnesis": {"previous_treatments": "2015 stationär nach Suizidversuch"}},
        {"consultation": {"recommendations": ["Akutbehandlung", "suizidal"]}},
        {"practice_summary": "Lebensmüde Gedanken"},
    ],
)
def test_suicidal_thoughts_are_answered_with_the_numbers_to_call(client: FlaskClient, said: dict[str, Any]) -> None:
    entered = client.post("/api/patients", json=new_patient(**said))
    assert entered.status_code == 201
    assert entered.json["crisis"]["flagged"] is True
    assert entered.json["crisis"]["raised_at"] is not None
    assert numbers(entered) == NUMBERS
    changed = client.patch(f"/api/patients/{entered.json['id']}", json={"city": "Bonn"})
    assert (changed.json["crisis"], numbers(changed)) == (entered.json["crisis"], NUMBERS)


NOTHING_FREE = {
    "first_name", "last_name", "date_of_birth", "postal_code", "email", "phone", "health_insurer_ik",
    "insurance_number", "diagnoses", "gender", "insurance_type", "travel_mode", "preferred_therapist_gender",
    "preferred_procedures", "languages", "assigned_to", "registered_on", "search_started_on", "last_contact_on",
    "excluded_therapist_ids", "availability", "contact_persons.name", "contact_persons.relation",
    "contact_persons.phone", "contact_persons.email", "consultation.held_on", "consultation.diagnoses",
    "consultation.placement_code", "anamnesis.previous_therapy_ended_on",
}  # fmt: skip
"""Fields that take a text in which nobody can say such a thing: a name, a code, a number, a day, a word of a list."""


def texts_of(schema: Any, document: Any) -> Iterator[str]:
    """The paths of fields in a JSON schema that take texts, singly or in a list."""
    schema = document["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
    if schema.get("type") == "string":
        yield ""
    for part in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from texts_of(part, document)
    for name, field in schema.get("properties", {}).items():
        for path in texts_of(field, document):
            yield f"{name}.{path}".rstrip(".")


def takes_texts() -> set[str]:
    document = NewPatient.model_json_schema()
    return set(texts_of(document, document))


FREE = sorted(path for path in takes_texts() if NOTHING_FREE.isdisjoint((path, path.partition(".")[0])))
LISTS = {"consultation.recommendations"}


def said_in(path: str, text: str) -> dict[str, Any]:
    outer, _, inner = path.partition(".")
    value = [text] if path in LISTS else text
    return {outer: {inner: value}} if inner else {outer: value}


def test_every_field_that_takes_texts_is_read_or_has_a_reason() -> None:
    assert takes_texts() | {path.partition(".")[0] for path in takes_texts()} >= NOTHING_FREE
    assert set(FREE) >= {"referred_by", "anamnesis.stressors", "consultation.recommendations"}


@pytest.mark.parametrize("path", FREE)
def test_whatever_people_write_about_a_patient_is_read(
    client: FlaskClient, session: Session, keys: Keys, path: str
) -> None:
    """A new field of free text is read without another word: nothing lists them."""
    entered = client.post("/api/patients", json=new_patient(**said_in(path, "nach Suizidversuch")))
    assert (entered.status_code, entered.json["crisis"]["flagged"]) == (201, True), entered.json
    other = a_patient(session, keys, last_name="Andere", **said_in(path, "ohne Befund"))
    changed = client.patch(f"/api/patients/{other.id}", json=said_in(path, "spricht von Suizid"))
    assert (changed.json["crisis"]["flagged"], numbers(changed)) == (True, NUMBERS)


@pytest.mark.parametrize("day", ["2026-01-02", None])
def test_the_reason_of_a_change_is_read(client: FlaskClient, session: Session, keys: Keys, day: str | None) -> None:
    """Also where nothing else changes: what somebody typed there is nowhere else."""
    patient = a_patient_who_is(session, keys, "searching")
    body = {"search_started_on": day or patient.search_started_on.isoformat(), "reason": "wartet, sagt: Suizidgedanken"}
    answer = client.patch(f"/api/patients/{patient.id}", json=body)
    assert (answer.status_code, answer.json["crisis"]["flagged"], numbers(answer)) == (200, True, NUMBERS)
    assert unacknowledged(client) == [str(patient.id)]


def test_a_purpose_that_is_the_reason_is_read_and_no_other(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    purpose = {"X-Purpose": "Suizidgedanken besprochen"}
    assert client.patch(url, json={"city": "Bonn"}, headers=purpose).json["crisis"]["flagged"] is False
    answer = client.patch(url, json={"search_started_on": "2026-01-02"}, headers=purpose)
    assert answer.json["crisis"]["flagged"] is True


def test_the_reason_to_keep_a_file_is_read(client: FlaskClient, session: Session, keys: Keys) -> None:
    patients = [a_patient_to_erase(session, keys, house_number=each).id for each in ("1", "2")]
    body = {"reason": "Angehörige berichten von einem Suizidversuch"}
    answer = client.post(f"/api/patients/{patients[0]}/erasure/decline", json=body)
    assert (answer.status_code, numbers(answer)) == (200, NUMBERS)
    many = {"ids": [str(patients[1])], "expected_total": 1, "action": "decline_erasure", **body}
    assert client.post("/api/patients/bulk", json=many).status_code == 200
    assert set(unacknowledged(client)) == set(map(str, patients))


def test_a_reason_that_speaks_of_them_raises_it_too(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    answer = client.post(f"{url}/status", json={"status": "paused", "reason": "Suizidgedanken, stationär aufgenommen"})
    assert (answer.json["status"], answer.json["crisis"]["flagged"], numbers(answer)) == ("paused", True, NUMBERS)
    client.post(f"{url}/crisis/acknowledge")
    answer = client.post(f"{url}/status", json={"status": "searching", "reason": "wieder zu Hause, nicht suizidal"})
    assert (answer.json["status"], unacknowledged(client)) == ("searching", [])
    assert client.get(url).json["crisis"] == answer.json["crisis"]


def test_without_them_there_is_no_crisis(client: FlaskClient) -> None:
    anamnesis = {"complaints": "Panik. Keine Suizidgedanken."}
    entered = client.post("/api/patients", json=new_patient(anamnesis=anamnesis))
    assert entered.json["crisis"] == NO_CRISIS
    assert unacknowledged(client) == []


def test_a_change_raises_it_in_the_same_answer(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, anamnesis={"complaints": "Panik"})
    answer = client.patch(f"/api/patients/{known.id}", json={"anamnesis": SUICIDAL})
    assert (answer.json["crisis"]["flagged"], numbers(answer)) == (True, NUMBERS)
    assert unacknowledged(client) == [str(known.id)]


def test_who_acknowledges_it_takes_it_off_the_list(client: FlaskClient, session: Session, keys: Keys) -> None:
    known, other = (a_patient(session, keys, anamnesis=SUICIDAL) for _ in range(2))
    a_patient(session, keys)
    assert set(unacknowledged(client)) == {str(known.id), str(other.id)}
    answer = client.post(f"/api/patients/{known.id}/crisis/acknowledge", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200
    assert answer.json["crisis"]["acknowledged_at"] is not None
    assert (answer.json["crisis"]["flagged"], numbers(answer)) == (True, NUMBERS)
    assert answer.headers["ETag"] == '"2"'
    assert unacknowledged(client) == [str(other.id)]
    again = client.post(f"/api/patients/{known.id}/crisis/acknowledge", headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    second = client.post(f"/api/patients/{known.id}/crisis/acknowledge")
    assert (second.status_code, second.json["code"]) == (409, "crisis.acknowledged_before")


def test_a_new_text_raises_it_again_and_an_old_one_does_not(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, anamnesis=SUICIDAL)
    url = f"/api/patients/{known.id}"
    client.post(f"{url}/crisis/acknowledge")
    client.patch(url, json={"anamnesis": {"stressors": "Umzug"}, "city": "Bonn"})
    assert unacknowledged(client) == []
    client.patch(url, json={"anamnesis": {"complaints": "Suizidgedanken jetzt täglich."}})
    assert unacknowledged(client) == [str(known.id)]


def test_only_people_take_it_back_and_say_why(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, anamnesis=SUICIDAL)
    url = f"/api/patients/{known.id}"
    answer = client.patch(url, json={"anamnesis": {"complaints": "Panik"}})
    assert answer.json["crisis"]["flagged"] is True
    for wrong in ({}, {"reason": " "}):
        assert client.post(f"{url}/crisis/clear", json=wrong).status_code == 422
    cleared = client.post(f"{url}/crisis/clear", json=WHY).json["crisis"]
    assert (cleared["flagged"], cleared["reason"], cleared["contacts"]) == (False, WHY["reason"], [])
    assert cleared["cleared_at"] is not None
    assert unacknowledged(client) == []
    for act, body in (("clear", WHY), ("acknowledge", None)):
        second = client.post(f"{url}/crisis/{act}", json=body) if body else client.post(f"{url}/crisis/{act}")
        assert (second.status_code, second.json["code"]) == (409, "crisis.not_flagged")


def test_people_raise_it_by_hand(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    url = f"/api/patients/{known.id}/crisis"
    answer = client.post(f"{url}/flag", json=WHY)
    assert (answer.json["crisis"]["flagged"], answer.json["crisis"]["reason"]) == (True, WHY["reason"])
    assert numbers(answer) == NUMBERS
    assert unacknowledged(client) == [str(known.id)]
    client.post(f"{url}/acknowledge")
    assert unacknowledged(client) == []
    client.post(f"{url}/flag", json=WHY)
    assert unacknowledged(client) == [str(known.id)]


@pytest.mark.parametrize("sent", [{"flagged": False}, None])
def test_a_patch_takes_no_crisis_back(client: FlaskClient, session: Session, keys: Keys, sent: Any) -> None:
    """A client that read the file before may send back what it was shown then."""
    known = a_patient(session, keys, anamnesis=SUICIDAL)
    answer = client.patch(f"/api/patients/{known.id}", json={"crisis": sent, "city": "Bonn"})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith("crisis")
    assert unacknowledged(client) == [str(known.id)]
    shown = client.get(f"/api/patients/{known.id}").json
    assert client.patch(f"/api/patients/{known.id}", json=shown).status_code == 200


def test_a_filter_has_one_value(client: FlaskClient) -> None:
    assert client.get("/api/patients?crisis=acknowledged").status_code == 422


def test_the_filter_goes_with_the_others(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, anamnesis=SUICIDAL, last_name="Herbstwind")
    a_patient(session, keys, anamnesis=SUICIDAL)
    (found,) = client.get("/api/patients?crisis=unacknowledged&q=herbstwind&status=open").json["items"]
    assert found["id"] == str(known.id)


def test_nothing_of_it_is_published(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    url = f"/api/patients/{known.id}"
    published = len(recorded(session))
    for act, body in (("flag", WHY), ("acknowledge", {"note": "Am Telefon."}), ("clear", WHY)):
        assert client.post(f"{url}/crisis/{act}", **({"json": body} if body else {})).status_code == 200
    assert len(recorded(session)) == published
    client.patch(url, json={"anamnesis": SUICIDAL})
    for event in recorded(session):
        assert "crisis" not in str(event).lower()
        assert "suizid" not in str(event).lower()


def test_no_row_shows_without_the_key_who_is_in_a_crisis(session: Session, keys: Keys) -> None:
    known = {a_patient(session, keys, anamnesis=SUICIDAL).id for _ in range(3)}
    for _ in range(20):
        a_patient(session, keys)
    rows = session.scalars(select(Patient)).all()
    assert {len(row.crisis_index) for row in rows} == {16}
    assert {row.id for row in rows if row.crisis_index in indexes.unacknowledged_crises(keys)} == known
    assert len(set(indexes.unacknowledged_crises(keys))) == CRISIS_INDEXES


def test_a_metric_counts_them_without_ids(session: Session, keys: Keys, client: FlaskClient) -> None:
    known = a_patient(session, keys, anamnesis=SUICIDAL)
    a_patient(session, keys, anamnesis=SUICIDAL)

    def figure() -> list[str]:
        assert jobs.count_crises(keys, MONDAY) == 0
        lines = metrics.exposition(None)[0].decode().splitlines()
        return [line for line in lines if line.startswith("platform_crises_unacknowledged")]

    assert figure() == ["platform_crises_unacknowledged 2.0"]
    client.post(f"/api/patients/{known.id}/crisis/acknowledge")
    assert figure() == ["platform_crises_unacknowledged 1.0"]


@pytest.mark.parametrize(
    ("act", "body", "who"),
    [("acknowledge", None, "acknowledged_by"), ("flag", WHY, "raised_by"), ("clear", WHY, "cleared_by")],
)
def test_the_file_says_who_acted(
    app: Flask, client: FlaskClient, session: Session, keys: Keys, act: str, body: Any, who: str
) -> None:
    url = f"/api/patients/{a_patient(session, keys, anamnesis=SUICIDAL).id}/crisis/{act}"
    sent = {"json": body} if body else {}
    answer = signed_in(app, Role.COORDINATOR).post(url, **sent)
    assert answer.json["crisis"][who] == str(ANNA)


def test_who_raised_acknowledged_and_cleared_it_stays_known(
    app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    """Each is overwritten in the present crisis by what comes next, and kept in its history."""
    known = a_patient(session, keys)
    url = f"/api/patients/{known.id}"
    anna = signed_in(app, Role.COORDINATOR)
    anna.patch(url, json={"anamnesis": SUICIDAL})
    anna.post(f"{url}/crisis/acknowledge", json={"note": "Suizidgedanken; Oberarzt gerufen."})
    other = signed_in(app, Role.COORDINATOR, id=OTHER)
    other.patch(url, json={"anamnesis": {"complaints": "Suizidgedanken jetzt täglich."}})
    other.post(f"{url}/crisis/acknowledge")
    other.post(f"{url}/crisis/clear", json={"reason": "Stabil."})
    other.post(f"{url}/crisis/flag", json={"reason": "Mutter rief an."})
    shown = other.post(f"{url}/status", json={"status": "search_aborted", "reason": "Suizid angekündigt"})
    assert other.get(url).json["crisis"] == shown.json["crisis"]
    history = shown.json["crisis"]["history"]
    assert [(each["what"], UUID(each["by"]), each["reason"]) for each in history] == [
        ("raised", ANNA, None),
        ("acknowledged", ANNA, "Suizidgedanken; Oberarzt gerufen."),
        ("raised", OTHER, None),
        ("acknowledged", OTHER, None),
        ("cleared", OTHER, "Stabil."),
        ("raised", OTHER, "Mutter rief an."),
        ("raised", OTHER, None),
    ]
    assert all(each["at"] for each in history)
    assert other.patch(url, json={"crisis": {"history": []}}).status_code == 422


def test_who_enters_a_patient_in_a_crisis_is_known(app: Flask, client: FlaskClient) -> None:
    entered = signed_in(app, Role.COORDINATOR).post("/api/patients", json=new_patient(anamnesis=SUICIDAL))
    assert [(each["what"], each["by"]) for each in entered.json["crisis"]["history"]] == [("raised", str(ANNA))]


def test_a_note_of_an_acknowledgement_is_a_text(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys, anamnesis=SUICIDAL).id}/crisis/acknowledge"
    for wrong in ({"note": " "}, {"note": 1}, {"reason": "weil"}):
        assert client.post(url, json=wrong).status_code == 422
    assert client.post(url, json={"note": None}).json["crisis"]["history"][-1]["reason"] is None


@pytest.mark.parametrize("act", ["acknowledge", "flag", "clear"])
def test_only_coordinators_act(app: Flask, client: FlaskClient, session: Session, keys: Keys, act: str) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}/crisis/{act}"
    answers = {role: signed_in(app, role).post(url).status_code for role in Role}
    assert {role for role, status in answers.items() if status != 403} == {Role.ADMIN, Role.COORDINATOR}
