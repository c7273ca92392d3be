"""E-mails that staff write or approve before they go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, EmailCooldown, Inquiry
from shared.database import new_id
from shared.events import catalogue
from shared.runtime import clock
from tests.builders.communication import (
    LINKS,
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    rows,
    the,
    withdraw,
)
from tests.communication_service.conftest import NOW, reaching
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer

Send = Callable[..., None]
TEXT = {"subject": "Ihre Zusage", "body_text": "Vielen Dank für den Platz."}
BY_HAND = RULES.model_copy(update={"inquiries_need_approval": True})


def body(request: UUID, kind: str = "confirmation") -> dict[str, Any]:
    """An e-mail about this request."""
    return {"kind": kind, "placement_request_id": str(request), **TEXT}


def accepted(request: UUID) -> None:
    """The practice offers a place."""
    publish(catalogue.RequestAccepted, request, accepted_on=NOW.date())


def test_a_confirmation_by_hand_goes_at_once_when_it_is_approved(
    client: FlaskClient, catcher: FakeMailServer, sent: Send
) -> None:
    request = a_request(a_therapist(email="praxis@example.org"))
    composed()
    sent()
    accepted(request)
    made = client.post("/api/emails", json=body(request))
    assert (made.status_code, made.json["status"], made.json["written_by_staff"]) == (201, "draft", True)
    assert made.json["placement_request_ids"] == [str(request)]
    assert b"Zusage" not in the(Email, kind="confirmation").parts[0]
    url = made.headers["Location"]
    changed = client.patch(url, json={"subject": "Danke"}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.json["subject"], changed.json["body_text"].strip()) == ("Danke", TEXT["body_text"])
    assert client.patch(url, json={"subject": "x"}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    sent(NOW + timedelta(minutes=1))
    assert len(catcher.messages) == 1, "a draft does not go"
    assert client.post(f"{url}/approve").json["status"] == "approved"
    refused = [client.post(f"{url}/approve"), client.patch(url, json={"subject": "x"})]
    assert [each.json["code"] for each in refused] == ["email.not_draft", "email.not_draft"]
    later = clock.now() + timedelta(minutes=1)
    sent(later)
    assert catcher.messages[1]["Subject"] == "Danke"
    assert (client.get(url).json["status"], len(rows(EmailCooldown))) == ("sent", 2), "it started no cooldown"
    assert [client.post(f"{url}/{act}").json["code"] for act in ("send", "cancel")] == ["email.gone_out"] * 2


def test_nothing_is_written_by_hand_past_the_rules(client: FlaskClient, sent: Send) -> None:
    unasked = a_request(a_therapist())
    assert client.post("/api/emails", json=body(unasked, "withdrawal")).json["code"] == "email.not_asked"
    composed()
    sent()
    cases = [
        (body(unasked), 409, "email.not_answered"),
        (body(new_id()), 404, "placement_request.not_found"),
        (body(unasked, "inquiry"), 422, "input.invalid"),
        (body(unasked, "patient_notice"), 422, "input.invalid"),
        (body(unasked) | {"subject": "a\nBcc: b@example.org" * 30}, 422, "input.invalid"),
    ]
    for sent_body, status, code in cases:
        refused = client.post("/api/emails", json=sent_body)
        assert (refused.status_code, refused.json["code"]) == (status, code), sent_body
    made = client.post("/api/emails", json=body(unasked, "withdrawal"))
    assert client.post(f"{made.headers['Location']}/cancel").json["status"] == "cancelled"
    a_therapist(id=the(ContactRequest).therapist_id, sequence=2, email=None)
    assert client.post("/api/emails", json=body(unasked, "withdrawal")).json["code"] == "email.no_address"


def test_who_is_not_written_to_gets_nothing_by_hand_either(
    client: FlaskClient, catcher: FakeMailServer, sent: Send
) -> None:
    practice = a_therapist(email="praxis@example.org")
    request = a_request(practice)
    accepted(request)
    drafts = [client.post("/api/emails", json=body(request)).headers["Location"] for _ in range(2)]
    assert client.post(f"{drafts[0]}/approve").json["status"] == "approved"
    states: list[dict[str, Any]] = [{"status": "blocked"}, {"contact_preference": "none"}, {"email_opt_out": True}]
    for sequence, state in enumerate(states, start=2):
        a_therapist(id=practice, sequence=sequence, email="praxis@example.org", **state)
        refused = [client.post("/api/emails", json=body(request)), client.post(f"{drafts[1]}/approve")]
        refused.append(client.post(f"{drafts[1]}/send"))
        assert [each.json["code"] for each in refused] == ["email.not_wanted"] * 3, state
    sent(clock.now() + timedelta(minutes=1))
    found = [client.get(url).json["status"] for url in drafts]
    assert (found, catcher.messages) == (["cancelled", "draft"], [])


def test_an_inquiry_waits_for_approval_where_that_is_wanted_and_is_composed_meanwhile(
    client: FlaskClient, session: Session, catcher: FakeMailServer
) -> None:
    therapist = a_therapist()
    gone, stays = (a_request(therapist, a_patient(reference=name)) for name in ("P-GONE", "P-STAYS"))
    composed(rules=BY_HAND)
    email = the(Email)
    url = f"/api/emails/{email.id}"
    assert (email.status, the(Inquiry).waits_for) == ("draft", "approval")
    waiting = client.get("/api/waiting-requests").json["items"]
    assert {each["waits_for"] for each in waiting} == {"approval"}
    refused = [client.patch(url, json={"subject": "x"}), client.post(f"{url}/cancel")]
    assert [each.json["code"] for each in refused] == ["email.composed", "email.composed"]
    withdraw(gone)
    soon = clock.now() + timedelta(days=1)
    composed(soon, rules=BY_HAND)
    assert (the(Email).status, the(Email).placement_request_ids) == ("draft", [stays])
    assert client.post(f"{url}/approve").json["status"] == "approved"
    composed(soon, rules=BY_HAND)
    assert (the(Email).status, the(Inquiry).waits_for) == ("approved", None)
    # who joins needs an approval of their own
    joined = a_request(therapist, time=soon)
    composed(soon + timedelta(minutes=1), rules=BY_HAND)
    assert (the(Email).status, the(Email).approved_at) == ("draft", None)
    withdraw(joined, time=soon)
    assert client.post(f"{url}/send").json["is_urgent"] is True
    Sending(BY_HAND, TEXTS, reaching(catcher), links=LINKS).run(soon + timedelta(minutes=2))
    assert (the(Email).status, the(Email).placement_request_ids) == ("sent", [stays])
    assert "P-STAYS" in catcher.messages[0]["Subject"]


def test_a_draft_about_somebody_who_was_erased_never_goes(
    client: FlaskClient, catcher: FakeMailServer, sent: Send
) -> None:
    patient = a_patient()
    request = a_request(a_therapist(), patient)
    accepted(request)
    url = client.post("/api/emails", json=body(request)).headers["Location"]
    client.post(f"{url}/approve")
    arrives(catalogue.PatientErased(patient_id=patient), patient, sequence=2, time=MONDAY)
    sent(clock.now() + timedelta(minutes=1))
    assert (client.get(url).json["status"], catcher.messages) == ("cancelled", [])
