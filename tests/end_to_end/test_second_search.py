"""A place that fails: the search goes on, and letters go out again."""

from __future__ import annotations

from typing import Any

from operations.orchestrator import Platform
from testkit.api_client import Agency
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, status_becomes


def test_after_a_place_that_failed_a_new_approval_sends_a_letter(platform: Platform, agency: Agency) -> None:
    first, second = a_therapist(agency), a_therapist(agency)
    patient = a_searching_patient(agency)
    (request,) = asked(agency, patient, first)
    status_becomes(agency, request, "contacted")
    agency.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": "accepted"})
    agency.post("matching", f"/api/placement-requests/{request['id']}/place", {})
    _patient_becomes(agency, patient, "in_therapy")
    agency.post("patient", f"/api/patients/{patient['id']}/status", {"status": "searching"})
    status_becomes(agency, request, "failed")
    (again,) = asked(agency, patient, second)
    (letter,) = platform.mailbox.wait_for(1, to=second["email"])
    assert patient["reference"] in letter["text"]
    assert status_becomes(agency, again, "contacted")["waits_for"] == "answer"
    refused = agency.candidates(patient["id"], limit=200)
    assert first["id"] not in {candidate["therapist_id"] for candidate in refused["candidates"]}


def test_a_request_that_waits_in_no_inquiry_says_what_for(agency: Agency) -> None:
    first, second = a_therapist(agency), a_therapist(agency)
    patient = a_searching_patient(agency)
    (request,) = asked(agency, patient, first)
    status_becomes(agency, request, "contacted")
    agency.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": "accepted"})
    (held,) = asked(agency, patient, second)
    assert held["waits_for"] == "accepted_elsewhere"

    def waiting() -> Any:
        found = agency.get("communication", "/api/waiting-requests", patient_id=patient["id"])["items"]
        return {each["placement_request_id"]: each for each in found}.get(held["id"])

    shown = agency.until(waiting, "communication to know the request")
    assert (shown["waits_for"], shown["inquiry_id"]) == ("accepted_elsewhere", None)


def _patient_becomes(agency: Agency, patient: dict[str, Any], status: str) -> None:
    agency.until(
        lambda: agency.get("patient", f"/api/patients/{patient['id']}")["status"] == status,
        f"the patient to be {status}",
    )
