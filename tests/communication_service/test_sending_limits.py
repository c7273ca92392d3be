"""How many e-mails go, at which hours, and what becomes of them where the platform is tried out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from communication_service import jobs
from communication_service.domain.letter_headers import REPLY_LINK_HERE
from communication_service.domain.sending_limits import are_inquiries_sent
from communication_service.jobs import Sending
from communication_service.settings import ContactRules
from communication_service.store.tables import ContactRequest, Email, EmailCooldown, EmailSuppression
from shared.database import transaction
from shared.events import catalogue
from shared.values.datetimes import BERLIN
from tests.builders.communication import LINKS, TEXTS, publish, rows, the
from tests.communication_service.conftest import NOW, reaching
from tests.communication_service.mail_runs import emails
from tests.fakes.smtp import FakeMailServer

WORKING_HOURS = ContactRules(sending_hours="08:00-18:00")


def sending(catcher: FakeMailServer, rules: ContactRules) -> Sending:
    """The job under these rules."""
    return Sending(rules, TEXTS, reaching(catcher), links=LINKS)


def sent_at(job: Sending, now: datetime) -> int:
    """How many e-mails the job sends now."""
    count = 0
    while job.run(now):
        count += 1
    return count


def test_no_more_go_than_may_in_a_minute_and_in_an_hour(catcher: FakeMailServer) -> None:
    emails(6)
    job = sending(catcher, ContactRules(emails_per_minute=2, emails_per_hour=5))
    minutes = [0, 0.9, 1.1, 2.2, 3.3, 59, 61]
    assert [sent_at(job, NOW + timedelta(minutes=each)) for each in minutes] == [2, 0, 2, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ((2026, 11, 23, 7, 59), False),
        ((2026, 11, 23, 8, 0), True),
        ((2026, 11, 23, 17, 59), True),
        ((2026, 11, 23, 18, 0), False),
        ((2026, 11, 28, 10, 0), False),  # a Saturday
        ((2026, 12, 25, 10, 0), False),  # a Friday, and Christmas
        ((2026, 12, 24, 10, 0), True),
        ((2027, 1, 6, 10, 0), True),  # a holiday in three states only
    ],
)
def test_hours_are_those_of_working_days_in_berlin(at: tuple[int, int, int, int, int], is_open: bool) -> None:
    assert are_inquiries_sent(WORKING_HOURS, datetime(*at, tzinfo=BERLIN)) == is_open
    assert are_inquiries_sent(ContactRules(), datetime(*at, tzinfo=BERLIN))


def test_outside_of_the_hours_answers_go_and_inquiries_do_not(catcher: FakeMailServer) -> None:
    emails(2)
    job = sending(catcher, WORKING_HOURS)
    assert sent_at(job, NOW.replace(hour=20)) == 0
    with transaction() as session:
        session.get_one(Email, rows(Email)[0].id).is_urgent = True
    assert sent_at(job, NOW.replace(hour=20)) == 1
    (asked,) = rows(ContactRequest, status="contacted")
    publish(catalogue.RequestWithdrawn, asked.id, time=NOW.replace(hour=21), reason="placed_elsewhere")
    jobs.write_withdrawals(WORKING_HOURS, TEXTS, NOW.replace(hour=22))
    assert (sent_at(job, NOW.replace(hour=22)), the(Email, kind="withdrawal").status) == (1, "sent")


def test_a_redirected_email_says_whom_it_was_for_and_counts_as_sent(catcher: FakeMailServer) -> None:
    emails(1)
    rules = ContactRules(mail_mode="redirect", redirect_to="probe@agentur.example.org", reply_tokens=True)
    assert sent_at(sending(catcher, rules), NOW) == 1
    (message,) = catcher.messages
    assert message["To"] == "probe@agentur.example.org"
    assert "p0@example.org" in message["Subject"]
    for form in ("plain", "html"):
        text = message.get_body((form,)).get_content()
        assert "p0@example.org" in text
        assert (LINKS.public_url in text, REPLY_LINK_HERE in text) == (False, True), "a link would act for the practice"
    assert (message["Reply-To"], message["List-Unsubscribe"].startswith("<mailto:")) == (None, True)
    assert (the(Email).mode, the(Email).recipient, len(rows(EmailCooldown))) == ("redirect", "p0@example.org", 2)


def test_a_refusal_of_the_address_that_stands_for_all_suppresses_nobody(catcher: FakeMailServer) -> None:
    emails(1)
    catcher.recipient_answer = "550 5.1.1 no such user"
    sending(catcher, ContactRules(mail_mode="redirect", redirect_to="probe@agentur.example.org")).run(NOW)
    with transaction() as session:
        assert session.query(EmailSuppression).count() == 0


def test_in_a_dry_run_nothing_goes_and_cooldowns_act_as_always(catcher: FakeMailServer) -> None:
    emails(1)
    assert sent_at(sending(catcher, ContactRules(mail_mode="dry_run")), NOW) == 1
    assert catcher.envelopes == []
    assert (the(Email).status, the(Email).mode, len(rows(EmailCooldown))) == ("sent", "dry_run", 2)
    assert the(ContactRequest).status == "contacted"


@pytest.mark.parametrize(
    "wrong",
    [{"sending_hours": "8-18"}, {"sending_hours": "18:00-08:00"}, {"mail_mode": "redirect"}, {"redirect_to": "x"}],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ContactRules(**wrong)
