"""A wrong setting, a blocklist, an outage: nothing goes, nothing is lost, nobody is suppressed, everybody sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from communication_service.domain import mail_server
from communication_service.domain.mail_server import MOST_NOT_TAKEN
from communication_service.domain.sending import MOST_DEFERRALS, MOST_TROUBLES
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, EmailCooldown, Inquiry, PhoneCall
from shared.database import transaction
from tests.builders.communication import RULES, a_request, a_therapist, rows, the
from tests.communication_service.conftest import NOW, at_once
from tests.communication_service.mail_runs import OTHERS_ANSWER, emails, run_until, suppressions, tries
from tests.fakes.mail_answers import TABLE, Reply
from tests.fakes.smtp_script import ScriptedServer
from tests.selection import mostly_slow


def some(means: str) -> pytest.MarkDecorator:
    """Every eighth of the answers with this meaning; test_smtp_answers.py reads all of them."""
    chosen = [reply for reply in TABLE if reply.means == means][::8]
    return pytest.mark.parametrize("reply", chosen, ids=lambda reply: reply.answer[:60])


@pytest.mark.slow
@some("us")
def test_what_is_said_about_us_stops_all_emails_and_suppresses_nobody(
    reply: Reply, server: ScriptedServer, job: Sending
) -> None:
    before = emails(3)
    server.answers["rcpt"] = reply.answer.encode() + b"\r\n"
    for second in (0, 1, 30, 59):
        assert job.run(NOW + timedelta(seconds=second)) == 0
    assert tries(server) == 1
    assert suppressions() == []
    assert rows(EmailCooldown) == []
    assert [email.status for email in rows(Email)] == ["approved"] * 3
    assert [email.error for email in rows(Email)].count(None) == 2
    server.answers.clear()
    run_until(job, RULES.email_retry, 3 * RULES.email_retry, timedelta(seconds=10))
    assert sorted(server.taken) == sorted(email.recipient for email in before)
    assert {request.by_phone for request in rows(ContactRequest)} == {False}


@some("recipient")
def test_an_address_that_does_not_exist_gets_no_more_emails_and_the_others_get_theirs(
    reply: Reply, server: ScriptedServer, job: Sending
) -> None:
    emails(3)
    server.for_recipient["p1@example.org"] = reply.answer.encode() + b"\r\n"
    run_until(job, timedelta(), timedelta(seconds=3), timedelta(seconds=1))
    (suppression,) = suppressions()
    assert (suppression.email_key, suppression.source) == ("p1@example.org", "mail_server")
    assert sorted(server.taken) == ["p0@example.org", "p2@example.org"]
    assert the(PhoneCall).status == "planned"


@some("message")
def test_a_refusal_of_one_email_moves_it_to_the_phone_and_leaves_the_address_in_use(
    reply: Reply, server: ScriptedServer, job: Sending
) -> None:
    emails(3)
    server.for_recipient["p1@example.org"] = reply.answer.encode() + b"\r\n"
    run_until(job, timedelta(), timedelta(seconds=3), timedelta(seconds=1))
    assert suppressions() == []
    assert sorted(server.taken) == ["p0@example.org", "p2@example.org"]
    assert the(PhoneCall).status == "planned"


@some("later")
def test_an_email_that_is_put_off_keeps_nobody_waiting_and_goes_when_it_may(
    reply: Reply, server: ScriptedServer, job: Sending
) -> None:
    emails(3)
    server.for_recipient["p1@example.org"] = reply.answer.encode() + b"\r\n"
    run_until(job, timedelta(), timedelta(seconds=3), timedelta(seconds=1))
    assert sorted(server.taken) == ["p0@example.org", "p2@example.org"]
    server.for_recipient.clear()
    run_until(job, timedelta(seconds=61), timedelta(seconds=61), timedelta(seconds=1))
    assert len(server.taken) == 3
    assert suppressions() == []


@pytest.mark.slow
def test_a_box_that_stays_full_is_tried_for_a_day_and_then_the_practice_is_phoned(
    server: ScriptedServer, job: Sending
) -> None:
    emails(1)
    server.answers["rcpt"] = b"552 5.2.2 mailbox full\r\n"
    run_until(job, timedelta(), timedelta(hours=24), timedelta(minutes=61))
    assert the(Email).status == "approved"
    run_until(job, timedelta(hours=25), timedelta(days=3), timedelta(minutes=61))
    assert tries(server) == MOST_DEFERRALS
    assert (the(Email).status, the(Inquiry).channel, suppressions()) == ("failed", "phone", [])


@pytest.mark.slow
def test_a_trouble_that_lasts_for_weeks_is_asked_after_now_and_again_and_ends_by_itself(
    server: ScriptedServer, job: Sending
) -> None:
    emails(4)
    server.answers["mail"] = b"553 5.1.8 Sender address rejected\r\n"
    run_until(job, timedelta(), timedelta(hours=1), timedelta(seconds=30))
    connections = sum(line.lower().startswith(b"mail") for line in server.received)
    assert connections == 7, "after 0, 1, 3, 7, 15, 30, 45 minutes; the next one is due just after the hour"
    run_until(job, timedelta(hours=2), timedelta(days=21), timedelta(days=1))
    assert {email.status for email in rows(Email)} == {"approved"}
    assert {email.deferrals for email in rows(Email)} == {0}
    # everybody has been tried: no e-mail is the one that all wait for
    assert min(email.attempts for email in rows(Email)) >= 6
    server.answers.clear()
    run_until(job, timedelta(days=22), timedelta(days=22), timedelta(seconds=1))
    assert len(server.taken) == 4


@pytest.mark.slow
def test_a_practice_whose_server_dislikes_us_does_not_stop_the_others_and_is_phoned_in_the_end(
    server: ScriptedServer, job: Sending
) -> None:
    """The answer cannot be told from one about us; what tells is that others go."""
    emails(1)
    server.for_recipient["p0@example.org"] = b"550 5.7.1 your network is blocked here\r\n"
    for number in range(1, 18):
        at = number * timedelta(minutes=10)
        a_request(a_therapist(email=f"p{number}@example.org"), time=NOW + at)
        run_until(job, at, at + timedelta(minutes=10), timedelta(minutes=2))
    (email,) = [email for email in rows(Email) if email.recipient == "p0@example.org"]
    assert (email.status, email.troubles_begun, email.deferrals) == ("failed", MOST_TROUBLES, 0)
    assert [call.therapist_id for call in rows(PhoneCall)] == [email.therapist_id]
    assert len(server.taken) == 17
    assert suppressions() == []


@pytest.mark.slow
def test_emails_to_practices_that_dislike_us_do_not_keep_a_new_one_waiting(
    server: ScriptedServer, job: Sending
) -> None:
    for mail in emails(6):
        server.for_recipient[mail.recipient] = b"550 5.7.1 your network is blocked here\r\n"
    run_until(job, timedelta(), timedelta(hours=4), timedelta(minutes=5))
    morning = timedelta(hours=12)
    a_request(a_therapist(email="new@example.org"), time=NOW + morning)
    run_until(job, morning, morning + timedelta(minutes=18), timedelta(minutes=2))
    assert server.taken == ["new@example.org"]
    assert {email.status for email in rows(Email) if email.recipient != "new@example.org"} == {"approved"}


@pytest.mark.slow
def test_the_only_email_there_is_waits_for_as_long_as_something_is_wrong_with_us(
    server: ScriptedServer, job: Sending
) -> None:
    emails(1)
    server.answers["rcpt"] = OTHERS_ANSWER.encode() + b"\r\n"
    run_until(job, timedelta(), timedelta(days=20), timedelta(days=1))
    assert (the(Email).status, the(Email).troubles_begun) == ("approved", 1)


def test_an_email_that_was_put_off_often_is_not_the_reason_for_the_first_trouble_it_begins(
    server: ScriptedServer, job: Sending
) -> None:
    emails(1)
    server.answers["rcpt"] = b"451 4.7.1 greylisted, come back later\r\n"
    for hour in range(MOST_TROUBLES):
        run_until(job, timedelta(hours=2 * hour), timedelta(hours=2 * hour), timedelta(hours=1))
    assert the(Email).deferrals == MOST_TROUBLES
    server.answers["rcpt"] = b"550 5.7.1 your network is on a blocklist\r\n"
    run_until(job, timedelta(days=1), timedelta(days=1), timedelta(hours=1))
    assert (the(Email).status, the(Email).deferrals) == ("approved", MOST_TROUBLES)
    server.answers.clear()
    run_until(job, timedelta(days=2), timedelta(days=2), timedelta(hours=1))
    assert the(Email).status == "sent"


@pytest.mark.parametrize(
    "answer",
    mostly_slow(
        [
            b"550 5.1.1 User unknown in local recipient table\r\n",
            b"550 5.1.2 Host unknown\r\n",
            b"550 5.4.1 Recipient address rejected: Access denied\r\n",
            b"451 try again\r\n",
        ],
        every=4,
    ),
)
def test_refusals_of_every_email_are_no_accident_whatever_they_say(
    answer: bytes, server: ScriptedServer, job: Sending
) -> None:
    """A relay that knows only its own users, or has no DNS, says of every practice that there is no such address."""
    emails(MOST_NOT_TAKEN + 4)
    server.answers["rcpt"] = answer
    run_until(job, timedelta(), timedelta(seconds=30), timedelta(seconds=5))
    assert tries(server) == MOST_NOT_TAKEN
    assert suppressions() == []
    with transaction() as session:
        assert "5 e-mails in a row" in (mail_server.trouble(session) or "")
    server.answers.clear()
    run_until(job, timedelta(minutes=2), timedelta(minutes=2), timedelta(seconds=1))
    assert len(server.taken) >= 4


REFUSES_EVERYBODY = [
    b"550 5.1.2 <x@example.org>: Recipient address rejected: Domain not found\r\n",
    b"550 5.4.1 Recipient address rejected: Access denied\r\n",
]


@pytest.mark.slow
@pytest.mark.parametrize("answer", REFUSES_EVERYBODY)
def test_what_a_server_says_that_refuses_everybody_is_taken_back_and_every_email_goes_once(
    answer: bytes, server: ScriptedServer, job: Sending
) -> None:
    emails(MOST_NOT_TAKEN + 4)
    server.answers["rcpt"] = answer
    run_until(job, timedelta(), timedelta(hours=6), timedelta(minutes=7))
    assert tries(server) > 2 * MOST_NOT_TAKEN, "different e-mails ask now and again whether it works"
    assert suppressions() == []
    assert {email.status for email in rows(Email)} == {"approved"}
    assert {call.status for call in rows(PhoneCall)} <= {"cancelled"}
    server.answers.clear()
    run_until(job, timedelta(hours=7), timedelta(hours=8), timedelta(minutes=7))
    assert sorted(server.taken) == [f"p{number}@example.org" for number in range(MOST_NOT_TAKEN + 4)]
    assert {email.status for email in rows(Email)} == {"sent"}
    assert {request.status for request in rows(ContactRequest)} == {"contacted"}
    assert {call.status for call in rows(PhoneCall)} <= {"cancelled"}


@pytest.mark.slow
def test_emails_that_were_tried_in_a_trouble_before_are_not_refused_for_good_by_what_follows_it(
    server: ScriptedServer, job: Sending
) -> None:
    """The relay is mended by half: first it lets us not in, then it knows no address."""
    emails(MOST_NOT_TAKEN + 1)
    server.answers["rcpt"] = b"554 5.7.1 Relay access denied\r\n"
    run_until(job, timedelta(), timedelta(hours=3), timedelta(minutes=5))
    assert min(email.attempts for email in rows(Email)) > 1
    server.answers["rcpt"] = REFUSES_EVERYBODY[0]
    run_until(job, timedelta(hours=4), timedelta(hours=5), timedelta(minutes=5))
    assert suppressions() == []
    assert {email.status for email in rows(Email)} == {"approved"}


@pytest.mark.slow
def test_addresses_that_really_do_not_exist_are_found_out_once_the_server_takes_others(
    server: ScriptedServer, job: Sending
) -> None:
    """Five bad ones in a row look like a trouble; they end as any other, and hold nobody up for ever."""
    emails(2 * MOST_NOT_TAKEN)
    for number in range(2 * MOST_NOT_TAKEN):
        server.for_recipient[f"p{number}@example.org"] = b"550 5.1.1 User unknown\r\n"
    run_until(job, timedelta(), timedelta(hours=1), timedelta(minutes=5))
    assert suppressions() == []
    for hour in range(2, 5):
        a_request(a_therapist(email=f"good{hour}@example.org"), time=NOW + timedelta(hours=hour))
        run_until(job, timedelta(hours=hour), timedelta(hours=hour, minutes=50), timedelta(minutes=5))
    assert len(server.taken) == 3
    assert len(suppressions()) == 2 * MOST_NOT_TAKEN
    assert {call.status for call in rows(PhoneCall)} == {"planned"}


def test_what_others_said_of_an_address_stays_when_a_refusal_is_taken_back(
    server: ScriptedServer, job: Sending, client: FlaskClient
) -> None:
    emails(MOST_NOT_TAKEN)
    server.answers["rcpt"] = REFUSES_EVERYBODY[0]
    job.run(NOW)
    (refused,) = [email.recipient for email in rows(Email) if email.status == "failed"]
    assert client.post("/api/email-suppressions", json={"email": refused, "reason": "x"}).status_code == 201
    run_until(job, timedelta(seconds=1), timedelta(minutes=1), timedelta(seconds=5))
    assert [(each.email_key, each.source) for each in suppressions()] == [(refused, "staff")]


def test_a_practice_that_was_phoned_meanwhile_gets_no_email_besides(server: ScriptedServer, job: Sending) -> None:
    emails(MOST_NOT_TAKEN)
    server.answers["rcpt"] = REFUSES_EVERYBODY[0]
    job.run(NOW)
    (refused,) = [email for email in rows(Email) if email.status == "failed"]
    with transaction() as session:
        session.get_one(Inquiry, refused.inquiry_id).attempts = 1
    run_until(job, timedelta(seconds=1), timedelta(minutes=1), timedelta(seconds=5))
    server.answers.clear()
    run_until(job, timedelta(hours=1), timedelta(hours=2), timedelta(minutes=10))
    assert refused.recipient not in server.taken
    assert len(server.taken) == MOST_NOT_TAKEN - 1
    assert suppressions() == []
    assert [request.therapist_id for request in rows(ContactRequest) if request.by_phone] == [refused.therapist_id]


def test_a_few_bad_addresses_among_good_ones_stop_nothing(server: ScriptedServer, job: Sending) -> None:
    emails(12)
    server.for_recipient = {f"p{n}@example.org": b"550 5.1.1 User unknown\r\n" for n in range(12) if n % 3}
    run_until(job, timedelta(), timedelta(seconds=1), timedelta(seconds=1))
    assert len(server.taken) == 4


def test_a_server_that_leaves_every_email_in_doubt_gets_no_more_of_them(server: ScriptedServer, job: Sending) -> None:
    emails(4)
    server.answers["end"] = b"what?\r\n"
    run_until(job, timedelta(), timedelta(seconds=30), timedelta(seconds=1))
    assert sorted(email.status for email in rows(Email)) == ["approved"] * 3 + ["in_doubt"]


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "end"])
def test_what_a_server_says_can_be_stored_whatever_it_is(stage: str, server: ScriptedServer, job: Sending) -> None:
    emails(1)
    server.answers[stage] = b"550 \x00\xff\xed\xa0\x80 no\x1b\r\n"
    job.run(NOW)
    assert (the(Email).error or "").startswith("550")


# Several workers


@pytest.mark.usefixtures("committed")
def test_of_several_workers_one_tries_a_server_in_trouble(server: ScriptedServer, job: Sending) -> None:
    emails(8)
    server.answers["mail"] = b"451 4.3.0 no\r\n"
    job.run(NOW)
    server.received.clear()
    later = NOW + 2 * RULES.email_retry
    work: Callable[[], object] = lambda: job.run(later)  # noqa: E731
    at_once(*[work] * 6)
    assert sum(line.lower().startswith(b"mail") for line in server.received) == 1
