"""Who did it: each effect of a request names the caller's account in the rows that it writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from communication_service.domain import drafts, suppressions
from communication_service.domain.draft_schemas import NewDraft
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, EmailSuppression, PhoneCall
from shared.events import catalogue
from shared.runtime import clock
from shared.values.enums import Role
from tests.accounts import ANNA, columns_that_name, effects_of, signed_in
from tests.builders.communication import (
    LINKS,
    RULES,
    TEXTS,
    a_caller,
    a_practice_to_phone,
    a_request,
    a_therapist,
    an_email_to_send,
    composed,
    publish,
    rows,
    the,
)
from tests.builders.incoming_mail import an_answer, comes_in
from tests.communication_service.conftest import NOW, reaching
from tests.conftest import MONDAY
from tests.events import recorded_data
from tests.fakes.smtp import FakeMailServer

TEXT = {"subject": "Ihre Zusage", "body_text": "Vielen Dank."}
ADDRESS = {"email": "praxis@example.org", "reason": "Anruf der Praxis"}


class Stage:
    """What an act may need: a client, the job that sends, and its mail server."""

    def __init__(self, client: FlaskClient, catcher: FakeMailServer, session: Session) -> None:
        self.client, self.catcher, self.session = client, catcher, session

    def send(self) -> None:
        """Send what may go."""
        Sending(RULES, TEXTS, reaching(self.catcher)).run(NOW)


def answer_an_email(stage: Stage) -> Any:
    mail = an_email_to_send()
    stage.send()
    said = [{"placement_request_id": str(mail.placement_request_ids[0]), "outcome": "declined_other"}]
    return stage.client.post(f"/api/emails/{mail.id}/response", json={"responses": said})


def resolve_a_doubt(stage: Stage) -> Any:
    stage.catcher.behaviour = "drop_after_data"
    mail = an_email_to_send()
    stage.send()
    return stage.client.post(f"/api/emails/{mail.id}/resolve", json={"outcome": "sent"})


def record_a_call(stage: Stage) -> Any:
    request = a_request(a_practice_to_phone())
    composed()
    said = [{"placement_request_id": str(request), "outcome": "declined_other"}]
    body = {"result": "reached", "responses": said}
    return stage.client.post(f"/api/phone-calls/{the(PhoneCall).id}/outcome", json=body)


def a_planned_call(stage: Stage, *acts: str) -> str:
    """The address of a call to be made, after these acts."""
    a_request(a_practice_to_phone())
    composed()
    url = f"/api/phone-calls/{the(PhoneCall).id}"
    for act in acts:
        assert stage.client.post(f"{url}/{act}").status_code == 200
    return url


def take_a_call(stage: Stage) -> Any:
    request = a_request(a_practice_to_phone())
    therapist = the(ContactRequest, id=request).therapist_id
    return stage.client.post("/api/phone-calls", json={"therapist_id": str(therapist), "direction": "inbound"})


def move_a_call(stage: Stage) -> Any:
    tomorrow = clock.now() + timedelta(days=1)
    return stage.client.patch(f"{a_planned_call(stage)}?force=true", json={"starts_at": tomorrow.isoformat()})


def ask_for_the_next_call(stage: Stage) -> Any:
    a_planned_call(stage, "claim")  # whose claim it is gets it again, at whatever time of day
    return stage.client.post("/api/phone-calls/next")


def correct_a_call(stage: Stage) -> Any:
    url = a_planned_call(stage)
    assert stage.client.post(f"{url}/outcome", json={"result": "busy"}).status_code == 200
    return stage.client.post(f"{url}/correct", json={"reason": "die falsche Zeile"})


def enter_a_caller(stage: Stage) -> Any:
    return stage.client.post("/api/callers", json={"name": "Maria"})


def an_answered_request() -> UUID:
    """A request to a practice that offers a place."""
    request = a_request(a_therapist(email="praxis@example.org"))
    publish(catalogue.RequestAccepted, request, accepted_on=MONDAY.date())
    return request


def write(stage: Stage) -> Any:
    body = {"kind": "confirmation", "placement_request_id": str(an_answered_request()), **TEXT}
    return stage.client.post("/api/emails", json=body)


def draft_url(stage: Stage) -> str:
    """The address of a draft that nobody known wrote."""
    body = {"kind": "confirmation", "placement_request_id": str(an_answered_request()), **TEXT}
    written = drafts.create(stage.session, TEXTS, NewDraft.from_json(body), rules=RULES, by=None, now=MONDAY)
    return f"/api/emails/{written.id}"


def rewrite(stage: Stage) -> Any:
    return stage.client.patch(draft_url(stage), json={"subject": "Danke"})


def approve_a_draft(stage: Stage) -> Any:
    return stage.client.post(f"{draft_url(stage)}/approve")


def send_a_draft(stage: Stage) -> Any:
    return stage.client.post(f"{draft_url(stage)}/send")


def cancel_a_draft(stage: Stage) -> Any:
    return stage.client.post(f"{draft_url(stage)}/cancel")


def suppress(stage: Stage) -> Any:
    return stage.client.post("/api/email-suppressions", json=ADDRESS)


def unsubscribe(stage: Stage) -> Any:
    token = LINKS.token(LinkPurpose.UNSUBSCRIBE, an_email_to_send().id, now=MONDAY)
    return stage.client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})


def reply(stage: Stage) -> Any:
    token = LINKS.token(LinkPurpose.REPLY, an_email_to_send().id, now=clock.now())
    stage.send()
    return stage.client.post(f"/reply/{token}", data={"outcome-0": "accepted", "no-more": "emails"})


def _a_reply(stage: Stage, action: str, *, body: dict[str, int] | None = None) -> Any:
    email = an_email_to_send()
    stage.send()
    comes_in(an_answer("Leider kein Platz", to=email.message_id))
    (known,) = stage.client.get("/api/replies").json["items"]
    return stage.client.post(f"/api/replies/{known['id']}/{action}", json=body)


def confirm_a_reply(stage: Stage) -> Any:
    return _a_reply(stage, "confirm", body={"version": 1})


def dismiss_a_reply(stage: Stage) -> Any:
    return _a_reply(stage, "dismiss", body={})


def assign_a_reply(stage: Stage) -> Any:
    email = an_email_to_send()
    stage.send()
    comes_in(an_answer("Ja, gerne"))
    (known,) = stage.client.get("/api/replies").json["items"]
    return stage.client.post(f"/api/replies/{known['id']}/assign", json={"email_id": str(email.id)})


def take_a_suppression_back(stage: Stage) -> Any:
    known = suppressions.add(stage.session, NewSuppression.from_json(ADDRESS), by=None, now=MONDAY)
    return stage.client.delete(f"/api/email-suppressions/{known.id}")


def _template(stage: Stage) -> Any:
    """The template of inquiries in German that is used."""
    return stage.client.get("/api/templates?kind=inquiry&language=de").json["items"][0]


def add_a_template(stage: Stage) -> Any:
    known = _template(stage)
    body = {name: known[name] for name in ("kind", "language", "subject", "body_text", "body_html")}
    return stage.client.post("/api/templates", json={"name": "Neue Anfrage", "active": True, **body})


def change_a_template(stage: Stage) -> Any:
    return stage.client.patch(f"/api/templates/{_template(stage)['id']}", json={"name": "Unsere Anfrage"})


Act = Callable[[Stage], Any]
ACTS: dict[str, tuple[Act, set[str]]] = {
    "POST /api/emails/<id>/response": (answer_an_email, {"emails.updated_by", "answers.recorded_by"}),
    "POST /api/emails/<id>/resolve": (resolve_a_doubt, {"emails.updated_by", "emails.resolved_by"}),
    "POST /api/emails": (write, {"emails.updated_by"}),
    "PATCH /api/emails/<id>": (rewrite, {"emails.updated_by"}),
    "POST /api/emails/<id>/approve": (approve_a_draft, {"emails.updated_by", "emails.approved_by"}),
    "POST /api/emails/<id>/send": (send_a_draft, {"emails.updated_by", "emails.approved_by"}),
    "POST /api/emails/<id>/cancel": (cancel_a_draft, {"emails.updated_by"}),
    "POST /api/replies/<id>/confirm": (
        confirm_a_reply,
        {"replies.updated_by", "emails.updated_by", "answers.recorded_by"},
    ),
    "POST /api/replies/<id>/dismiss": (dismiss_a_reply, {"replies.updated_by"}),
    "POST /api/replies/<id>/assign": (assign_a_reply, {"replies.updated_by"}),
    "POST /api/phone-calls/<id>/outcome": (
        record_a_call,
        {"phone_calls.updated_by", "phone_calls.recorded_by", "answers.recorded_by"},
    ),
    "POST /api/callers": (enter_a_caller, {"callers.updated_by"}),
    "PATCH /api/callers/<id>": (
        lambda stage: stage.client.patch(f"/api/callers/{a_caller()}", json={"name": "Ali"}),
        {"callers.updated_by"},
    ),
    "DELETE /api/callers/<id>": (
        lambda stage: stage.client.delete(f"/api/callers/{a_caller()}"),
        {"callers.updated_by", "callers.removed_by"},
    ),
    "POST /api/call-plans": (lambda stage: stage.client.post("/api/call-plans"), {"call_plans.updated_by"}),
    "POST /api/phone-calls": (take_a_call, {"phone_calls.updated_by", "phone_calls.claimed_by"}),
    "PATCH /api/phone-calls/<id>": (move_a_call, {"phone_calls.updated_by"}),
    "DELETE /api/phone-calls/<id>": (
        lambda stage: stage.client.delete(a_planned_call(stage)),
        {"phone_calls.updated_by"},
    ),
    "POST /api/phone-calls/next": (ask_for_the_next_call, {"phone_calls.updated_by", "phone_calls.claimed_by"}),
    "POST /api/phone-calls/<id>/claim": (
        lambda stage: stage.client.post(f"{a_planned_call(stage)}/claim"),
        {"phone_calls.updated_by", "phone_calls.claimed_by"},
    ),
    "POST /api/phone-calls/<id>/renew": (
        lambda stage: stage.client.post(f"{a_planned_call(stage, 'claim')}/renew"),
        {"phone_calls.updated_by", "phone_calls.claimed_by"},
    ),
    "POST /api/phone-calls/<id>/release": (
        lambda stage: stage.client.post(f"{a_planned_call(stage, 'claim')}/release", json={}),
        {"phone_calls.updated_by", "phone_calls.released_by"},
    ),
    "POST /api/phone-calls/<id>/correct": (
        correct_a_call,
        {"phone_calls.updated_by", "phone_calls.recorded_by", "phone_calls.corrected_by"},
    ),
    "POST /api/email-suppressions": (
        suppress,
        {"email_suppressions.recorded_by", "email_suppressions.updated_by"},
    ),
    "POST /reply/<token>": (reply, set()),
    "POST /unsubscribe/<token>": (unsubscribe, set()),
    "DELETE /api/email-suppressions/<id>": (
        take_a_suppression_back,
        {"email_suppressions.removed_by", "email_suppressions.updated_by"},
    ),
    "POST /api/templates": (add_a_template, {"templates.updated_by", "template_versions.created_by"}),
    "PATCH /api/templates/<id>": (change_a_template, {"templates.updated_by", "template_versions.created_by"}),
}


@pytest.mark.parametrize("operation", ACTS)
def test_an_effect_names_the_caller(
    operation: str, app: Flask, client: FlaskClient, catcher: FakeMailServer, session: Session
) -> None:
    act, expected = ACTS[operation]
    done = act(Stage(signed_in(app, Role.ADMIN), catcher, session))
    assert done.status_code in (200, 201, 202, 204), done.json
    assert columns_that_name(session, ANNA) == expected
    assert done.json is None or done.json["updated_by"] == str(ANNA)


def test_every_effect_of_this_service_is_among_them(service: str) -> None:
    assert set(ACTS) == effects_of(service)


@pytest.mark.parametrize(
    ("act", "event"),
    [(answer_an_email, "communication.email_answered"), (record_a_call, "communication.call_recorded")],
)
def test_the_event_says_who_recorded_an_answer(
    act: Act, event: str, app: Flask, client: FlaskClient, catcher: FakeMailServer, session: Session
) -> None:
    assert act(Stage(signed_in(app, Role.COORDINATOR), catcher, session)).status_code == 200
    (told,) = recorded_data(session, event)
    assert told["recorded_by"] == str(ANNA)


@pytest.mark.parametrize("act", [answer_an_email, record_a_call])
def test_the_history_of_a_practice_says_who_recorded_an_answer(
    act: Act, app: Flask, client: FlaskClient, catcher: FakeMailServer, session: Session
) -> None:
    staff = signed_in(app, Role.COORDINATOR)
    assert act(Stage(staff, catcher, session)).status_code == 200
    therapist = (rows(Email) or rows(PhoneCall))[0].therapist_id
    (entry,) = staff.get(f"/api/therapists/{therapist}/contact-history").json["items"]
    assert [response["recorded_by"] for response in entry["responses"]] == [str(ANNA)]
    assert entry["recorded_by"] == (str(ANNA) if act is record_a_call else None)


def test_a_suppression_that_was_taken_back_stays_as_proof_and_counts_no_more(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    staff = signed_in(app, Role.COORDINATOR)
    made = staff.post("/api/email-suppressions", json=ADDRESS).json
    url = f"/api/email-suppressions/{made['id']}"
    assert staff.delete(url).status_code == 204
    assert [staff.get(url).status_code, staff.delete(url).status_code] == [404, 404]
    assert staff.get("/api/email-suppressions").json["total"] == 0
    (kept,) = session.scalars(select(EmailSuppression)).all()
    assert (kept.recorded_by, kept.removed_by, kept.removed_at is None) == (ANNA, ANNA, False)
    again = staff.post("/api/email-suppressions", json=ADDRESS)
    assert again.status_code == 201, "an address that is free again can be suppressed again"
    assert staff.post("/api/email-suppressions", json=ADDRESS).status_code == 409
    a_request(a_therapist(email=ADDRESS["email"]))
    composed()
    assert rows(Email) == []
    assert staff.delete(f"/api/email-suppressions/{again.json['id']}").status_code == 204
    assert session.scalar(select(func.count()).select_from(EmailSuppression)) == 2


def test_what_the_platform_composes_names_nobody(app: Flask, client: FlaskClient, session: Session) -> None:
    an_email_to_send()
    (shown,) = signed_in(app, Role.COORDINATOR).get("/api/emails").json["items"]
    assert (shown["updated_by"], shown["resolved_by"]) == (None, None)
