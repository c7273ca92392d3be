"""Patients over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.security.encryption import Keys
from tests.builders.patients import a_patient, new_patient
from tests.events import recorded

TOMORROW = (clock.today() + timedelta(days=2)).isoformat()


def test_a_new_patient_is_shown_as_entered(client: FlaskClient) -> None:
    entered = new_patient(
        first_name="  Zoë ",
        last_name="Tietz -Roder",
        phone="0241 123456",
        insurance_number="a 123 456 780",
        availability={"monday": [{"start": "09:00", "end": "12:00"}]},
        contact_persons=[{"name": "Otto Erfunden", "relation": "guardian", "email": "otto@example.org"}],
        excluded_therapist_ids=[str(uuid4())],
        health_insurer_ik="109519005",
    )
    answer = client.post("/api/patients", json=entered)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    shown = answer.json
    assert answer.headers["Location"].endswith(f"/api/patients/{shown['id']}")
    assert re.fullmatch(r"P-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{2}", shown["reference"])
    put_right = {
        "first_name": "Zoë",
        "phone": "0241 123456",
        "insurance_number": "A123456780",
        "contact_persons": [entered["contact_persons"][0] | {"phone": None}],
    }
    assert {name: shown[name] for name in entered} == entered | put_right
    assert shown["status"] == "open"
    assert shown["registered_on"] == clock.today().isoformat()
    assert shown["age_groups"] == ["adult"]
    assert client.get(f"/api/patients/{shown['id']}").json == shown


def test_a_new_patient_is_published_as_a_pseudonym(client: FlaskClient, session: Session) -> None:
    shown = client.post("/api/patients", json=new_patient()).json
    (event,) = recorded(session, shown["id"])
    assert (event["type"], event["sequence"]) == ("patient.registered", 1)
    published = event["data"]["patient"]
    age = clock.today().year - 1990 - (clock.today().strftime("%m-%d") < "05-17")
    assert (published["reference"], published["postal_code"], published["age"]) == (shown["reference"], "52062", age)
    assert published["max_distance_km"] == 25
    assert published["diagnosis_block"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"last_name": None}, "last_name"),
        ({"last_name": "  "}, "last_name"),
        ({"first_name": 7}, "first_name"),
        ({"colour": "red"}, "colour"),
        ({"reference": "P-2222-22"}, "reference"),
        ({"status": "searching"}, "status"),
        ({"first_place_on": "2026-01-01"}, "first_place_on"),
        ({"date_of_birth": "1990-02-30"}, "date_of_birth"),
        ({"date_of_birth": 0}, "date_of_birth"),
        ({"date_of_birth": "1066-10-14"}, "date_of_birth"),
        ({"date_of_birth": TOMORROW}, "date_of_birth"),
        ({"registered_on": TOMORROW}, "registered_on"),
        ({"search_started_on": TOMORROW}, "search_started_on"),
        ({"last_contact_on": TOMORROW}, "last_contact_on"),
        ({"gender": "other"}, "gender"),
        ({"postal_code": "5206"}, "postal_code"),
        ({"email": "erika"}, "email"),
        ({"phone": "abends"}, "phone"),
        ({"insurance_number": "A123456789"}, "insurance_number"),
        ({"health_insurer_ik": "109519006"}, "health_insurer_ik"),
        ({"diagnoses": ["depression"]}, "diagnoses.0"),
        ({"diagnoses": "F32.1"}, "diagnoses"),
        ({"contracts_signed": "yes"}, "contracts_signed"),
        ({"max_distance_km": -1}, "max_distance_km"),
        ({"max_travel_minutes": 1.5}, "max_travel_minutes"),
        ({"preferred_procedures": ["XX"]}, "preferred_procedures.0"),
        ({"languages": ["german"]}, "languages.0"),
        ({"excluded_therapist_ids": ["x"]}, "excluded_therapist_ids.0"),
        ({"contact_persons": [{"relation": "guardian"}]}, "contact_persons.0.name"),
        ({"availability": {"monday": [{"start": "12:00", "end": "09:00"}]}}, "availability"),
    ],
)
def test_garbage_is_refused_field_by_field(
    client: FlaskClient, session: Session, wrong: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/patients", json=new_patient(**wrong))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert recorded(session) == []


def test_what_is_no_json_object_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/patients", data="{", content_type="application/json").status_code == 400
    assert client.post("/api/patients", json=[]).status_code == 422
    assert client.post("/api/patients", data="a=b").status_code == 415
    assert client.post("/api/patients?force=perhaps", json=new_patient()).status_code == 422


def test_only_a_name_is_needed(client: FlaskClient) -> None:
    shown = client.post("/api/patients", json={"first_name": "Null", "last_name": "Ng"}).json
    assert (shown["gender"], shown["travel_mode"], shown["preferred_therapist_gender"]) == ("unknown", "car", "any")
    assert shown["age_groups"] == []


def test_the_same_key_enters_a_patient_once(client: FlaskClient, session: Session) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/patients", json=new_patient(), headers=headers)
    again = client.post("/api/patients", json=new_patient(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["id"] == again.json["id"]
    assert len(recorded(session)) == 1
    assert client.post("/api/patients", json=new_patient(city="Köln"), headers=headers).status_code == 422


def test_a_patch_changes_clears_and_counts(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, phone="0241 123456")
    answer = client.patch(f"/api/patients/{known.id}", json={"phone": None, "postal_code": "50667", "title": "Dr."})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    shown = client.get(f"/api/patients/{known.id}").json
    assert (shown["phone"], shown["postal_code"], shown["title"]) == (None, "50667", "Dr.")
    assert shown["last_name"] == "Erfunden"
    events = recorded(session, known.id)
    assert [(e["type"], e["sequence"]) for e in events] == [("patient.registered", 1), ("patient.updated", 2)]
    assert events[1]["data"]["patient"]["postal_code"] == "50667"


def test_a_patient_sent_back_as_shown_is_no_change(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    shown = client.get(f"/api/patients/{known.id}").json
    answer = client.patch(f"/api/patients/{known.id}", json=shown)
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    assert len(recorded(session, known.id)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "searching"},
        {"reference": "P-2222-22"},
        {"age_groups": []},
        {"consents": [{"purpose": "mandate"}]},
        {"first_place_on": "2026-01-01"},
        {"last_name": None},
        {"registered_on": None},
        {"registered_on": TOMORROW},
        {"colour": "red"},
    ],
)
def test_a_patch_refuses_what_cannot_be(
    client: FlaskClient, session: Session, keys: Keys, change: dict[str, Any]
) -> None:
    known = a_patient(session, keys)
    answer = client.patch(f"/api/patients/{known.id}", json=change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == list(change)
    assert client.get(f"/api/patients/{known.id}").json["version"] == 1


def test_a_lost_update_is_refused(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    assert client.patch(url, json={"city": "Köln"}, headers={"If-Match": '"1"'}).status_code == 200
    assert client.patch(url, json={"city": "Bonn"}, headers={"If-Match": '"1"'}).status_code == 412
    assert client.get(url).json["city"] == "Köln"


def test_a_patient_is_found_by_beginnings_of_the_name_and_by_reference(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys, first_name="Änne Marie", last_name="von der Tietz -Röder")
    a_patient(session, keys, first_name="Marie", last_name="Muster")

    def found(q: str) -> list[str]:
        page = client.get("/api/patients", query_string={"q": q}).json
        assert page["total"] == len(page["items"])
        return [p["id"] for p in page["items"]]

    for q in (
        "tietz",
        "RÖDER änne",
        "Tie",
        "röd Än",
        "mar tiet",
        "Roeder",
        "Tietz-Röder",
        "tie*",
        known.reference,
        known.reference.replace("-", "").lower(),
        f"{known.reference.lower()} tietz",
    ):
        assert found(q) == [str(known.id)], q
    assert len(found("marie")) == 2
    assert found("Ti") == found("ietz") == found("Tietzx") == []
    assert found("marie nobody") == []
    assert client.get("/api/patients", query_string={"q": " - "}).status_code == 422


@pytest.mark.parametrize(
    ("name", "q"),
    [
        ("Maier", "Meyer"),
        ("Schmidt", "schmitt"),
        ("Philipp", "Filip"),
        ("Yılmaz", "Jilmaz"),
        ("Müller", "Mueler"),
        ("Wolfeschlegelsteinhausenberger", "wolfeschlegelsteinhausen"),
        ("Wolfeschlegelsteinhausenberger", "wolfeschlegelsteinhausenberger"),
        ("Li", "li"),
    ],
)
def test_a_patient_is_found_by_what_sounds_like_a_word_of_the_name(
    client: FlaskClient, session: Session, keys: Keys, name: str, q: str
) -> None:
    known = a_patient(session, keys, last_name=name)
    a_patient(session, keys, first_name="Otto", last_name="Grabowski")
    assert [each["id"] for each in client.get("/api/patients", query_string={"q": q}).json["items"]] == [str(known.id)]


def test_a_word_that_could_be_a_reference_is_a_name_too(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, last_name="Petersen", first_name="Jansen")
    for q in ("Peterse", "jansen peterse"):
        found = client.get("/api/patients", query_string={"q": q}).json["items"]
        assert [each["id"] for each in found] == [str(known.id)], q


def test_a_patient_is_found_by_the_whole_insurance_number(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    a_patient(session, keys, insurance_number="T012345678")
    for q, number in (
        ("A123456780", 1),
        (" a 123 456 780 ", 1),
        ("Z987654321", 0),
        ("A12345678", 0),
        ("A123456789", 0),
    ):
        found = client.get("/api/patients", query_string={"q": q}).json["items"]
        assert [each["id"] for each in found] == [str(known.id)] * number, q
    (noted, *_) = client.get(f"/api/patients/{known.id}/access-log").json["items"]
    assert (noted["action"], noted["view"]) == ("listed", "full")


def test_what_is_searched_says_nothing_by_its_order_or_form(client: FlaskClient, session: Session, keys: Keys) -> None:
    a_patient(session, keys, first_name="Anna", last_name="Annas")
    (found,) = session.scalars(text("SELECT search_index FROM patients"))
    assert found == sorted(set(found))
    assert len(found) == len(["Ann", "Anna", "Annas", "#sound", "#sound", "reference", "born"])
    assert all(-(2**63) <= each < 2**63 and abs(each) > 2**40 for each in found)


@pytest.mark.parametrize("q", ["a b c d e f g h i j k", "a-b-c-d-e-f-g-h-i-j-k", "x " * 99])
def test_ten_words_are_enough(client: FlaskClient, q: str) -> None:
    answer = client.get("/api/patients", query_string={"q": q})
    assert (answer.status_code, answer.json["errors"]) == (
        422, [{"field": "q", "message": "must have at most 10 words"}],
    )  # fmt: skip
    assert client.get("/api/patients", query_string={"q": "a b c d e f g h i j"}).status_code == 200


def test_a_new_name_is_found_and_the_old_one_no_more(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, last_name="Ledig")
    client.patch(f"/api/patients/{known.id}", json={"last_name": "Verheiratet"})
    assert client.get("/api/patients?q=verheiratet").json["total"] == 1
    assert client.get("/api/patients?q=ledig").json["total"] == 0


def test_lists_are_paged_and_filtered(client: FlaskClient, session: Session, keys: Keys) -> None:
    patients = [a_patient(session, keys, postal_code=code) for code in ("52062", "52062", "50667")]
    page = client.get("/api/patients?postal_code=52062&limit=1").json
    assert (page["total"], page["limit"], page["offset"]) == (2, 1, 0)
    assert page["items"][0]["id"] == str(patients[1].id)
    assert client.get("/api/patients?limit=1&offset=2").json["items"][0]["id"] == str(patients[0].id)
    assert client.get("/api/patients?status=open").json["total"] == 3
    assert client.get("/api/patients?status=searching").json["total"] == 0
    for wrong in ("limit=201", "status=lost", "postal_code=1", "colour=red", "q="):
        assert client.get(f"/api/patients?{wrong}").status_code == 422, wrong


@pytest.mark.parametrize("path", ["", "/readiness", "/history", "/access-log"])
def test_an_unknown_patient_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/api/patients/{uuid4()}{path}").status_code == 404
    assert client.get(f"/api/patients/nonsense{path}").status_code == 404


def test_nothing_can_be_done_to_an_unknown_patient(client: FlaskClient) -> None:
    url = f"/api/patients/{uuid4()}"
    assert client.patch(url, json={"city": "Bonn"}).status_code == 404
    assert client.post(f"{url}/status", json={"status": "searching"}).status_code == 404
    consent = {"purpose": "mandate", "given_on": "2026-01-01", "text_version": "1"}
    assert client.post(f"{url}/consents", json=consent).status_code == 404
    assert client.post(f"{url}/consents/{uuid4()}/withdraw").status_code == 404
