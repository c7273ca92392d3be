"""E-mails, inquiries, suppressions and history over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask.testing import FlaskClient

from communication_service.store.tables import Email, Inquiry, PhoneCall
from shared.database import new_id
from tests.builders.communication import (
    MONDAY_MORNINGS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    rows,
    the,
)
from tests.conftest import MONDAY

Send = Callable[..., None]


def test_an_email_is_shown_with_what_it_waits_for(client: FlaskClient, sent: Send) -> None:
    therapist, patient = a_therapist(), a_patient()
    a_request(therapist, patient)
    composed()
    sent()
    a_request(therapist, time=MONDAY + timedelta(minutes=1))
    composed(MONDAY + timedelta(minutes=2))
    page = client.get("/api/emails", query_string={"therapist_id": str(therapist), "status": "waiting"}).json
    assert page["total"] == 1
    (waiting,) = page["items"]
    assert (waiting["waits_for"], waiting["waits_until"]) == ("therapist_emailed_recently", "2026-11-29")
    assert client.get("/api/emails", query_string={"patient_id": str(patient)}).json["total"] == 1
    assert client.get("/api/emails?kind=inquiry").json["total"] == 2
    assert client.get("/api/emails?status=unsent").status_code == 422
    one = client.get(f"/api/emails/{waiting['id']}")
    assert (one.status_code, one.headers["ETag"]) == (200, '"1"')
    assert client.get(f"/api/emails/{new_id()}").status_code == 404


def test_an_inquiry_is_shown_with_its_emails_and_calls(client: FlaskClient) -> None:
    therapist = a_therapist(email=None)
    patient = a_patient()
    request = a_request(therapist, patient)
    composed()
    page = client.get("/api/inquiries", query_string={"patient_id": str(patient), "status": "open"}).json
    (shown,) = page["items"]
    assert (shown["channel"], shown["waits_for"]) == ("phone", "phone_hours_unknown")
    assert shown["placement_request_ids"] == [str(request)]
    a_practice_to_phone(id=therapist, sequence=2)
    composed(MONDAY + timedelta(seconds=10))
    shown = client.get(f"/api/inquiries/{the(Inquiry).id}").json
    assert (shown["waits_for"], shown["phone_call_ids"]) == (None, [str(the(PhoneCall).id)])
    assert client.get(f"/api/inquiries/{new_id()}").status_code == 404


def test_an_answer_must_be_about_what_was_asked_in_an_email_that_was_sent(client: FlaskClient, sent: Send) -> None:
    request = a_request(a_therapist())
    composed()
    url = f"/api/emails/{the(Email).id}/response"
    body = {"responses": [{"placement_request_id": str(request), "outcome": "declined_other"}]}
    assert client.post(url, json=body).status_code == 409
    sent()
    other = {"responses": [{"placement_request_id": str(new_id()), "outcome": "accepted"}]}
    refused = client.post(url, json=other)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "responses.0.placement_request_id")
    assert client.post(url, json={"responses": []}).status_code == 422
    assert client.post(url, json={"responses": body["responses"] * 2}).status_code == 422
    assert client.post(url, json=body).status_code == 200


def test_a_suppressed_address_is_left_alone_and_its_inquiries_move_to_the_phone(client: FlaskClient) -> None:
    a_request(a_therapist(email="praxis@müller.example.org", phone_hours=MONDAY_MORNINGS))
    composed()
    body = {"email": "Praxis@xn--mller-kva.example.org", "reason": "Anruf der Praxis"}
    made = client.post("/api/email-suppressions", json=body)
    assert made.status_code == 201
    assert client.post("/api/email-suppressions", json=body).status_code == 409
    assert client.post("/api/email-suppressions", json={"email": "nix", "reason": ""}).status_code == 422
    later = MONDAY + timedelta(days=400)  # the endpoint's clock is the real one
    composed(later)
    assert (the(Inquiry).channel, the(Email).status) == ("phone", "cancelled")
    assert client.get("/api/email-suppressions").json["total"] == 1
    assert client.get(made.headers["Location"]).json == made.json
    for stale in ('"2"', 'W/"1"'):
        assert client.delete(made.headers["Location"], headers={"If-Match": stale}).status_code == 412
    assert client.delete(f"/api/email-suppressions/{made.json['id']}").status_code == 204
    assert client.delete(f"/api/email-suppressions/{made.json['id']}").status_code == 404
    composed(later + timedelta(days=1))
    assert the(Inquiry).channel == "email"


def test_the_contact_log_has_emails_and_calls_newest_first(client: FlaskClient, sent: Send) -> None:
    therapist = a_therapist(email="praxis@example.org", phone_hours=MONDAY_MORNINGS)
    request = a_request(therapist)
    composed()
    sent()
    answered = {"responses": [{"placement_request_id": str(request), "outcome": "declined_capacity", "note": "voll"}]}
    client.post(f"/api/emails/{the(Email).id}/response", json=answered)
    a_practice_to_phone(id=therapist, sequence=2)
    a_request(therapist, time=MONDAY + timedelta(days=1))
    composed(MONDAY + timedelta(days=1, minutes=1))
    page = client.get(f"/api/therapists/{therapist}/contact-history").json
    assert [(entry["channel"], entry["status"]) for entry in page["items"]] == [("phone", "planned"), ("email", "sent")]
    assert page["items"][1]["responses"][0]["note"] == "voll"
    assert page["total"] == len(rows(PhoneCall)) + len(rows(Email))
    assert client.get(f"/api/therapists/{new_id()}/contact-history").json["total"] == 0
