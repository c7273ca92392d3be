"""Who a patient is leaves for a practice that accepted, and an address for an e-mail: each with its consent, noted."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from patient_service.store import offers
from patient_service.store.tables import FileAccess
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.patients import a_patient, consent

IDENTITIES, ADDRESSES = "/internal/patient-identities", "/internal/patient-addresses"
FILE: dict[str, Any] = {
    "title": "Dr.",
    "first_name": "Erika",
    "last_name": "Musterfrau",
    "street": "Musterweg",
    "house_number": "1",
    "postal_code": "52062",
    "city": "Aachen",
    "phone": "0241 123456",
    "email": "erika@example.org",
    "contact_persons": [{"name": "Max Muster", "relation": "guardian", "phone": "0241 654321"}],
    "diagnoses": ["F32.1G"],
    "insurance_number": "T012345678",
    "practice_summary": "Panikattacken",
    "anamnesis": {"complaints": "Schlaflosigkeit"},
}


@pytest.fixture
def ask(app: Flask) -> Any:
    """Asks as the communication service does; returns the refusal and what was said."""

    def asked(path: str, patient: UUID, scope: Scope, **query: object) -> tuple[str | None, Any]:
        staff = app.extensions["sign_in"]
        machine = signed_in(app, scope)
        headers = {"X-Purpose": "letter 1"}
        answer = machine.get(f"{path}/{patient}", query_string=query, headers=headers)
        app.extensions["sign_in"] = staff
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json or {}
        return found["refusal"], found.get("identity") or found.get("addressee")

    return asked


def reads(session: Session, patient_id: UUID) -> int:
    wanted = select(FileAccess).where(FileAccess.patient_id == patient_id, FileAccess.action == "read")
    return len(session.scalars(wanted).all())


def test_who_it_is_leaves_only_for_an_offer_that_stands(
    client: FlaskClient, session: Session, keys: Keys, ask: Any
) -> None:
    patient, request = a_patient(session, keys, **FILE).id, uuid4()

    def identity(of: UUID = patient, by: UUID = request) -> tuple[str | None, Any]:
        found: tuple[str | None, Any] = ask(IDENTITIES, of, Scope.PATIENT_IDENTITIES_READ, placement_request_id=by)
        return found

    assert identity() == ("no_offer", None)
    offers.add(session, request, patient, clock.today())
    other = a_patient(session, keys, last_name="Andere").id
    assert [identity(other), identity(by=uuid4()), identity(uuid4())] == [
        ("no_offer", None),
        ("no_offer", None),
        ("not_known", None),
    ]
    assert reads(session, patient) == 0
    refusal, shown = identity()
    assert refusal is None
    assert shown == {
        **{name: FILE[name] for name in ("title", "first_name", "last_name", "street", "house_number")},
        **{name: FILE[name] for name in ("postal_code", "city", "phone", "email")},
        "contact_persons": [{"name": "Max Muster", "relation": "guardian", "phone": "0241 654321", "email": None}],
    }
    assert reads(session, patient) == 1
    given = client.post(f"/api/patients/{patient}/consents", json=consent("mandate")).json
    client.post(f"/api/patients/{patient}/consents/{given['id']}/withdraw")
    assert identity() == ("no_consent", None)
    session.execute(text("DELETE FROM data_keys"))
    offers.add(session, another := uuid4(), other, clock.today())
    session.expire_all()
    machine = signed_in(client.application, Scope.PATIENT_IDENTITIES_READ)
    unreadable = machine.get(f"{IDENTITIES}/{other}", query_string={"placement_request_id": str(another)})
    assert unreadable.status_code == 503, "the letter waits until the file is restored"


def test_an_address_leaves_only_with_the_consent_to_be_written_to(
    client: FlaskClient, session: Session, keys: Keys, ask: Any
) -> None:
    patient = a_patient(session, keys, **FILE).id
    nobody = a_patient(session, keys, last_name="Ohne", email=None).id
    unwritable = a_patient(session, keys, last_name="Jörg", email="jörg@example.org").id
    for each in (patient, nobody, unwritable):
        assert ask(ADDRESSES, each, Scope.PATIENT_ADDRESSES_READ) == ("no_consent", None)
    given = [
        client.post(f"/api/patients/{each}/consents", json=consent("patient_mail")).json
        for each in (patient, nobody, unwritable)
    ]
    for each in (nobody, unwritable):
        assert ask(ADDRESSES, each, Scope.PATIENT_ADDRESSES_READ) == ("no_address", None)
    refusal, shown = ask(ADDRESSES, patient, Scope.PATIENT_ADDRESSES_READ)
    assert (refusal, shown["email"], shown["last_name"]) == (None, "erika@example.org", "Musterfrau")
    assert shown.keys() == {"salutation", "title", "first_name", "last_name", "gender", "email", "consented_at"}
    assert shown["consented_at"] == given[0]["created_at"]
    assert reads(session, patient) == 1
    client.post(f"/api/patients/{patient}/consents/{given[0]['id']}/withdraw")
    assert ask(ADDRESSES, patient, Scope.PATIENT_ADDRESSES_READ) == ("no_consent", None)
    assert ask(ADDRESSES, uuid4(), Scope.PATIENT_ADDRESSES_READ) == ("not_known", None)


@pytest.mark.parametrize("who", [Role.ADMIN, Role.SERVICE, Scope.PRACTICE_SUMMARIES_READ])
def test_nobody_else_learns_who_it_is(app: Flask, who: Role | Scope) -> None:
    machine = signed_in(app, who)
    asked = [f"{IDENTITIES}/{uuid4()}?placement_request_id={uuid4()}", f"{ADDRESSES}/{uuid4()}"]
    assert [machine.get(path).status_code for path in asked] == [403, 403]
