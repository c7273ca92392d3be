"""Who did it: each effect of a request names the caller's account in the rows that it writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.domain import consents
from patient_service.domain.accesses import Reader
from patient_service.domain.schemas import NewConsent
from shared.database import new_id
from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, columns_that_name, effects_of, signed_in
from tests.builders.patients import (
    a_patient,
    a_patient_to_erase,
    a_patient_who_is,
    a_ready_patient,
    new_patient,
)
from tests.conftest import MONDAY

ASSIGNED = {"assigned_to": "0193a1b2-0000-7000-8000-000000000002"}
CONSENT = {"purpose": "mandate", "given_on": "2026-11-02", "text_version": "2"}
NOBODY = Reader(id=None, purpose=None)


def register(client: FlaskClient, _session: Session, _keys: Keys) -> Any:
    return client.post("/api/patients", json=new_patient())


def send_a_file(client: FlaskClient, _session: Session, keys: Keys) -> Any:
    content = "first_name,last_name\nErika,Erfunden\n"
    answer = client.post("/api/patient-imports", data=content, content_type="text/csv")
    while jobs.import_patients(keys, MONDAY):
        pass
    return answer


def change(client: FlaskClient, session: Session, keys: Keys) -> Any:
    return client.patch(f"/api/patients/{a_patient(session, keys).id}", json={"city": "Köln"})


def assign(client: FlaskClient, session: Session, keys: Keys) -> Any:
    selected = {"ids": [str(a_patient(session, keys).id)], "expected_total": 1}
    return client.post("/api/patients/bulk", json=selected | {"action": "assign"} | ASSIGNED)


def erase(client: FlaskClient, session: Session, keys: Keys) -> Any:
    patient = a_patient(session, keys)
    return client.delete(f"/api/patients/{patient.id}?confirm={patient.reference}")


def start_the_search(client: FlaskClient, session: Session, keys: Keys) -> Any:
    patient = a_ready_patient(session, keys)
    return client.post(f"/api/patients/{patient.id}/status", json={"status": "searching"})


def give_a_consent(client: FlaskClient, session: Session, keys: Keys) -> Any:
    return client.post(f"/api/patients/{a_patient(session, keys).id}/consents", json=CONSENT)


def in_crisis(session: Session, keys: Keys) -> str:
    known = a_patient(session, keys, anamnesis={"complaints": "Suizidgedanken"})
    return f"/api/patients/{known.id}/crisis"


def acknowledge_a_crisis(client: FlaskClient, session: Session, keys: Keys) -> Any:
    return client.post(f"{in_crisis(session, keys)}/acknowledge")


def flag_a_crisis(client: FlaskClient, session: Session, keys: Keys) -> Any:
    return client.post(f"{in_crisis(session, keys)}/flag", json={"reason": "Am Telefon gesagt."})


def clear_a_crisis(client: FlaskClient, session: Session, keys: Keys) -> Any:
    return client.post(f"{in_crisis(session, keys)}/clear", json={"reason": "Ein Irrtum."})


def withdraw_the_mandate(client: FlaskClient, session: Session, keys: Keys) -> Any:
    """With it the search pauses: that is the same person's act."""
    patient = a_patient_who_is(session, keys, "searching")
    given = consents.give(session, keys, patient.id, NewConsent.from_json(CONSENT), reader=NOBODY, now=MONDAY)
    return client.post(f"/api/patients/{patient.id}/consents/{given.id}/withdraw")


def keep_a_file(client: FlaskClient, session: Session, keys: Keys) -> Any:
    patient = a_patient_to_erase(session, keys)
    return client.post(f"/api/patients/{patient.id}/erasure/decline", json={"reason": "Es gibt eine Klage."})


def merge_two_files(client: FlaskClient, session: Session, keys: Keys) -> Any:
    kept, other = a_patient_who_is(session, keys, "searching"), a_patient(session, keys, first_name="Erica")
    return client.post(f"/api/patients/{kept.id}/merge", json={"duplicate_id": str(other.id)})


Act = Callable[[FlaskClient, Session, Keys], Any]
ACTS: dict[str, tuple[Act, set[str]]] = {
    "POST /api/patients": (
        register,
        {"patients.registered_by", "patients.updated_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patient-imports": (
        send_a_file,
        {
            "patient_imports.started_by",
            "patient_imports.updated_by",
            "patients.registered_by",
            "patients.updated_by",
            "file_accesses.accessed_by",
        },
    ),
    "POST /api/patients/bulk": (assign, {"patients.updated_by", "file_accesses.accessed_by"}),
    "PATCH /api/patients/<id>": (change, {"patients.updated_by", "file_accesses.accessed_by"}),
    "POST /api/patients/<id>/merge": (
        merge_two_files,
        {"patients.updated_by", "status_changes.changed_by", "file_accesses.accessed_by"},
    ),
    "DELETE /api/patients/<id>": (
        erase,
        {"patients.updated_by", "erasures.requested_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patients/<id>/status": (
        start_the_search,
        {"patients.updated_by", "status_changes.changed_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patients/<id>/erasure/decline": (
        keep_a_file,
        {"patients.updated_by", "status_changes.changed_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patients/<id>/crisis/acknowledge": (
        acknowledge_a_crisis,
        {"patients.updated_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patients/<id>/crisis/flag": (flag_a_crisis, {"patients.updated_by", "file_accesses.accessed_by"}),
    "POST /api/patients/<id>/crisis/clear": (clear_a_crisis, {"patients.updated_by", "file_accesses.accessed_by"}),
    "POST /api/patients/<id>/consents": (
        give_a_consent,
        {"consents.recorded_by", "patients.updated_by", "file_accesses.accessed_by"},
    ),
    "POST /api/patients/<id>/consents/<consent_id>/withdraw": (
        withdraw_the_mandate,
        {"consents.withdrawn_by", "patients.updated_by", "status_changes.changed_by", "file_accesses.accessed_by"},
    ),
}


@pytest.mark.parametrize("operation", ACTS)
def test_an_effect_names_the_caller(
    operation: str, app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    act, expected = ACTS[operation]
    answer = act(signed_in(app, Role.ADMIN), session, keys)
    assert answer.status_code in (200, 201, 202), answer.json
    assert columns_that_name(session, ANNA) == expected
    assert answer.json.get("updated_by", str(ANNA)) == str(ANNA)


@pytest.mark.parametrize("operation", ACTS)
def test_without_accounts_nobody_is_named(operation: str, client: FlaskClient, session: Session, keys: Keys) -> None:
    act, _ = ACTS[operation]
    answer = act(client, session, keys)
    assert answer.status_code in (200, 201, 202)
    assert answer.json.get("updated_by") is None


def test_every_effect_of_this_service_is_among_them(service: str) -> None:
    assert set(ACTS) == effects_of(service)


def test_what_the_platform_does_by_itself_names_nobody(
    app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    """The end of a pause is counted like a change, and who paused is named in the history only."""
    patient = a_patient_who_is(session, keys, "searching")
    staff = signed_in(app, Role.COORDINATOR)
    url = f"/api/patients/{patient.id}"
    paused = staff.post(f"{url}/status", json={"status": "paused", "paused_until": "2099-01-01"}).json
    assert paused["updated_by"] == str(ANNA)
    jobs.end_pauses(keys, MONDAY.replace(year=2099))
    shown = staff.get(url).json
    assert (shown["status"], shown["updated_by"], shown["version"]) == ("searching", None, paused["version"] + 1)
    history = staff.get(f"{url}/history").json["items"]
    assert [entry["by"] for entry in history[-2:]] == [str(ANNA), None]


def test_who_changed_it_last_cannot_be_written(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys)
    mine: dict[str, UUID] = {"updated_by": new_id(), "registered_by": new_id()}
    for field, value in mine.items():
        refused = client.patch(f"/api/patients/{patient.id}", json={field: str(value)})
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)
    assert client.post("/api/patients", json=new_patient(updated_by=str(ANNA))).status_code == 422
