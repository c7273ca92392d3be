"""What auditors read of the contacts with a practice: when, how, and what came of it; no free text."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from communication_service.store.tables import PhoneCall
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.communication import a_patient, a_practice_to_phone, a_request, composed, the

SECRET = "sagt, die Patientin sei zu krank"


def test_an_auditor_reads_contacts_without_what_was_said(app: Flask, client: FlaskClient) -> None:
    therapist = a_practice_to_phone()
    request = a_request(therapist, a_patient())
    composed()
    caller = signed_in(app, Role.CALLER)
    said = [{"placement_request_id": str(request), "outcome": "declined_other", "note": SECRET}]
    body = {"result": "reached", "note": SECRET, "responses": said}
    done = caller.post(f"/api/phone-calls/{the(PhoneCall).id}/outcome", json=body).json
    assert (done["note"], done["responses"][0]["note"]) == (SECRET, SECRET)
    url = f"/api/therapists/{therapist}/contact-history"
    assert SECRET in caller.get(url).text
    answer = signed_in(app, Role.AUDITOR).get(url)
    assert SECRET not in answer.text
    (entry,) = answer.json["items"]
    assert (entry["result"], entry["responses"][0]["outcome"]) == ("reached", "declined_other")
    assert entry["recorded_by"] == entry["responses"][0]["recorded_by"] == str(ANNA)


def test_a_call_sheet_says_nothing_that_identifies_a_patient(app: Flask, client: FlaskClient) -> None:
    a_request(a_practice_to_phone(), a_patient(diagnosis_block="F32"))
    composed()
    caller = signed_in(app, Role.CALLER)
    (patient,) = caller.get(f"/api/phone-calls/{the(PhoneCall).id}").json["patients"]
    assert patient.keys() == {
        "placement_request_id", "reference", "other_references", "age", "gender", "insurance_type", "diagnosis_group",
        "practice_summary", "availability", "prior_therapy_within_two_years",
    }  # fmt: skip
    assert "F32" not in caller.get("/api/phone-calls").text
    assert [caller.get(path).status_code for path in ("/api/emails", "/api/email-suppressions")] == [403, 403]
