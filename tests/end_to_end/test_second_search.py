"""A place that fails: the search goes on, and letters go out again."""

from __future__ import annotations

from typing import Any

from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, status_becomes


def test_after_a_place_that_failed_a_new_approval_sends_an_email(platform: PrivatePlatform, api: ApiClient) -> None:
    first, second = a_therapist(api), a_therapist(api)
    patient = a_searching_patient(api)
    (request,) = asked(api, patient, first)
    status_becomes(api, request, "contacted")
    api.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": "accepted"})
    api.post("matching", f"/api/placement-requests/{request['id']}/place", {})
    _patient_becomes(api, patient, "in_therapy")
    api.post("patient", f"/api/patients/{patient['id']}/status", {"status": "searching", "reason": "It did not fit."})
    status_becomes(api, request, "failed")
    (again,) = asked(api, patient, second)
    (letter,) = platform.mailbox.wait_for(1, to=second["email"])
    assert patient["reference"] in letter["text"]
    assert status_becomes(api, again, "contacted")["waits_for"] == "answer"
    refused = api.candidates(patient["id"], limit=200)
    assert first["id"] not in {candidate["therapist_id"] for candidate in refused["candidates"]}


def test_a_request_that_waits_in_no_inquiry_says_what_for(api: ApiClient) -> None:
    first, second = a_therapist(api), a_therapist(api)
    patient = a_searching_patient(api)
    (request,) = asked(api, patient, first)
    status_becomes(api, request, "contacted")
    api.post("matching", f"/api/placement-requests/{request['id']}/response", {"outcome": "accepted"})
    (held,) = asked(api, patient, second)
    assert held["waits_for"] == "accepted_elsewhere"

    def waiting() -> Any:
        found = api.get("communication", "/api/waiting-requests", patient_id=patient["id"])["items"]
        return {each["placement_request_id"]: each for each in found}.get(held["id"])

    shown = api.until(waiting, "communication to know the request")
    assert (shown["waits_for"], shown["inquiry_id"]) == ("accepted_elsewhere", None)


def _patient_becomes(api: ApiClient, patient: dict[str, Any], status: str) -> None:
    api.until(
        lambda: api.get("patient", f"/api/patients/{patient['id']}")["status"] == status,
        f"the patient to be {status}",
    )
