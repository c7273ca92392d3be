"""What patients write back, and their e-mails that come back: never an answer of a practice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain.letter_headers import LetterHeaders, with_token
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, MailReply, RecordedAnswer
from shared.database import patient_keys, transaction
from shared.values.datetimes import berlin_day
from tests.builders.communication import LINKS, RULES, TEXTS, a_patient, a_request, a_therapist, composed, rows, the
from tests.builders.incoming_mail import a_bounce, an_answer, comes_in
from tests.communication_service.asked_patients import sending_that_asks
from tests.communication_service.conftest import NOW
from tests.conftest import MONDAY
from tests.events import recorded_data
from tests.fakes.other_service import OtherService, other_service, with_json
from tests.fakes.smtp import FakeMailServer

ADDRESS = "erika@example.org"
LATER = NOW + timedelta(hours=1)
WEEK, DAY = timedelta(days=7), timedelta(days=1)


class Patient:
    """What the patient service says of the patient who is written to."""

    def __init__(self, server: OtherService) -> None:
        self.details: dict[str, Any] = {"first_name": "Erika", "last_name": "Musterfrau", "email": ADDRESS}
        self.server = server
        server.otherwise = self._answer

    def _answer(self, handler: Any) -> None:
        patient_id = handler.path.rpartition("/")[2]
        with_json({"patient_id": patient_id, "refusal": None, "addressee": self.details})(handler)


@pytest.fixture
def patient() -> Iterator[Patient]:
    with other_service() as server:
        yield Patient(server)


@pytest.fixture
def sending(catcher: FakeMailServer, patient: Patient) -> Sending:
    return sending_that_asks(catcher, patient.server)


def goes(sending: Sending, now: Any) -> list[Email]:
    """Everything to patients that is due is written and sent; returns the e-mails to patients, the oldest first."""
    jobs.write_confirmations(RULES, TEXTS, now)
    jobs.write_progress(RULES, TEXTS, now)
    while sending.run(now):
        pass
    return sorted(rows(Email, kind="patient_notice"), key=lambda each: each.created_at)


def a_progress_mail(sending: Sending) -> Email:
    """An e-mail that went to a patient for whom one practice was asked, which has the patient's own address."""
    a_request(a_therapist(email=ADDRESS), a_patient(has_patient_mail=True))
    composed()
    with transaction() as session:
        session.execute(update(ContactRequest).values(emailed_on=berlin_day(MONDAY), status="contacted"))
    (email,) = goes(sending, LATER)
    assert email.status == "sent"
    return email


def suppressed(client: FlaskClient) -> Any:
    return client.get("/api/email-suppressions").json["items"]


def shown(client: FlaskClient) -> Any:
    (listed,) = client.get("/api/replies").json["items"]
    return client.get(f"/api/replies/{listed['id']}").json


@pytest.mark.parametrize("by", ["message_id", "token"])
def test_a_reply_of_a_patient_is_shown_with_the_patient_and_answers_nothing(
    client: FlaskClient, session: Session, sending: Sending, by: str
) -> None:
    email = a_progress_mail(sending)
    token = with_token(RULES.sender, LINKS.token(LinkPurpose.ADDRESS, email.id, now=MONDAY))
    known = {"to": email.message_id} if by == "message_id" else {"To": token}
    assert comes_in(an_answer("Ja, gerne, sagt Frau Geheim.", sender=ADDRESS, **known))
    view = shown(client)
    assert (view["kind"], view["state"], view["matched_by"]) == ("patient_answer", "waiting", by)
    assert (view["patient_id"], view["therapist_id"]) == (str(email.patient_id), None)
    assert (view["proposals"], view["placement_request_ids"], view["is_from_recipient"]) == ([], [], True)
    assert "Geheim" in view["body_text"]
    assert "Geheim" not in str(vars(the(MailReply)))
    found = client.get(f"/api/replies?kind=patient_answer&patient_id={email.patient_id}").json
    assert found["total"] == 1
    noted = recorded_data(session, "communication.reply_shown")
    assert {each["patient_id"] for each in noted} == {str(email.patient_id)}
    url = f"/api/replies/{view['id']}"
    said = {"responses": [{"placement_request_id": str(the(ContactRequest).id), "outcome": "accepted"}]}
    assert client.post(f"{url}/confirm", json=said).json["code"] == "reply.from_patient"
    assert (rows(RecordedAnswer), suppressed(client), the(ContactRequest).status) == ([], [], "contacted")
    assert client.post(f"{url}/dismiss").json["state"] == "dismissed"
    assert email.patient_id is not None
    patient_keys.destroy(session, email.patient_id)
    assert client.get(url).json["body_text"] == "[erased]"


@pytest.mark.parametrize("how", ["in the subject", "in the text", "assigned by staff", "of an unknown e-mail"])
def test_no_more_of_a_patient_stops_news_of_the_progress_and_suppresses_nobody(
    client: FlaskClient, sending: Sending, how: str
) -> None:
    email = a_progress_mail(sending)
    to = None if how == "assigned by staff" else email.message_id
    sender = "privat@example.org" if how == "assigned by staff" else ADDRESS
    subject = "Re: Ihre Suche" if how == "in the text" else "Keine Nachrichten mehr"
    headers = {"To": with_token(RULES.sender, "x" * 48)} if how == "of an unknown e-mail" else {}
    assert comes_in(an_answer("STOP\r\n", to=to, sender=sender, Subject=subject, **headers))
    if how == "assigned by staff":
        body = {"email_id": str(email.id)}
        assert client.post(f"/api/replies/{shown(client)['id']}/assign", json=body).status_code == 200
    view = shown(client)
    assert (view["kind"], view["state"], suppressed(client)) == ("no_more", "waiting", [])
    is_known = how != "of an unknown e-mail"
    assert view["patient_id"] == (str(email.patient_id) if is_known else None)
    assert (the(Email, id=email.id).stopped_at is not None) == is_known
    assert len(goes(sending, LATER + WEEK)) == (1 if is_known else 2)


@pytest.mark.parametrize(
    ("fields", "status", "is_stopped", "state"),
    [
        ({}, "bounced", True, "waiting"),
        ({"status": "5.2.2", "said": "smtp; 552 5.2.2 Mailbox full"}, "bounced", False, "waiting"),
        ({"status": "4.4.1", "action": "delayed", "said": ""}, "sent", False, "recorded"),
        ({"recipient": "andere@example.org"}, "sent", False, "waiting"),
    ],
)
def test_an_email_to_a_patient_that_came_back_stops_further_ones_where_there_is_no_such_address(
    client: FlaskClient,
    session: Session,
    sending: Sending,
    fields: dict[str, str],
    status: str,
    is_stopped: bool,
    state: str,
) -> None:
    email = a_progress_mail(sending)
    said = {"said": f"smtp; 550 5.1.1 <{ADDRESS}> unknown"}
    assert comes_in(a_bounce(**{"of": email.message_id, "recipient": "Erika@Example.org", **said, **fields}))
    view = shown(client)
    assert (view["kind"], view["state"], view["patient_id"]) == ("bounce", state, str(email.patient_id))
    back = the(Email, id=email.id)
    assert (back.status, back.address_refused_at is not None) == (status, is_stopped)
    assert ADDRESS.encode() not in (back.recipient_digest or b"")
    assert ADDRESS not in (back.error or "") + str(recorded_data(session, "communication.email_bounced"))
    assert suppressed(client) == []
    newest = goes(sending, LATER + WEEK)[-1]
    assert (newest.status, newest.waits_for) == (
        ("waiting", "patient_address_bounced") if is_stopped else ("sent", None)
    )


@pytest.mark.parametrize("change", ["nothing", "address", "consent"])
def test_a_patient_is_written_to_again_at_another_address_or_with_another_consent(
    client: FlaskClient, sending: Sending, patient: Patient, change: str
) -> None:
    email = a_progress_mail(sending)
    comes_in(a_bounce(of=email.message_id, recipient=ADDRESS), now=LATER)
    waiting = goes(sending, LATER + WEEK)[-1]
    (listed,) = client.get(f"/api/emails?patient_id={email.patient_id}&status=waiting").json["items"]
    assert (listed["id"], listed["waits_for"]) == (str(waiting.id), "patient_address_bounced")
    if change == "address":
        patient.details["email"] = "neu@example.org"
    elif change == "consent":
        patient.details["consented_at"] = (LATER + DAY).isoformat()
    asked = len(patient.server.asked)
    goes(sending, LATER + WEEK + timedelta(hours=23))
    assert len(patient.server.asked) == asked, "it is asked once a day: each time stands in the access log"
    found = goes(sending, LATER + 3 * WEEK)
    assert len(found) == 2, "one of them waits, not one for each week"
    assert found[-1].status == ("waiting" if change == "nothing" else "sent")


def test_an_address_of_a_patient_that_is_refused_at_once_is_written_to_no_more(
    client: FlaskClient, sending: Sending, catcher: FakeMailServer
) -> None:
    email = a_progress_mail(sending)
    catcher.recipient_answer = f"550 5.1.1 <{ADDRESS}> no such user"
    refused = goes(sending, LATER + WEEK)[-1]
    assert (refused.status, refused.id != email.id) == ("failed", True)
    catcher.recipient_answer = None
    assert goes(sending, LATER + 2 * WEEK)[-1].waits_for == "patient_address_bounced"
    assert suppressed(client) == []


def test_what_a_patient_sends_by_the_header_of_the_email_names_that_email() -> None:
    headers = LetterHeaders(RULES.sender, LINKS, has_reply_tokens=True)
    email_id = UUID("01933f0e-7c3a-7000-8000-abcdefabcdef")
    said = headers.to_patient(email_id, date=MONDAY, correlation_id=None, is_about_progress=False)
    local = said["Reply-To"].partition("@")[0]
    assert LINKS.tokens.read(LinkPurpose.ADDRESS, local.partition("+")[2], today=berlin_day(MONDAY)) == email_id
    assert said["List-Unsubscribe"].startswith(f"<mailto:{local}@")
