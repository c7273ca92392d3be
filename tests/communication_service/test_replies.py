"""A practice answers by the link in its letter: the page shows, its button acts, nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.domain.letter_headers import REPLY_LINK_HERE
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall, RecordedAnswer
from shared.database import new_id
from shared.events import catalogue
from shared.runtime import clock
from tests.builders.communication import (
    LINKS,
    MONDAY_MORNINGS,
    a_patient,
    a_request,
    a_therapist,
    composed,
    publish,
    rows,
    the,
)
from tests.conftest import MONDAY
from tests.events import recorded_data
from tests.fakes.smtp import FakeMailServer

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Language": "de"}
Send = Callable[..., None]


def asked(number: int) -> list[UUID]:
    """Requests to one practice, in the order of their letter."""
    practice = a_therapist()
    patients = [a_patient(reference=f"P-000{each}-AB", diagnosis_block="F30-F39") for each in range(number)]
    requests = [a_request(practice, each) for each in patients]
    composed()
    assert set(the(Email).placement_request_ids) == set(requests)
    return list(the(Email).placement_request_ids)


def link(*, at: Any = None) -> str:
    """The path of the page of the one letter; its token's days count from now, since requests have the real clock."""
    return f"/reply/{LINKS.token(LinkPurpose.REPLY, the(Email).id, now=at or clock.now())}"


def test_a_letter_carries_its_link_and_nobody_here_can_read_it(
    client: FlaskClient, catcher: FakeMailServer, sent: Send
) -> None:
    asked(1)
    sent()
    (letter,) = catcher.messages
    text, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))
    url = LINKS.url(LinkPurpose.REPLY, the(Email).id, now=MONDAY)
    assert url in text
    assert f'<a href="{url}">{url}</a>' in html
    assert REPLY_LINK_HERE not in text + html
    shown = client.get(f"/api/emails/{the(Email).id}").json
    assert url not in shown["body_text"] + shown["body_html"]
    assert REPLY_LINK_HERE in shown["body_text"]


def test_a_page_shows_pseudonyms_and_an_empty_form_changes_nothing(
    client: FlaskClient, sent: Send, session: Session
) -> None:
    first, second = asked(2)
    sent()
    publish(catalogue.RequestWithdrawn, second, reason="patient_declined")
    page = client.get(link(), headers=BROWSER)
    assert (page.status_code, page.mimetype, page.headers["Cache-Control"]) == (200, "text/html", "no-store")
    references = [each for each in ("P-0000-AB", "P-0001-AB") if each in page.text]
    assert len(references) == 2
    assert page.text.count("34 Jahre") == 1, "of whom no answer is needed only the reference is shown"
    assert not [each for each in ("<script", "F30-F39") if each in page.text]
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    for form in ({}, {"List-Unsubscribe": "One-Click"}, {"outcome-0": "", "no-more": ""}):
        refused = client.post(link(), data=form, headers=BROWSER)
        assert (refused.status_code, refused.mimetype) == (422, "text/html")
        assert "nichts ausgewählt" in refused.text
    wrong = client.post(link(), data={"outcome-0": "accepted", "from-0": "nie", "group": "full"}, headers=BROWSER)
    assert (wrong.status_code, wrong.text.count("checked"), 'value="nie"' in wrong.text) == (422, 4, True)
    assert client.post(link(), data={"outcome-0": "?"}, headers={"Accept-Language": "en"}).json["errors"]
    assert (rows(RecordedAnswer), client.get("/api/email-suppressions").json["total"]) == ([], 0)
    assert recorded_data(session, "communication.practice_stated") == []
    assert the(ContactRequest, id=first).status == "contacted"


def test_a_button_records_everything_once(client: FlaskClient, sent: Send, session: Session) -> None:
    first, second, third = asked(3)
    sent()
    publish(catalogue.RequestWithdrawn, third, reason="placed_elsewhere")
    form = {"outcome-0": "accepted", "outcome-1": "later", "from-1": "2098-02-01", "outcome-2": "accepted"}
    form |= {"hours-monday": "9-12", "group": "full", "no-more": "contact"}
    done = [client.post(link(), data=form, headers=BROWSER) for _ in range(2)]
    assert [each.status_code for each in done] == [200, 200]
    for each in done:
        assert "Gespeichert für: P-" in each.text
        assert "Nicht gespeichert für P-" in each.text
        assert "fragen nicht mehr bei Ihnen an" in each.text
    answers = {each.placement_request_id: each for each in rows(RecordedAnswer)}
    assert {id: each.outcome for id, each in answers.items()} == {first: "accepted", second: "later"}
    assert {each.recorded_by for each in answers.values()} == {None}
    (published,) = recorded_data(session, "communication.email_answered")
    assert (published["channel"], published["recorded_by"], len(published["answers"])) == ("reply_link", None, 2)
    stated = recorded_data(session, "communication.practice_stated")
    assert {str(each["phone_hours"]["monday"]) for each in stated} == {"[{'start': '09:00', 'end': '12:00'}]"}
    assert all(each["no_contact"] and each["individual"] is None for each in stated)
    assert stated[0]["group"] == {"state": "full", "from": None}
    assert [each["source"] for each in client.get("/api/email-suppressions").json["items"]] == ["link"]
    # sent again weeks later, it brings nothing back that staff have lifted since
    (suppression,) = client.get("/api/email-suppressions").json["items"]
    assert client.delete(f"/api/email-suppressions/{suppression['id']}").status_code == 204
    assert client.post(link(), data=form, headers=BROWSER).status_code == 200
    assert client.get("/api/email-suppressions").json["total"] == 0
    assert len(recorded_data(session, "communication.practice_stated")) == 1
    # something else: not for who has an answer, but after "later"
    other = {"outcome-0": "declined_capacity", "outcome-1": "declined_unsuitable"}
    assert "Nicht gespeichert" in client.post(link(), data=other, headers=BROWSER).text
    assert [each.outcome for each in rows(RecordedAnswer)] == ["accepted", "later", "declined_unsuitable"]
    assert client.get(link(), headers=BROWSER).text.count("liegt uns vor") == 2


def test_who_wants_no_contact_is_not_called_either_until_the_block_has_come_and_gone(
    client: FlaskClient, sent: Send, session: Session
) -> None:
    known: Any = {"email": "praxis@example.org", "phone_hours": MONDAY_MORNINGS}
    practice = a_therapist(**known)
    a_request(practice)
    composed()
    sent()
    a_request(practice)
    assert client.post(link(), data={"no-more": "contact"}).status_code == 200
    now = clock.now()
    composed(now + timedelta(seconds=6))
    (waiting,) = rows(Inquiry, status="open")
    assert (waiting.channel, waiting.waits_for) == ("phone", "no_contact_wanted"), "before the block arrives"
    a_therapist(id=practice, sequence=2, **known, status="blocked", time=now + timedelta(minutes=1))
    a_therapist(id=practice, sequence=3, **known, time=now + timedelta(minutes=2))
    composed(now + timedelta(minutes=3))
    (free,) = rows(Inquiry, status="open")
    assert (free.channel, free.waits_for) == ("phone", None), "staff lifted the block"
    assert len(rows(PhoneCall)) == 1


def test_an_answer_by_link_ends_the_doubt_and_comes_too_early_while_it_is_being_sent(
    client: FlaskClient, catcher: FakeMailServer, sent: Send, session: Session
) -> None:
    asked(1)
    catcher.behaviour = "drop_after_data"
    sent()
    email = session.get_one(Email, the(Email).id)
    assert email.status == "in_doubt"
    for status, expected in (("sending", 409), ("in_doubt", 200)):
        email.status = status
        session.flush()
        assert client.post(link(), data={"group": "free"}, headers=BROWSER).status_code == expected, status
    assert (the(Email).status, len(recorded_data(session, "communication.email_sent"))) == ("sent", 1)


def test_an_answer_to_an_email_in_doubt_proves_that_it_was_sent(
    catcher: FakeMailServer, client: FlaskClient, sent: Send, session: Session
) -> None:
    asked(1)
    catcher.behaviour = "drop_after_data"
    sent()
    mail = the(Email)
    said = [{"placement_request_id": str(mail.placement_request_ids[0]), "outcome": "accepted"}]
    answer = client.post(f"/api/emails/{mail.id}/response", json={"responses": said})
    assert (answer.status_code, answer.json["status"], the(Inquiry).status) == (200, "sent", "gone_out")
    assert answer.json["sent_at"].startswith("2026-11-23T09:00:06")
    assert the(ContactRequest).status == "over"
    sent_and_answered = [recorded_data(session, f"communication.email_{what}") for what in ("sent", "answered")]
    assert [len(each) for each in sent_and_answered] == [1, 1]
    assert client.post(f"/api/emails/{mail.id}/resolve", json={"outcome": "not_sent"}).status_code == 409


def test_a_link_that_is_not_valid_says_so_and_does_nothing(client: FlaskClient, sent: Send) -> None:
    asked(1)
    unsent = link()
    sent_at = clock.now()
    of_another_purpose = f"/reply/{LINKS.token(LinkPurpose.UNSUBSCRIBE, the(Email).id, now=sent_at)}"
    of_no_email = f"/reply/{LINKS.token(LinkPurpose.REPLY, new_id(), now=sent_at)}"
    too_old = link(at=MONDAY - timedelta(days=400))
    for path in (unsent, of_another_purpose, of_no_email, too_old, unsent[:-1], "/reply/x"):
        for method in (client.get, client.post):
            refused = method(path, headers=BROWSER)
            assert (refused.status_code, refused.mimetype) == (404, "text/html"), path
            assert "nicht (mehr) gültig" in refused.text
        assert client.post(path, data={"outcome-0": "accepted"}).json["code"] == "link.not_found"
    assert rows(RecordedAnswer) == []
