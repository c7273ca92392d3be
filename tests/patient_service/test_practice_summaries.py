"""What practices may read of a patient leaves through one endpoint, while the consent stands, and each time noted."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from patient_service.store.tables import FileAccess
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.patients import a_patient, consent
from tests.events import recorded

PATH = "/internal/practice-summaries"
SUMMARY = "Sucht Hilfe bei Panikattacken.\n\nKann vormittags."


def a_patient_with_summary(client: FlaskClient, session: Session, keys: Keys) -> tuple[UUID, str]:
    """A patient with a summary and the consent to it: their id and the address of the consent."""
    patient = a_patient(session, keys, practice_summary=SUMMARY)
    path = f"/api/patients/{patient.id}/consents"
    given = client.post(path, json=consent("practice_summary")).json
    return patient.id, f"{path}/{given['id']}"


@pytest.fixture
def communication(app: Flask) -> Any:
    """Asks for summaries as the communication service does."""

    def ask(*patient_ids: UUID, purpose: str = "letter 1") -> dict[str, str | None]:
        staff = app.extensions["sign_in"]
        machine = signed_in(app, Scope.PRACTICE_SUMMARIES_READ)
        ids = ",".join(map(str, patient_ids))
        # as HTTP carries UTF-8
        answer = machine.get(PATH, query_string={"ids": ids}, headers={"X-Purpose": purpose.encode().decode("latin-1")})
        app.extensions["sign_in"] = staff
        assert answer.status_code == 200, answer.text
        return {each["patient_id"]: each["practice_summary"] for each in answer.json["items"]}

    return ask


def reads(session: Session, patient_id: UUID) -> list[FileAccess]:
    wanted = select(FileAccess).where(FileAccess.patient_id == patient_id, FileAccess.action == "read")
    return list(session.scalars(wanted.order_by(FileAccess.id)))


def test_a_summary_leaves_only_while_its_consent_stands(
    client: FlaskClient, session: Session, keys: Keys, communication: Any
) -> None:
    with_consent, its_consent = a_patient_with_summary(client, session, keys)
    without = a_patient(session, keys, practice_summary=SUMMARY, last_name="Ohne").id
    other_consent = a_patient(session, keys, practice_summary=SUMMARY, last_name="Anders").id
    client.post(f"/api/patients/{other_consent}/consents", json=consent("health_data"))
    unknown = uuid4()
    assert communication(with_consent, without, other_consent, unknown) == {
        str(with_consent): SUMMARY,
        str(without): None,
        str(other_consent): None,
        str(unknown): None,
    }
    assert client.post(f"{its_consent}/withdraw").status_code == 200
    assert communication(with_consent) == {str(with_consent): None}
    client.post(its_consent.rpartition("/")[0], json=consent("practice_summary", given_on=clock.today().isoformat()))
    assert communication(with_consent) == {str(with_consent): SUMMARY}


def test_each_summary_that_left_is_noted_as_read_and_nothing_else(
    client: FlaskClient, session: Session, keys: Keys, communication: Any
) -> None:
    shown, its_consent = a_patient_with_summary(client, session, keys)
    kept = a_patient(session, keys, practice_summary=SUMMARY, last_name="Ohne").id
    communication(shown, kept, purpose="Brief für Frau Müller")
    (read,) = reads(session, shown)
    assert read.accessed_by is not None
    assert reads(session, kept) == []
    log = client.get(f"/api/patients/{shown}/access-log").json["items"]
    assert "Brief für Frau Müller" in [each["purpose"] for each in log]
    client.post(f"{its_consent}/withdraw")
    communication(shown)
    assert len(reads(session, shown)) == 1


def test_of_an_erased_patient_nothing_leaves(
    client: FlaskClient, session: Session, keys: Keys, communication: Any
) -> None:
    patient, _ = a_patient_with_summary(client, session, keys)
    session.execute(text("DELETE FROM data_keys"))
    session.expire_all()
    assert communication(patient) == {str(patient): None}


@pytest.mark.parametrize("ids", ["", "1", ",".join(str(uuid4()) for _ in range(21)), f"{uuid4()},"])
def test_ids_that_are_none_or_too_many_are_refused(app: Flask, ids: str) -> None:
    machine = signed_in(app, Scope.PRACTICE_SUMMARIES_READ)
    assert machine.get(PATH, query_string={"ids": ids}).status_code == 422
    assert machine.get(PATH).status_code == 422


@pytest.mark.parametrize("who", [Role.ADMIN, Role.COORDINATOR, Role.SERVICE, Scope.PATIENT_DATA_EXPORT])
def test_nobody_else_gets_a_summary_there(app: Flask, who: Role | Scope) -> None:
    assert signed_in(app, who).get(PATH, query_string={"ids": str(uuid4())}).status_code == 403


def test_others_learn_by_event_whether_there_is_one_and_never_what_it_says(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient, its_consent = a_patient_with_summary(client, session, keys)
    url = f"/api/patients/{patient}"
    client.patch(url, json={"practice_summary": None})
    client.patch(url, json={"practice_summary": SUMMARY})
    client.post(f"{its_consent}/withdraw")
    events = recorded(session, patient)
    assert [each["data"]["patient"]["has_practice_summary"] for each in events] == [False, True, False, True, False]
    assert "Panik" not in str(events)
