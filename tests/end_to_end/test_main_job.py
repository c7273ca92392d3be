"""The story the platform exists for, on every real part at once."""

from __future__ import annotations

from testkit import demo
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.people import a_searching_patient, a_therapist, asked, known_to_matching, status_becomes


def test_the_demo_plays_to_its_end(platform: PrivatePlatform, api: ApiClient) -> None:
    lines: list[str] = []
    demo.run(platform, say=lines.append)
    published = "\n".join(lines)
    assert "completed" in published
    assert "contacted" in published
    assert "Subject:" in published
    for patient in demo.PATIENTS:
        letters = "".join(mail["text"] + (mail["html"] or "") for mail in platform.mailbox.wait_for(1))
        assert patient["last_name"] not in letters


def test_several_patients_of_one_practice_go_into_one_email(platform: PrivatePlatform, api: ApiClient) -> None:
    practice = a_therapist(api)
    first, second = a_searching_patient(api), a_searching_patient(api, gender="male")
    requests = [*asked(api, first, practice), *asked(api, second, practice)]
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    for patient in (first, second):
        assert patient["reference"] in letter["text"]
        assert patient["last_name"] not in letter["text"] + letter["html"]
        assert "F32.1" not in letter["text"] + letter["html"]
    for request in requests:
        assert status_becomes(api, request, "contacted")["emailed_at"] is not None
    (email,) = api.get("communication", "/api/emails", therapist_id=practice["id"])["items"]
    assert (email["status"], email["kind"]) == ("sent", "inquiry")
    assert email["message_id"].strip("<>") in letter["message_id"]
    known = api.until(
        lambda: (t := api.get("therapist", f"/api/therapists/{practice['id']}"))["last_email_on"] and t,
        "the therapist's file to show the e-mail",
    )
    assert known["version"] == 1


def test_a_second_inquiry_to_the_same_address_waits_and_says_why(platform: PrivatePlatform, api: ApiClient) -> None:
    practice = a_therapist(api)
    neighbour = a_therapist(api, email=practice["email"].upper())
    (request,) = asked(api, a_searching_patient(api), practice)
    status_becomes(api, request, "contacted")
    (late,) = asked(api, a_searching_patient(api), neighbour)
    waiting = api.until(
        lambda: next(
            (i for i in api.get("communication", "/api/inquiries", therapist_id=neighbour["id"])["items"]
             if i["waits_for"]), None),
        "the inquiry to wait",
    )  # fmt: skip
    assert late["id"] in waiting["placement_request_ids"]
    assert waiting["waits_until"] is not None
    assert len(platform.mailbox.wait_for(1, to=practice["email"])) == 1


def test_a_practice_without_email_gets_a_planned_call_whose_outcome_counts(api: ApiClient) -> None:
    practice = a_therapist(api, email=None)
    patient = a_searching_patient(api)
    (request,) = asked(api, patient, practice)
    call = api.until(
        lambda: next(iter(api.get("communication", "/api/phone-calls", therapist_id=practice["id"])["items"]), None),
        "a call to be planned",
    )
    shown = api.get("communication", f"/api/phone-calls/{call['id']}")
    assert shown["patients"][0]["reference"] == patient["reference"]
    assert patient["last_name"] not in str(shown)
    outcome = {
        "result": "reached",
        "responses": [{"placement_request_id": request["id"], "outcome": "declined_capacity"}],
    }
    api.post("communication", f"/api/phone-calls/{call['id']}/outcome", outcome)
    assert status_becomes(api, request, "declined")["called_at"] is not None


def test_an_acceptance_holds_the_rest_and_a_place_ends_the_search(platform: PrivatePlatform, api: ApiClient) -> None:
    practices = [a_therapist(api) for _ in range(2)]
    patient = a_searching_patient(api)
    first, other = asked(api, patient, *practices)
    for request in (first, other):
        status_becomes(api, request, "contacted")
    accepted = api.post("matching", f"/api/placement-requests/{first['id']}/response", {"outcome": "accepted"})
    assert accepted["status"] == "accepted"
    assert api.post("matching", f"/api/placement-requests/{first['id']}/place", {})["status"] == "placed"
    assert status_becomes(api, other, "withdrawn")["withdrawn_reason"] == "placed_elsewhere"
    placed = api.until(
        lambda: (p := api.get("patient", f"/api/patients/{patient['id']}"))["status"] == "in_therapy" and p,
        "the patient to be in therapy",
    )
    assert placed["first_place_on"] is not None
    # the practice that was asked too learns that it need not answer, although it was written to today
    (notice,) = [
        letter for letter in platform.mailbox.wait_for(2, to=practices[1]["email"]) if "erledigt" in letter["subject"]
    ]
    assert patient["reference"] in notice["subject"]
    assert patient["last_name"] not in notice["text"] + notice["html"]
    # and the one that accepted who the patient is
    (confirmation,) = [
        letter
        for letter in platform.mailbox.wait_for(2, to=practices[0]["email"])
        if "Kontaktdaten" in letter["subject"]
    ]
    assert patient["last_name"] in confirmation["text"]


def test_one_correlation_id_leads_from_the_request_to_the_email(platform: PrivatePlatform, api: ApiClient) -> None:
    practice = a_therapist(api)
    patient = a_searching_patient(api)
    known_to_matching(api, patient, practice)
    api._session.headers["X-Correlation-Id"] = mark = f"test-{practice['id'][:18]}"
    api.approve(patient["id"], [practice["id"]])
    (letter,) = platform.mailbox.wait_for(1, to=practice["email"])
    headers = {name.lower(): value for name, value in letter["headers"]}
    assert headers["x-correlation-id"] == mark
