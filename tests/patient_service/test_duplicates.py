"""The same person is not entered twice by mistake."""

from __future__ import annotations

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
    [{"date_of_birth": "1990-05-18"}, {"first_name": "Erik"}, {"last_name": "Erfundene"}, {"date_of_birth": None}],
)
def test_another_name_or_date_of_birth_is_another_person(
    client: FlaskClient, session: Session, keys: Keys, other: dict[str, str]
) -> None:
    a_patient(session, keys)
    assert client.post("/api/patients", json=new_patient(**other)).status_code == 201


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
