"""What a patient agreed to, and what follows from taking it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.runtime import clock
from shared.security.encryption import Keys
from tests.builders.patients import a_patient, a_patient_who_is, a_ready_patient, consent
from tests.events import recorded


def published_block(session: Session, patient_id: object) -> str | None:
    block: str | None = recorded(session, patient_id)[-1]["data"]["patient"]["diagnosis_block"]
    return block


def test_a_consent_is_recorded_shown_and_withdrawn(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    answer = client.post(f"{url}/consents", json=consent("patient_mail"))
    assert answer.status_code == 201
    given = answer.json
    assert answer.headers["Location"] == f"{url}/consents/{given['id']}"
    assert client.get(answer.headers["Location"]).json == given
    assert given["created_at"].startswith(str(clock.today().year))
    assert given == consent("patient_mail") | {
        "id": given["id"],
        "created_at": given["created_at"],
        "recorded_by": None,
        "withdrawn_on": None,
        "withdrawn_by": None,
    }
    assert abs(datetime.fromisoformat(given["created_at"]) - clock.now()) < timedelta(minutes=1)
    shown = client.get(url).json
    assert (shown["consents"], shown["version"]) == ([given], 2)
    withdrawn = client.post(f"{url}/consents/{given['id']}/withdraw")
    assert (withdrawn.status_code, withdrawn.json["withdrawn_on"]) == (200, clock.today().isoformat())
    assert client.get(url).json["consents"] == [withdrawn.json]
    assert client.post(f"{url}/consents/{given['id']}/withdraw").status_code == 409


def test_the_block_of_the_diagnosis_is_published_only_while_the_patient_consents(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys, diagnoses=["Z73", "F41.0A", "F32.1G"])
    url = f"/api/patients/{known.id}"
    client.post(f"{url}/consents", json=consent("mandate"))
    assert published_block(session, known.id) is None
    given = client.post(f"{url}/consents", json=consent("health_data")).json
    assert published_block(session, known.id) == "F30-F39"
    client.patch(url, json={"diagnoses": ["F41.0"]})
    assert published_block(session, known.id) == "F40-F48"
    client.post(f"{url}/consents/{given['id']}/withdraw")
    assert published_block(session, known.id) is None
    client.post(f"{url}/consents", json=consent("health_data", given_on=clock.today().isoformat()))
    assert published_block(session, known.id) == "F40-F48"


def test_a_withdrawn_mandate_blocks_the_search_until_a_new_one_is_given(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_ready_patient(session, keys).id}"
    assert client.get(f"{url}/readiness").json["ready"] is True
    given = client.post(f"{url}/consents", json=consent("mandate")).json
    assert client.get(f"{url}/readiness").json["ready"] is True
    client.post(f"{url}/consents/{given['id']}/withdraw")
    assert client.get(f"{url}/readiness").json["missing"] == ["mandate_withdrawn"]
    refused = client.post(f"{url}/status", json={"status": "searching"})
    assert [error["field"] for error in refused.json["errors"]] == ["mandate_withdrawn"]
    client.post(f"{url}/consents", json=consent("mandate", given_on=clock.today().isoformat()))
    assert client.get(f"{url}/readiness").json["ready"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"purpose": "everything", "given_on": "2026-01-02", "text_version": "1"},
        {"purpose": "mandate", "given_on": "2026-01-02"},
        {"purpose": "mandate", "text_version": "1"},
        consent("mandate", given_on=(clock.today() + timedelta(days=2)).isoformat()),
        consent("mandate", withdrawn_on="2026-01-03"),
        # they stay when everything else about the patient is erased
        *(consent("mandate", text_version=each) for each in ("Frau Marker, depressiv", "depressiv", "1 Marker", "")),
    ],
)
def test_a_consent_that_cannot_be_is_refused(
    client: FlaskClient, session: Session, keys: Keys, wrong: dict[str, str]
) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    assert client.post(f"{url}/consents", json=wrong).status_code == 422
    assert client.get(url).json["consents"] == []


def test_a_consent_belongs_to_its_patient(client: FlaskClient, session: Session, keys: Keys) -> None:
    one, other = (f"/api/patients/{a_patient(session, keys).id}" for _ in range(2))
    given = client.post(f"{one}/consents", json=consent("mandate")).json
    for unknown in (f"{other}/consents/{given['id']}", f"{one}/consents/{uuid4()}"):
        assert client.get(unknown).status_code == 404
        assert client.post(f"{unknown}/withdraw").status_code == 404


def test_the_same_key_records_and_withdraws_once(client: FlaskClient, session: Session, keys: Keys) -> None:
    url, headers = f"/api/patients/{a_patient(session, keys).id}", {"Idempotency-Key": "k"}
    first, again = (client.post(f"{url}/consents", json=consent("mandate"), headers=headers) for _ in range(2))
    assert first.json == again.json
    withdraw = f"{url}/consents/{first.json['id']}/withdraw"
    assert [client.post(withdraw, headers=headers).status_code for _ in range(2)] == [200, 200]
    assert len(client.get(url).json["consents"]) == 1


def test_withdrawing_the_mandate_pauses_a_running_search(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient_who_is(session, keys, "searching")
    url = f"/api/patients/{patient.id}"
    given = client.post(f"{url}/consents", json=consent("mandate")).json
    assert client.get(url).json["status"] == "searching"
    client.post(f"{url}/consents/{given['id']}/withdraw")
    paused = client.get(url).json
    assert (paused["status"], paused["paused_until"]) == ("paused", None)
    assert recorded(session, patient.id)[-1]["type"] == "patient.status_changed"
    refused = client.post(f"{url}/status", json={"status": "searching"})
    assert refused.status_code == 409
    assert [error["field"] for error in refused.json["errors"]] == ["mandate_withdrawn"]


@pytest.mark.parametrize("purpose", ["mandate", "health_data"])
def test_withdrawing_one_of_two_records_withdraws_what_the_patient_agreed_to(
    client: FlaskClient, session: Session, keys: Keys, purpose: str
) -> None:
    """A double click, or two members of staff, record the same consent twice; the patient withdraws it once."""
    patient = a_patient_who_is(session, keys, "searching")
    url = f"/api/patients/{patient.id}"
    first, _second = (client.post(f"{url}/consents", json=consent(purpose)).json for _ in range(2))
    other = client.post(f"{url}/consents", json=consent("patient_mail")).json
    assert client.post(f"{url}/consents/{first['id']}/withdraw").status_code == 200
    shown = client.get(url).json
    assert [each["withdrawn_on"] is None for each in shown["consents"]] == [False, False, True]
    assert shown["consents"][2] == other
    assert (shown["status"] == "paused") == (purpose == "mandate")
    assert published_block(session, patient.id) is None


def test_a_consent_from_before_a_withdrawal_does_not_stand_again(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient(session, keys).id}"
    given = client.post(f"{url}/consents", json=consent("health_data")).json
    client.post(f"{url}/consents/{given['id']}/withdraw")
    late = client.post(f"{url}/consents", json=consent("health_data", given_on="2026-01-03"))
    assert (late.status_code, [error["field"] for error in late.json["errors"]]) == (422, ["given_on"])
    assert client.post(f"{url}/consents", json=consent("patient_mail")).status_code == 201
    today = clock.today().isoformat()
    assert client.post(f"{url}/consents", json=consent("health_data", given_on=today)).status_code == 201
