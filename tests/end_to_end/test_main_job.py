"""The story the platform exists for, on every real part at once."""

from __future__ import annotations

from operations.orchestrator import Platform
from testkit import demo
from testkit.api_client import Agency
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching, status_becomes


def test_the_demo_plays_to_its_end(platform: Platform, agency: Agency) -> None:
    lines: list[str] = []
    demo.tell(platform, say=lines.append)
    told = "\n".join(lines)
    assert "completed" in told
    assert "contacted" in told
    assert "Subject:" in told
    for patient in demo.PATIENTS:
        letters = "".join(mail["text"] + (mail["html"] or "") for mail in platform.mailbox.wait_for(1))
        assert patient["last_name"] not in letters


def test_several_patients_of_one_practice_go_into_one_letter(platform: Platform, agency: Agency) -> None:
    practice = a_therapist(agency)
    first, second = a_searching_patient(agency), a_searching_patient(agency, gender="male")
    requests = [*asked(agency, first, practice), *asked(agency, second, practice)]
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    for patient in (first, second):
        assert patient["reference"] in letter["text"]
        assert patient["last_name"] not in letter["text"] + letter["html"]
        assert "F32.1" not in letter["text"] + letter["html"]
    for request in requests:
        assert status_becomes(agency, request, "contacted")["emailed_at"] is not None
    (email,) = agency.get("communication", "/api/emails", therapist_id=practice["id"])["items"]
    assert (email["status"], email["kind"]) == ("sent", "inquiry")
    assert email["message_id"].strip("<>") in letter["message_id"]
    known = agency.until(
        lambda: (t := agency.get("therapist", f"/api/therapists/{practice['id']}"))["last_email_on"] and t,
        "the therapist's file to show the e-mail",
    )
    assert known["version"] == 1


def test_a_second_inquiry_to_the_same_address_waits_and_says_why(platform: Platform, agency: Agency) -> None:
    practice = a_therapist(agency)
    neighbour = a_therapist(agency, email=practice["email"].upper())
    (request,) = asked(agency, a_searching_patient(agency), practice)
    status_becomes(agency, request, "contacted")
    (late,) = asked(agency, a_searching_patient(agency), neighbour)
    waiting = agency.until(
        lambda: next(
            (i for i in agency.get("communication", "/api/inquiries", therapist_id=neighbour["id"])["items"]
             if i["waits_for"]), None),
        "the inquiry to wait",
    )  # fmt: skip
    assert late["id"] in waiting["placement_request_ids"]
    assert waiting["waits_until"] is not None
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1


def test_a_practice_without_email_gets_a_planned_call_whose_outcome_counts(agency: Agency) -> None:
    practice = a_therapist(agency, email=None)
    patient = a_searching_patient(agency)
    (request,) = asked(agency, patient, practice)
    call = agency.until(
        lambda: next(iter(agency.get("communication", "/api/phone-calls", therapist_id=practice["id"])["items"]), None),
        "a call to be planned",
    )
    shown = agency.get("communication", f"/api/phone-calls/{call['id']}")
    assert shown["patients"][0]["reference"] == patient["reference"]
    assert patient["last_name"] not in str(shown)
    outcome = {
        "result": "reached",
        "responses": [{"placement_request_id": request["id"], "outcome": "declined_capacity"}],
    }
    agency.post("communication", f"/api/phone-calls/{call['id']}/outcome", outcome)
    assert status_becomes(agency, request, "declined")["called_at"] is not None


def test_an_acceptance_holds_the_rest_and_a_place_ends_the_search(agency: Agency) -> None:
    practices = [a_therapist(agency) for _ in range(2)]
    patient = a_searching_patient(agency)
    first, other = asked(agency, patient, *practices)
    status_becomes(agency, first, "contacted")
    accepted = agency.post("matching", f"/api/placement-requests/{first['id']}/response", {"outcome": "accepted"})
    assert accepted["status"] == "accepted"
    assert agency.post("matching", f"/api/placement-requests/{first['id']}/place", {})["status"] == "placed"
    assert status_becomes(agency, other, "withdrawn")["withdrawn_reason"] == "placed_elsewhere"
    placed = agency.until(
        lambda: (p := agency.get("patient", f"/api/patients/{patient['id']}"))["status"] == "in_therapy" and p,
        "the patient to be in therapy",
    )
    assert placed["first_place_on"] is not None


def test_one_correlation_id_leads_from_the_request_to_the_letter(platform: Platform, agency: Agency) -> None:
    practice = a_therapist(agency)
    patient = a_searching_patient(agency)
    known_to_matching(agency, patient, practice)
    agency._session.headers["X-Correlation-Id"] = mark = f"test-{practice['id'][:18]}"
    agency.approve(patient["id"], [practice["id"]])
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    headers = {name.lower(): value for name, value in letter["headers"]}
    assert headers["x-correlation-id"] == mark
