"""What services ask each other for, between real processes that sign in: summaries for practices, and an export."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from operations.export_document import FILE
from testkit.api_client import ApiClient, Document
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, status_becomes

SUMMARY = "Panikattacken beim Busfahren"


def consent_to_summary(api: ApiClient, patient: Document) -> str:
    """The path of the patient's consent."""
    path = f"/api/patients/{patient['id']}/consents"
    given = {"purpose": "practice_summary", "given_on": patient["registered_on"], "text_version": "2026-01"}
    return f"{path}/{api.post('patient', path, given)['id']}"


def exported(api: ApiClient, patient: Document, accept: str = "application/json") -> requests.Response:
    headers = {**api.tokens.headers(), "Accept": accept, "X-Purpose": "Auskunft"}
    return requests.get(api.url("patient", f"/api/patients/{patient['id']}/export"), headers=headers, timeout=60)


def test_all_that_is_held_is_exported_and_a_service_that_is_away_is_named(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    practice = a_therapist(api)
    patient = a_searching_patient(api, practice_summary=SUMMARY)
    other = a_searching_patient(api, gender="male", date_of_birth="1950-01-01")
    consent_to_summary(api, patient)
    (request,) = asked(api, patient, practice)
    asked(api, other, practice)
    status_becomes(api, request, "contacted")
    answer = exported(api, patient)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    Draft202012Validator(json.loads(FILE.read_text())).validate(document)
    (letter,) = document["communication_service"]["emails"]
    assert SUMMARY in letter["body_text"]
    assert other["reference"] not in answer.text
    assert [each["id"] for each in document["matching_service"]["placement_requests"]] == [request["id"]]
    assert [each["postal_code"] for each in document["geocoding_service"]["located_addresses"]] == ["95028"]
    log = document["patient_service"]["access_log"]
    assert log[-1]["action"] == "exported"
    assert f"letter {letter['id']}" in [each["purpose"] for each in log]
    files = zipfile.ZipFile(io.BytesIO(exported(api, patient, "application/zip").content))
    assert [name.rpartition("_")[2] for name in files.namelist()] == ["export.json", f"{letter['id']}.eml"]
    platform.process("matching_service.web").kill()
    refused = exported(api, patient)
    assert (refused.status_code, refused.json()["services"]) == (503, ["matching_service"])
    assert patient["last_name"] not in refused.text
    platform.process("matching_service.web").start()
    api.until(lambda: exported(api, patient).status_code == 200, "the export to be whole again")


def test_a_withdrawn_consent_is_off_the_call_sheet_at_once(api: ApiClient) -> None:
    practice = a_therapist(api, email=None, contact_preference="phone_only")
    patient = a_searching_patient(api, practice_summary=SUMMARY)
    consent = consent_to_summary(api, patient)
    asked(api, patient, practice)

    def sheet() -> Any:
        calls = api.get("communication", "/api/phone-calls", therapist_id=practice["id"])["items"]
        return calls and api.get("communication", f"/api/phone-calls/{calls[0]['id']}")

    def summary() -> str | None:
        shown = sheet()
        return shown["patients"][0]["practice_summary"] if shown else None

    api.until(lambda: summary() == SUMMARY, "the call sheet to say what the practice may know")
    began = time.monotonic()
    api.post("patient", f"{consent}/withdraw", {})
    assert summary() is None
    assert time.monotonic() - began < 5
    purposes = [each["purpose"] for each in api.get("patient", f"/api/patients/{patient['id']}/access-log")["items"]]
    assert any((each or "").startswith("call ") for each in purposes)


@pytest.mark.parametrize(
    "path", ["/internal/practice-summaries", "/internal/patient-data/x", "/patient_service/internal/x"]
)
def test_the_gateway_passes_on_nothing_that_is_between_services(platform: PrivatePlatform, path: str) -> None:
    gateway = f"http://127.0.0.1:{platform.settings['GATEWAY_PORT']}"
    assert requests.get(f"{gateway}{path}", timeout=20).status_code == 404
