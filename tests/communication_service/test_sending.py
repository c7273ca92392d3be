"""The way of an e-mail to the mail server: once, certainly, or in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import sending as domain
from communication_service.domain.letter_headers import REPLY_LINK_HERE
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.domain.sending import LONGEST_PAUSE, MOST_DEFERRALS
from communication_service.jobs import Sending
from communication_service.store.tables import (
    ContactRequest,
    Email,
    EmailCooldown,
    EmailSuppression,
    Inquiry,
    PhoneCall,
)
from shared.database import transaction
from shared.events import catalogue
from shared.runtime.smtp import MailServer
from tests.builders.communication import (
    LINKS,
    MONDAY_MORNINGS,
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    an_email_to_send,
    composed,
    publish,
    read,
    rows,
    the,
    withdraw,
)
from tests.communication_service.conftest import NOW, reaching
from tests.conftest import MONDAY
from tests.events import recorded_data
from tests.fakes.smtp import FakeMailServer

Send = Callable[..., None]


def test_an_email_is_sent_once_and_published(session: Session, catcher: FakeMailServer, sent: Send) -> None:
    request = a_request(a_therapist(email="Praxis@Beispiel.example.org"))
    composed()
    sent()
    sent(NOW + timedelta(hours=2))
    email = the(Email)
    assert (email.status, email.attempts, email.error) == ("sent", 1, None)
    assert email.sent_at is not None
    assert timedelta() <= email.sent_at - NOW < timedelta(minutes=1)
    ((sender, recipients, _),) = catcher.envelopes
    assert (sender, recipients) == ("vermittlung@agentur.example.org", ["Praxis@beispiel.example.org"])
    (published,) = recorded_data(session, "communication.email_sent")
    assert published["placement_request_ids"] == [str(request)]
    assert published["kind"] == "inquiry"
    assert the(Inquiry).status == "gone_out"
    assert (the(ContactRequest).status, the(ContactRequest).emailed_on) == ("contacted", date(2026, 11, 23))


def test_the_headers_say_who_when_and_why(catcher: FakeMailServer, sent: Send) -> None:
    mail = an_email_to_send()
    sent()
    (message,) = catcher.messages
    assert message["Message-ID"] == mail.message_id
    assert message["X-Correlation-Id"] == mail.correlation_id
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert message["From"].addresses[0].display_name == "Vermittlung von Therapieplätzen"
    link, by_mail = message["List-Unsubscribe"].strip().split(", ")
    assert link.startswith("<https://platform.example.org/unsubscribe/")
    assert by_mail.startswith("<mailto:vermittlung@agentur.example.org")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Reply-To"] is None
    assert message["Subject"] == read(mail).subject
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    answered_at = LINKS.url(LinkPurpose.REPLY, mail.id, now=NOW)
    written = text.get_content().replace("\r\n", "\n")
    assert written == read(mail).text.replace(REPLY_LINK_HERE, answered_at)
    assert "<html" in html.get_content()


def test_the_message_id_is_stored_and_the_claim_committed_before_anything_is_handed_over(sending: Sending) -> None:
    mail = an_email_to_send()
    seen: list[tuple[str, str, int]] = []

    class Watching(MailServer):
        def deliver(self, sender: str, recipient: str, message: bytes, **more: Any) -> Any:
            now = the(Email)
            seen.append((now.status, now.message_id, len(rows(EmailCooldown))))
            return super().deliver(sender, recipient, message, **more)

    server = Watching(**{name: getattr(sending.server, name) for name in MailServer.__dataclass_fields__})
    Sending(RULES, TEXTS, server).run(NOW)
    assert seen == [("sending", mail.message_id, 2)]


def test_an_address_with_umlauts_in_its_domain_is_written_to_in_ascii(catcher: FakeMailServer, sent: Send) -> None:
    an_email_to_send(email="praxis@müller.example.org")
    sent()
    assert catcher.envelopes[0][1] == ["praxis@xn--mller-kva.example.org"]


# Refusals


def test_a_refused_address_fails_opens_the_cooldown_and_the_practice_is_phoned(
    session: Session, catcher: FakeMailServer, sent: Send
) -> None:
    catcher.recipient_answer = "550 5.1.1 no such user"
    an_email_to_send(email="weg@example.org", phone_hours=MONDAY_MORNINGS)
    sent()
    composed(NOW + timedelta(seconds=1))
    email, inquiry, call = the(Email), the(Inquiry), the(PhoneCall)
    assert (email.status, email.error) == ("failed", "550 5.1.1 no such user")
    assert rows(EmailCooldown) == []
    assert (inquiry.channel, inquiry.status, call.status) == ("phone", "open", "planned")
    assert recorded_data(session, "communication.inquiry_composed")[-1]["channel"] == "phone"
    assert recorded_data(session, "communication.email_sent") == []
    with transaction() as other:
        assert other.query(EmailSuppression).one().email_key == "weg@example.org"


def test_a_refused_message_moves_to_the_phone(catcher: FakeMailServer, sent: Send) -> None:
    catcher.data_answer = "554 5.6.0 looks like spam"
    an_email_to_send(phone_hours=MONDAY_MORNINGS)
    sent()
    composed(NOW + timedelta(seconds=1))
    assert (the(Email).status, the(Inquiry).channel, len(rows(EmailCooldown))) == ("failed", "phone", 0)


@pytest.mark.parametrize("where", ["recipient_answer", "data_answer"])
def test_an_email_put_off_is_tried_again_after_a_pause_and_then_goes_once(
    where: str, catcher: FakeMailServer, sent: Send
) -> None:
    setattr(catcher, where, "451 4.7.1 greylisted")
    mail = an_email_to_send()
    sent()
    email = the(Email)
    assert (email.status, email.attempts, email.error) == ("approved", 1, "451 4.7.1 greylisted")
    assert rows(EmailCooldown) == []
    setattr(catcher, where, None)
    sent(NOW + timedelta(seconds=30))
    assert catcher.envelopes == []
    sent(NOW + timedelta(seconds=90))
    assert len(catcher.envelopes) == 1
    assert (the(Email).status, the(Email).message_id) == ("sent", mail.message_id)


def test_an_email_that_a_server_puts_off_for_ever_moves_to_the_phone(catcher: FakeMailServer, sending: Sending) -> None:
    catcher.recipient_answer = "452 4.2.2 mailbox full"
    an_email_to_send(phone_hours=MONDAY_MORNINGS)
    with transaction() as session:
        session.query(Email).update({"deferrals": MOST_DEFERRALS - 1})
    sending.run(NOW)
    composed(NOW + timedelta(seconds=1))
    assert (the(Email).status, the(Inquiry).channel) == ("failed", "phone")


@pytest.mark.slow
def test_a_server_that_is_away_keeps_every_email_and_starts_no_cooldown(sending: Sending) -> None:
    an_email_to_send()
    nobody = Sending(RULES, TEXTS, replace(sending.server, port=1))
    now = NOW
    for _ in range(60):
        assert nobody.run(now) == 0
        now += LONGEST_PAUSE + timedelta(minutes=1)
    email = the(Email)
    assert (email.status, email.deferrals, len(rows(EmailCooldown))) == ("approved", 0, 0)
    assert "Connection" in (email.error or "")
    while sending.run(now):
        pass
    assert the(Email).status == "sent"


@pytest.mark.parametrize("behaviour", ["drop_before_data", "hang_at_recipient"])
def test_a_connection_lost_before_the_message_was_handed_over_is_no_doubt(
    behaviour: str, catcher: FakeMailServer, sending: Sending
) -> None:
    catcher.behaviour = behaviour  # type: ignore[assignment]
    an_email_to_send()
    Sending(RULES, TEXTS, replace(sending.server, command_seconds=0.3)).run(NOW)
    assert (the(Email).status, catcher.received) == ("approved", [])


# Doubt


@pytest.mark.parametrize("behaviour", ["drop_after_data", "hang_after_data"])
def test_an_email_handed_over_without_an_answer_is_in_doubt_and_never_goes_again_by_itself(
    behaviour: str, catcher: FakeMailServer, session: Session
) -> None:
    catcher.behaviour = behaviour  # type: ignore[assignment]
    an_email_to_send()
    job = Sending(RULES, TEXTS, reaching(catcher, answer_seconds=0.5))
    job.run(NOW)
    assert (the(Email).status, the(Inquiry).waits_for, len(rows(EmailCooldown))) == ("in_doubt", "email_in_doubt", 2)
    catcher.behaviour = "accept"
    for days in range(1, 30):
        later = NOW + timedelta(days=days)
        jobs.doubts(later)
        composed(later)
        job.run(later)
        jobs.follow_up(RULES, later)
    assert len(catcher.received) == 1
    assert the(Email).status == "in_doubt"
    assert recorded_data(session, "communication.email_sent") == []


def test_a_crash_between_sending_and_recording_leaves_a_doubt_and_no_second_email(
    catcher: FakeMailServer, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_email_to_send()

    class Killed(BaseException):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(domain, "record_sent", crash)
        with pytest.raises(Killed):
            sending.run(NOW)
    assert (the(Email).status, len(catcher.received)) == ("sending", 1)
    soon = NOW + sending.lease - timedelta(seconds=1)
    assert jobs.doubts(soon) == 0
    sending.run(soon)
    late = NOW + sending.lease + timedelta(seconds=1)
    assert jobs.doubts(late) == 1
    composed(late)
    sending.run(late)
    assert (the(Email).status, len(catcher.received), len(rows(EmailCooldown))) == ("in_doubt", 1, 2)


def test_a_crash_between_claiming_and_sending_is_a_doubt_too(
    catcher: FakeMailServer, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_email_to_send()
    monkeypatch.setattr(MailServer, "deliver", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        sending.run(NOW)
    late = NOW + sending.lease + timedelta(seconds=1)
    jobs.doubts(late)
    assert the(Email).status == "in_doubt"


def test_a_slow_sender_still_records_what_it_knows(sending: Sending) -> None:
    mail = an_email_to_send()
    with transaction() as session:
        claim = domain.claim(session, mail.id, rules=RULES, texts=TEXTS, lease=sending.lease, now=NOW)
    assert claim is not None
    jobs.doubts(NOW + timedelta(days=1))
    with transaction() as session:
        assert domain.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=NOW + timedelta(days=1))
    assert the(Email).status == "sent"


def test_what_an_older_attempt_says_does_not_count(sending: Sending) -> None:
    mail = an_email_to_send()
    with transaction() as session:
        claim = domain.claim(session, mail.id, rules=RULES, texts=TEXTS, lease=sending.lease, now=NOW)
        assert claim is not None
        assert not domain.record_sent(session, claim.email_id, claim.attempt - 1, rules=RULES, now=NOW)
    assert the(Email).status == "sending"


def in_doubt(catcher: FakeMailServer) -> Email:
    catcher.behaviour = "drop_after_data"
    mail = an_email_to_send()
    Sending(RULES, TEXTS, reaching(catcher)).run(NOW)
    catcher.behaviour = "accept"
    return mail


def test_staff_can_say_that_an_email_in_doubt_was_sent(
    catcher: FakeMailServer, client: FlaskClient, session: Session
) -> None:
    mail = in_doubt(catcher)
    url = f"/api/emails/{mail.id}/resolve"
    answer = client.post(url, json={"outcome": "sent"})
    assert (answer.status_code, answer.json["status"], len(rows(EmailCooldown))) == (200, "sent", 2)
    assert answer.json["sent_at"].startswith("2026-11-23T09:00:06")
    assert len(recorded_data(session, "communication.email_sent")) == 1
    assert client.post(url, json={"outcome": "sent"}).status_code == 409
    assert client.post(url, json={"outcome": "maybe"}).status_code == 422


def test_an_email_that_was_not_sent_after_all_is_written_anew(
    catcher: FakeMailServer, client: FlaskClient, sent: Send
) -> None:
    mail = in_doubt(catcher)
    answer = client.post(f"/api/emails/{mail.id}/resolve", json={"outcome": "not_sent"})
    assert (answer.json["status"], rows(EmailCooldown)) == ("failed", [])
    later = NOW + timedelta(days=300)  # the endpoint's clock is the real one
    composed(later)
    sent(later)
    first, second = rows(Email)
    assert (first.status, second.status, len(catcher.envelopes)) == ("failed", "sent", 1)
    assert second.message_id != first.message_id


def test_a_request_withdrawn_while_its_email_was_on_the_way_stays_withdrawn(sending: Sending) -> None:
    therapist = a_therapist()
    gone, stays = a_request(therapist), a_request(therapist, a_patient())
    composed()
    with transaction() as session:
        claim = domain.claim(session, the(Email).id, rules=RULES, texts=TEXTS, lease=sending.lease, now=NOW)
    assert claim is not None
    withdraw(gone, time=NOW)
    composed(NOW + timedelta(seconds=1))
    assert set(the(Email).placement_request_ids) == {gone, stays}
    with transaction() as session:
        domain.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=NOW)
    assert the(ContactRequest, id=gone).status == "over"
    assert the(ContactRequest, id=stays).status == "contacted"


# After a week without an answer


def test_an_email_without_an_answer_for_a_week_is_followed_by_a_call(sent: Send) -> None:
    request = a_request(a_therapist(phone_hours=MONDAY_MORNINGS))
    composed()
    sent()
    jobs.follow_up(RULES, NOW + timedelta(days=6))
    composed(NOW + timedelta(days=6, minutes=1))
    assert rows(PhoneCall) == []
    week_later = datetime(2026, 11, 29, 23, 30, tzinfo=NOW.tzinfo)  # Monday, 00:30 in Berlin
    jobs.follow_up(RULES, week_later)
    composed(week_later + timedelta(minutes=1))
    call = the(PhoneCall)
    assert (call.placement_request_ids, call.starts_at) == ([request], datetime(2026, 11, 30, 9, tzinfo=NOW.tzinfo))
    assert [inquiry.channel for inquiry in rows(Inquiry)] == ["email", "phone"]


def test_an_answered_email_is_not_followed_by_a_call(client: FlaskClient, sent: Send, session: Session) -> None:
    request = a_request(a_therapist(phone_hours=MONDAY_MORNINGS))
    composed()
    sent()
    body = {"responses": [{"placement_request_id": str(request), "outcome": "later", "available_from": "2027-02-01"}]}
    answer = client.post(f"/api/emails/{the(Email).id}/response", json=body)
    assert answer.status_code == 200
    (published,) = recorded_data(session, "communication.email_answered")
    assert published["answers"] == [
        {"placement_request_id": str(request), "outcome": "later", "available_from": "2027-02-01"}
    ]
    assert jobs.follow_up(RULES, NOW + timedelta(days=20)) == 0


def test_a_practice_is_not_called_for_a_patient_whom_another_one_offered_a_place(sent: Send) -> None:
    patient = a_patient()
    silent = a_request(a_therapist(phone_hours=MONDAY_MORNINGS), patient)
    offering = a_request(a_therapist(), patient)
    composed()
    sent()
    publish(catalogue.RequestAccepted, offering, accepted_on="2026-11-24")
    late = NOW + timedelta(days=8)
    assert jobs.follow_up(RULES, late) == 0
    withdraw(offering, sequence=3)
    assert jobs.follow_up(RULES, late) == 1
    soon = late + timedelta(minutes=1)
    composed(soon)
    assert the(PhoneCall).status == "planned"
    publish(catalogue.RequestAccepted, offering, sequence=4, accepted_on="2026-12-01", time=soon)
    composed(soon)
    assert (the(PhoneCall).status, the(ContactRequest, id=silent).status) == ("cancelled", "waiting")


def test_a_hold_that_came_after_the_email_went_holds_nothing_later(sent: Send) -> None:
    request = a_request(a_therapist(phone_hours=MONDAY_MORNINGS))
    composed()
    sent()
    publish(catalogue.RequestHeld, request, hold="search_paused")
    publish(catalogue.RequestReopened, request, sequence=3, approved_at=MONDAY, time=NOW)
    composed(NOW + timedelta(days=8))
    assert [email.status for email in rows(Email)] == ["sent", "approved"]
