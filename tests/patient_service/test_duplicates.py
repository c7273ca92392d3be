"""The same person is not entered twice by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from patient_service.domain import patients
from patient_service.store import queries
from patient_service.store.tables import Patient
from shared.database import new_id
from shared.security.encryption import Keys
from shared.values.identifiers import BITS_OF_SYMBOL, LEGIBLE
from tests.builders.patients import a_patient, new_patient
from tests.events import recorded


def test_the_same_name_and_date_of_birth_are_suspected_and_can_be_forced(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys, first_name="Jörg", last_name="Müller-Weiß")
    body = new_patient(first_name="joerg", last_name="Mueller Weiss")
    answer = client.post("/api/patients", json=body)
    assert (answer.status_code, answer.json["code"]) == (409, "patient.suspected_duplicate")
    assert known.reference in answer.json["detail"]
    assert known.reference in answer.json["errors"][0]["message"]
    assert len(recorded(session)) == 1
    assert client.post("/api/patients?force=true", json=body).status_code == 201


@pytest.mark.parametrize(
    "other",
    [
        {"date_of_birth": "1990-05-18", "house_number": "2"},
        {"date_of_birth": "1990-05-18", "postal_code": "52064"},
        {"date_of_birth": None, "street": None},
        {"first_name": "Peter"},
        {"last_name": "Herbstwind"},
    ],
)
def test_another_name_or_another_birth_and_address_is_another_person(
    client: FlaskClient, session: Session, keys: Keys, other: dict[str, Any]
) -> None:
    a_patient(session, keys)
    assert client.post("/api/patients", json=new_patient(**other)).status_code == 201


BORN_ELSEWHEN = {"date_of_birth": "1980-01-01"}
MOVED = {"street": "Anderswo", "house_number": "7"}


@pytest.mark.parametrize(
    ("known", "new", "why"),
    [
        ({}, MOVED, ["name", "date_of_birth"]),
        ({}, BORN_ELSEWHEN, ["name", "address"]),
        ({}, {}, ["name", "date_of_birth", "address"]),
        ({}, {"first_name": "Erica", **MOVED}, ["similar_name", "date_of_birth"]),
        ({}, {"last_name": "Erfundn", **BORN_ELSEWHEN}, ["similar_name", "address"]),
        ({"last_name": "Meyer"}, {"last_name": "Maier", **MOVED}, ["similar_name", "date_of_birth"]),
        ({"last_name": "Schmidt"}, {"last_name": "Schmitt", **BORN_ELSEWHEN}, ["similar_name", "address"]),
        ({}, {"first_name": "Erfunden", "last_name": "Erika", **MOVED}, ["similar_name", "date_of_birth"]),
        ({"first_name": "Erika Anna"}, MOVED, ["similar_name", "date_of_birth"]),
        ({"last_name": "von der Heide"}, {"last_name": "Heide", **MOVED}, ["similar_name", "date_of_birth"]),
        (
            {"street": "Lange Straße", "house_number": "7 a"},
            {"street": "Lange Str.", "house_number": "7A", **BORN_ELSEWHEN},
            ["name", "address"],
        ),
        (
            {"street": "Lange Straße 7", "house_number": None},
            {"street": "Langestrasse", "house_number": "7", **BORN_ELSEWHEN},
            ["name", "address"],
        ),
        ({"date_of_birth": None}, {}, ["name", "address"]),
    ],
)
def test_who_sounds_alike_with_the_same_birth_or_address_is_suspected(
    client: FlaskClient, session: Session, keys: Keys, known: dict[str, Any], new: dict[str, Any], why: list[str]
) -> None:
    first = a_patient(session, keys, **known)
    answer = client.post("/api/patients", json=new_patient(**new))
    assert (answer.status_code, answer.json["code"]) == (409, "patient.suspected_duplicate")
    assert answer.json["candidates"] == [{"id": str(first.id), "reference": first.reference, "why": why}]
    assert len(recorded(session)) == 1
    assert client.post("/api/patients?force=true", json=new_patient(**new)).status_code == 201


def test_every_candidate_is_named_and_their_files_note_it(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = [a_patient(session, keys, **MOVED), a_patient(session, keys, **BORN_ELSEWHEN)]
    answer = client.post("/api/patients", json=new_patient())
    assert {each["id"]: each["why"] for each in answer.json["candidates"]} == {
        str(known[0].id): ["name", "date_of_birth"],
        str(known[1].id): ["name", "address"],
    }
    for each in known:
        assert client.get(f"/api/patients/{each.id}/access-log").json["items"][0]["action"] == "read"


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"last_name": "Herbstwind"}, {"last_name": "Erfunden"}),
        ({"last_name": "Herbstwind"}, {"last_name": "Ervunden"}),
        ({**BORN_ELSEWHEN, **MOVED}, {"date_of_birth": "1990-05-17"}),
        ({**BORN_ELSEWHEN, **MOVED}, {"street": "Musterweg", "house_number": "1"}),
        ({**BORN_ELSEWHEN, "postal_code": "52064"}, {"postal_code": "52062"}),
    ],
)
def test_a_change_that_makes_two_people_alike_is_suspected(
    client: FlaskClient, session: Session, keys: Keys, before: dict[str, Any], change: dict[str, Any]
) -> None:
    known = a_patient(session, keys)
    url = f"/api/patients/{a_patient(session, keys, **before).id}"
    answer = client.patch(url, json=change)
    assert (answer.status_code, answer.json["code"]) == (409, "patient.suspected_duplicate")
    assert [each["id"] for each in answer.json["candidates"]] == [str(known.id)]
    assert client.patch(f"{url}?force=true", json=change).status_code == 200
    # who was said to be somebody else is not suspected again for another change
    assert client.patch(url, json={"city": "Bonn", "phone": "0241 123456"}).status_code == 200


def test_whom_a_change_made_alike_is_found_by_the_next_registration(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient(session, keys, **MOVED, **BORN_ELSEWHEN).id}"
    assert client.post("/api/patients", json=new_patient()).status_code == 201
    assert client.patch(f"{url}?force=true", json={"street": "Musterweg", "house_number": "1"}).status_code == 200
    assert len(client.post("/api/patients", json=new_patient()).json["candidates"]) == 2


def test_who_has_the_insurance_number_is_a_candidate_too(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    body = new_patient(first_name="Someone", last_name="Else", insurance_number="A123456780")
    answer = client.post("/api/patients", json=body | BORN_ELSEWHEN | MOVED)
    why = ["insurance_number"]
    assert answer.json["candidates"] == [{"id": str(known.id), "reference": known.reference, "why": why}]


def test_the_table_itself_refuses_a_second_one_at_the_address(session: Session, keys: Keys) -> None:
    known = queries.patient(session, a_patient(session, keys).id)
    assert known is not None
    copy = {column.name: getattr(known, column.name) for column in Patient.__table__.columns}
    other = {"id": new_id(), "reference": "P-2222-22", "person_index": None}
    with pytest.raises(IntegrityError, match="uq_patients_address"), session.begin_nested():
        session.execute(insert(Patient).values(copy | other))


def test_an_insurance_number_is_unique_even_by_force(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    body = new_patient(first_name="Someone", last_name="Else", insurance_number="a123 456 780")
    for query in ("", "?force=true"):
        answer = client.post(f"/api/patients{query}", json=body)
        assert (answer.status_code, answer.json["code"]) == (409, "patient.already_known")
        assert answer.json["errors"][0]["field"] == "insurance_number"
        assert known.reference in answer.json["detail"]


def test_a_patch_cannot_take_another_patients_insurance_number(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys, insurance_number="A123456780")
    other = a_patient(session, keys)
    answer = client.patch(f"/api/patients/{other.id}", json={"insurance_number": "A123456780"})
    assert answer.status_code == 409
    assert known.reference in answer.json["detail"]
    assert client.patch(f"/api/patients/{other.id}", json={"insurance_number": "T012345678"}).status_code == 200
    assert client.patch(f"/api/patients/{known.id}", json={"insurance_number": None}).status_code == 200


def test_patients_without_insurance_number_or_date_of_birth_are_no_duplicates(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    a_patient(session, keys, date_of_birth=None)
    a_patient(session, keys, date_of_birth=None)
    assert client.get("/api/patients").json["total"] == 2


def test_the_table_itself_refuses_a_second_insurance_number(session: Session, keys: Keys) -> None:
    known = queries.patient(session, a_patient(session, keys, insurance_number="A123456780").id)
    assert known is not None
    copy = {column.name: getattr(known, column.name) for column in Patient.__table__.columns}
    with pytest.raises(IntegrityError, match="uq_patients_insurance_number_index"), session.begin_nested():
        session.execute(insert(Patient).values(copy | {"id": new_id(), "reference": "P-2222-22"}))


def test_a_reference_that_is_taken_is_drawn_again(
    session: Session, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Chance:
        symbols = iter("AAB")

        def getrandbits(self, count: int) -> int:
            symbol = LEGIBLE.index(next(self.symbols))
            return sum(symbol << BITS_OF_SYMBOL * place for place in range(count // BITS_OF_SYMBOL))

    monkeypatch.setattr(patients, "CHANCE", Chance())
    assert [a_patient(session, keys).reference for _ in range(2)] == ["P-AAAA-AA", "P-BBBB-BB"]
