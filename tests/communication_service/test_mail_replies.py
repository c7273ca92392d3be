"""What comes back by e-mail: matched or not, shown to staff, and never counted before they confirm it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain.bounces import TooEarly
from communication_service.domain.letter_headers import with_token
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.jobs.reading import remove_old_replies
from communication_service.store.tables import ContactRequest, Email, MailReply, RecordedAnswer
from shared.database import new_id, patient_keys
from shared.events import catalogue
from shared.runtime import clock
from tests.builders.communication import (
    LINKS,
    RULES,
    a_patient,
    a_request,
    a_therapist,
    composed,
    publish,
    rows,
    the,
)
from tests.builders.incoming_mail import a_bounce, an_answer, comes_in
from tests.communication_service.conftest import NOW
from tests.conftest import MONDAY
from tests.events import recorded_data
from tests.fakes.smtp import FakeMailServer

Send = Callable[..., None]
ADDRESS = "praxis@example.org"
SAID = ("placement_request_id", "outcome", "available_from")


def a_sent_email(sent: Send, *references: str, email: str = ADDRESS) -> Email:
    """An e-mail with the practice, about patients of these references."""
    practice = a_therapist(email=email)
    for reference in references or ("P-0001-AB",):
        a_request(practice, a_patient(reference=reference))
    composed()
    sent()
    return the(Email, therapist_id=practice)


def shown(client: FlaskClient) -> Any:
    """The one reply."""
    (listed,) = client.get("/api/replies").json["items"]
    view: Any = client.get(f"/api/replies/{listed['id']}").json
    assert view.items() >= listed.items()
    return view


def suppressed(client: FlaskClient) -> list[tuple[str, str]]:
    """Addresses that get no inquiries, and who says so."""
    return [(each["email"], each["source"]) for each in client.get("/api/email-suppressions").json["items"]]


def token(email: Email, purpose: LinkPurpose = LinkPurpose.ADDRESS) -> str:
    """An address with a token for this e-mail."""
    return with_token(RULES.sender, LINKS.token(purpose, email.id, now=MONDAY))


def test_an_answer_is_kept_sealed_matched_and_counts_once_staff_confirm_what_is_proposed(
    client: FlaskClient, sent: Send, session: Session
) -> None:
    email = a_sent_email(sent, "P-0001-AB", "P-0002-AB")
    said = "P-0001-AB: ja, gerne.\r\nP-0002-AB: leider kein Platz, sagt Frau Geheim."
    raw = an_answer(said, to=email.message_id)
    assert [comes_in(raw) for _ in range(2)] == [True, False]
    reply = the(MailReply)
    assert "Geheim" not in str([vars(reply)])
    view = shown(client)
    assert (view["kind"], view["state"], view["matched_by"]) == ("answer", "waiting", "message_id")
    assert (view["email_id"], view["is_from_recipient"]) == (str(email.id), True)
    assert (view["sender"], view["body_text"]) == (ADDRESS, said.replace("\r\n", "\n"))
    outcomes = {each["patient_reference"]: (each["outcome"], each["because"]) for each in view["proposals"]}
    assert outcomes == {
        "P-0001-AB": ("accepted", "ja, gern"),
        "P-0002-AB": ("declined_capacity", "kein platz"),
    }
    assert (rows(RecordedAnswer), {each.status for each in rows(ContactRequest)}) == ([], {"contacted"})
    # who was shown it stands in both patients' files
    noted = recorded_data(session, "communication.reply_shown")
    assert {each["patient_id"] for each in noted} == {str(each.patient_id) for each in rows(ContactRequest)}
    key = {"Idempotency-Key": str(new_id())}
    unsaid = client.post(f"/api/replies/{reply.id}/confirm")
    assert (unsaid.status_code, unsaid.json["code"]) == (422, "reply.acceptance_only_proposed")
    assert rows(RecordedAnswer) == [], "a yes that nobody said"
    read = {"responses": [{name: each[name] for name in SAID} for each in view["proposals"]]}
    done = [client.post(f"/api/replies/{reply.id}/confirm", json=read, headers=key) for _ in range(2)]
    assert [(each.status_code, each.json["state"]) for each in done] == [(200, "confirmed")] * 2
    assert sorted(each.outcome for each in rows(RecordedAnswer)) == ["accepted", "declined_capacity"]
    (published,) = recorded_data(session, "communication.email_answered")
    assert published["channel"] == "email"
    for action in ("confirm", "dismiss"):
        assert client.post(f"/api/replies/{reply.id}/{action}").json["code"] == "reply.decided"
    assert client.get("/api/replies?state=waiting").json["total"] == 0
    counted = client.get("/api/replies?count_by=kind&matched=true&state=confirmed").json
    assert counted["counts"] == {"answer": 1}


def test_staff_say_otherwise_and_what_was_answered_already_is_not_proposed_again(
    client: FlaskClient, sent: Send
) -> None:
    email = a_sent_email(sent, "P-0001-AB", "P-0002-AB")
    first, second = email.placement_request_ids
    publish(catalogue.RequestWithdrawn, second, reason="placed_elsewhere")
    assert comes_in(an_answer("Leider keine Plätze.", to=email.message_id))
    view = shown(client)
    assert [each["need"] for each in view["proposals"]] == ["open", "over"]
    url = f"/api/replies/{view['id']}/confirm"
    foreign = {"responses": [{"placement_request_id": str(new_id()), "outcome": "accepted"}]}
    assert client.post(url, json=foreign).status_code == 422
    twice = {"responses": [{"placement_request_id": str(first), "outcome": "accepted"}] * 2}
    assert client.post(url, json=twice).status_code == 422
    other = {"responses": [{"placement_request_id": str(first), "outcome": "later", "available_from": "2098-01-01"}]}
    assert client.post(url, json=other).json["state"] == "confirmed"
    assert the(RecordedAnswer).outcome == "later"
    unclear = an_answer("Bitte rufen Sie an.", to=email.message_id)
    assert comes_in(unclear, now=NOW)
    (waiting,) = client.get("/api/replies?state=waiting").json["items"]
    refused = client.post(f"/api/replies/{waiting['id']}/confirm")
    assert (refused.status_code, refused.json["code"]) == (422, "reply.nothing_to_confirm")
    assert [each["field"] for each in refused.json["errors"]] == ["responses"]
    assert client.post(f"/api/replies/{waiting['id']}/dismiss").json["state"] == "dismissed"


def test_only_a_token_or_a_message_id_matches_and_a_contradiction_does_not(client: FlaskClient, sent: Send) -> None:
    first = a_sent_email(sent, "P-0001-AB")
    second = a_sent_email(sent, "P-0002-AB", email="andere@example.org")
    mine, others = token(first), token(second)
    local, _, domain = mine.partition("@")
    bad = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    cases: list[tuple[dict[str, str], UUID | None, UUID | None]] = [
        ({"To": mine}, first.id, None),
        ({"To": mine, "In_Reply_To": first.message_id, "From": "ganz@anders.example"}, first.id, None),
        ({"References": f"<x@y> {first.message_id}"}, first.id, None),
        # by the sender alone it is a hint, and one to nobody is none
        ({"From": ADDRESS}, None, first.id),
        ({"From": "fremd@example.org"}, None, None),
        # a token that is none of ours, of two e-mails, for another purpose, or of another e-mail than it answers
        ({"To": bad, "In_Reply_To": first.message_id}, None, first.id),
        ({"To": f"{mine}, {others}"}, None, None),
        ({"To": bad[: bad.index("@") - 1] + bad[bad.index("@") :], "In_Reply_To": "<x@y>"}, None, None),
        ({"To": token(first, LinkPurpose.UNSUBSCRIBE)}, None, None),
        ({"To": token(first, LinkPurpose.REPLY)}, None, None),
        ({"To": others, "In_Reply_To": first.message_id}, None, first.id),
    ]
    for number, (headers, matched, suggested) in enumerate(cases):
        comes_in(an_answer(f"Ja, gerne {number}", **{"sender": "x@y.example", **headers}))
        reply = rows(MailReply)[-1]
        assert (reply.email_id, reply.suggested_email_id) == (matched, suggested), headers
    assert client.get("/api/replies?matched=false").json["total"] == 8


def test_what_matches_nothing_waits_sealed_until_staff_assign_it(
    client: FlaskClient, sent: Send, session: Session
) -> None:
    email = a_sent_email(sent)
    comes_in(an_answer("Ja, gerne", sender="neu@example.org"))
    view = shown(client)
    assert (view["body_text"], view["proposals"], view["is_from_recipient"]) == ("Ja, gerne", [], None)
    url = f"/api/replies/{view['id']}"
    assert client.post(f"{url}/confirm").json["code"] == "reply.not_matched"
    assert client.post(f"{url}/assign", json={"email_id": str(new_id())}).status_code == 404
    a_request(a_therapist())
    composed()
    unsent = next(each for each in rows(Email) if each.id != email.id)
    assert client.post(f"{url}/assign", json={"email_id": str(unsent.id)}).json["code"] == "email.not_sent"
    done = client.post(f"{url}/assign", json={"email_id": str(email.id)}).json
    assert (done["matched_by"], done["body_text"], done["is_from_recipient"]) == ("staff", "Ja, gerne", False)
    assert [each["outcome"] for each in done["proposals"]] == ["accepted"]
    # its own key is gone; now the patient's erasure is its end
    assert patient_keys.find(session, [UUID(view["id"])]) == {UUID(view["id"]): None}
    patient_keys.destroy(session, the(ContactRequest, id=email.placement_request_ids[0]).patient_id)
    assert client.get(url, headers={"Accept-Language": "de"}).json["body_text"] == "[gelöscht]"
    assert client.post(f"{url}/confirm").json["code"] == "reply.nothing_to_confirm"


def test_what_is_proposed_is_confirmed_only_as_it_was_read(client: FlaskClient, sent: Send) -> None:
    first, second = a_sent_email(sent, "P-0001-AB"), a_sent_email(sent, "P-0002-AB", email="andere@example.org")
    comes_in(an_answer("Leider keine Plätze.", to=first.message_id))
    read = shown(client)
    url = f"/api/replies/{read['id']}"
    unsaid = client.post(f"{url}/confirm")
    assert (unsaid.status_code, unsaid.json["code"]) == (422, "reply.version_not_said")
    assert client.post(f"{url}/assign", json={"email_id": str(second.id)}).status_code == 200
    stale = client.post(f"{url}/confirm", json={"version": read["version"]})
    assert (stale.status_code, stale.json["code"], rows(RecordedAnswer)) == (409, "reply.changed_meanwhile", [])
    assert client.post(f"{url}/confirm", json={"version": shown(client)["version"]}).status_code == 200
    assert the(RecordedAnswer).placement_request_id == second.placement_request_ids[0]


def test_nobody_is_called_about_a_letter_while_its_answer_waits_for_staff(client: FlaskClient, sent: Send) -> None:
    email = a_sent_email(sent)
    comes_in(an_answer("Ich melde mich.", to=email.message_id))
    week_later = NOW + timedelta(days=8)
    assert jobs.follow_up(RULES, week_later) == 0
    assert client.post(f"/api/replies/{shown(client)['id']}/dismiss").status_code == 200
    assert jobs.follow_up(RULES, week_later) == 1


def test_an_out_of_office_note_that_says_yes_answers_nothing(client: FlaskClient, sent: Send) -> None:
    email = a_sent_email(sent)
    comes_in(an_answer("Ja, gerne", to=email.message_id, Auto_Submitted="auto-replied"))
    view = shown(client)
    assert (view["kind"], view["state"], view["proposals"]) == ("auto_reply", "recorded", [])
    assert client.post(f"/api/replies/{view['id']}/confirm").json["code"] == "reply.nothing_to_confirm"
    assert (suppressed(client), the(ContactRequest, id=email.placement_request_ids[0]).status) == ([], "contacted")


@pytest.mark.parametrize(
    ("headers", "expected", "state"),
    [
        ({"to": "the e-mail", "sender": "sekretariat@example.org"}, [(ADDRESS, "reply")], "recorded"),
        ({"sender": "PRAXIS@Example.org"}, [(ADDRESS, "reply")], "recorded"),
        ({"sender": "fremd@example.org"}, [], "waiting"),
    ],
)
def test_who_wants_no_more_inquiries_gets_none(
    client: FlaskClient, sent: Send, headers: dict[str, str], expected: list[tuple[str, str]], state: str
) -> None:
    email = a_sent_email(sent)
    known = headers | ({"to": email.message_id} if "to" in headers else {})
    comes_in(an_answer("", Subject="Keine Anfragen mehr", **known))
    view = shown(client)
    assert (view["kind"], view["state"], suppressed(client)) == ("no_more", state, expected)
    done = client.post(f"/api/replies/{view['id']}/assign", json={"email_id": str(email.id)}).json
    assert (done["state"], suppressed(client)) == ("recorded", [(ADDRESS, "reply")])


@pytest.mark.parametrize(
    ("fields", "status", "sources", "state"),
    [
        ({}, "bounced", ["bounce"], "recorded"),
        ({"status": "5.2.2", "said": "smtp; 552 5.2.2 Mailbox full"}, "bounced", [], "recorded"),
        ({"status": "4.4.1", "action": "delayed", "said": ""}, "sent", [], "recorded"),
        ({"recipient": "andere@example.org"}, "sent", [], "waiting"),
        ({"of": "<erfunden@agentur.example.org>"}, "sent", [], "waiting"),
        ({"original": "multipart/report"}, "sent", [], "waiting"),
    ],
)
def test_a_bounce_is_a_call_and_suppresses_only_what_certainly_does_not_exist(
    client: FlaskClient, sent: Send, fields: dict[str, str], status: str, sources: list[str], state: str
) -> None:
    email = a_sent_email(sent)
    raw = a_bounce(**{"of": email.message_id, "recipient": ADDRESS, **fields})
    for later in range(2):
        comes_in(raw + b"\r\n" * later)
    replies = client.get("/api/replies").json["items"]
    assert [(each["kind"], each["state"]) for each in replies] == [("bounce", state)] * 2
    assert (the(Email).status, [source for _, source in suppressed(client)]) == (status, sources)
    request = the(ContactRequest)
    assert (request.status, request.by_phone) == (("waiting", True) if status == "bounced" else ("contacted", False))
    assert client.get(f"/api/emails/{email.id}").json["status"] == status


def test_a_practice_that_got_a_letter_that_seemed_to_come_back_may_answer_it(
    client: FlaskClient, sent: Send, session: Session
) -> None:
    email = a_sent_email(sent, "P-0001-AB", "P-0002-AB")
    comes_in(a_bounce(of=email.message_id, recipient=ADDRESS))
    page = f"/reply/{LINKS.token(LinkPurpose.REPLY, email.id, now=clock.now())}"
    assert client.post(page, data={"outcome-0": "declined_capacity"}).status_code == 200
    comes_in(an_answer("Leider keine Plätze.", to=email.message_id))
    (waiting,) = client.get("/api/replies?state=waiting").json["items"]
    done = client.post(f"/api/replies/{waiting['id']}/confirm", json={"version": waiting["version"]})
    assert (done.status_code, done.json["state"]) == (200, "confirmed")
    assert {each.placement_request_id for each in rows(RecordedAnswer)} == set(email.placement_request_ids)
    assert {each.status for each in rows(ContactRequest)} == {"over"}
    assert len(recorded_data(session, "communication.email_answered")) == 2


def test_a_report_is_read_once_its_email_is_recorded_or_applied_once_staff_assign_it(
    client: FlaskClient, catcher: FakeMailServer, sent: Send, session: Session
) -> None:
    catcher.behaviour = "drop_after_data"
    email = session.get_one(Email, a_sent_email(sent).id)
    email.status, email.claimed_until = "sending", NOW + timedelta(seconds=30)
    session.flush()
    report = a_bounce(of=email.message_id, recipient=ADDRESS)
    with pytest.raises(TooEarly):
        comes_in(report, now=NOW)
    assert rows(MailReply) == [], "it is read again"
    without_our_id = a_bounce(of="<fremd@mx.example.org>", recipient=ADDRESS)
    comes_in(without_our_id, now=NOW)
    url = f"/api/replies/{shown(client)['id']}/assign"
    email.claimed_until = clock.now() + timedelta(minutes=5)
    session.flush()
    early = client.post(url, json={"email_id": str(email.id)})
    assert (early.status_code, early.json["code"]) == (409, "reply.too_early")
    email.status = "in_doubt"
    session.flush()
    assert client.post(url, json={"email_id": str(email.id)}).json["state"] == "recorded"
    assert (the(Email).status, suppressed(client)) == ("bounced", [(ADDRESS, "bounce")])
    assert the(ContactRequest).by_phone
    assert comes_in(report, now=NOW)


def test_what_came_back_of_an_email_in_doubt_went_out(client: FlaskClient, catcher: FakeMailServer, sent: Send) -> None:
    catcher.behaviour = "drop_after_data"
    email = a_sent_email(sent)
    assert email.status == "in_doubt"
    comes_in(a_bounce(of=email.message_id, recipient=ADDRESS))
    assert (the(Email).status, shown(client)["state"]) == ("bounced", "recorded")


def test_what_cannot_be_read_is_shown_and_what_is_old_is_removed_with_its_key(
    client: FlaskClient, session: Session
) -> None:
    comes_in(b"", size=30_000_000)
    view = shown(client)
    assert (view["kind"], view["is_cut"], view["size"], view["body_text"]) == ("unreadable", True, 30_000_000, "")
    assert remove_old_replies(RULES, MONDAY + timedelta(days=RULES.reply_days)) == 0
    assert remove_old_replies(RULES, MONDAY + timedelta(days=RULES.reply_days, seconds=1)) == 1
    assert rows(MailReply) == []
    assert patient_keys.find(session, [UUID(view["id"])]) == {UUID(view["id"]): None}


def test_a_replacement_is_a_patient_whose_request_to_the_practice_waits(client: FlaskClient, sent: Send) -> None:
    email = a_sent_email(sent, "P-0001-AB")
    practice = the(Email).therapist_id
    assert practice is not None
    newer = a_request(practice, a_patient(reference="P-0003-AB"))
    older = a_request(practice, a_patient(reference="P-0002-AB", search_started_on="2026-05-01"))
    held = a_request(practice, a_patient(reference="P-0004-AB"))
    publish(catalogue.RequestHeld, held, hold="accepted_elsewhere")
    a_request(practice, the(ContactRequest, id=email.placement_request_ids[0]).patient_id)
    a_request(a_therapist(), a_patient(reference="P-0005-AB"))
    composed(NOW)
    found = client.get(f"/api/emails/{email.id}/replacements").json
    assert [each["placement_request_id"] for each in found["items"]] == [str(older), str(newer)]
    assert {each["waits_for"] for each in found["items"]} == {"therapist_emailed_recently"}
    assert client.get(f"/api/emails/{new_id()}/replacements").status_code == 404
