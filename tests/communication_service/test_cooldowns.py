"""At most one inquiry e-mail in seven Berlin days per therapist and per address; the database decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import sending as domain
from communication_service.jobs import Sending
from communication_service.store import cooldown_queries, request_queries
from communication_service.store.tables import Email, EmailCooldown, Inquiry
from shared.database import transaction
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    composed,
    rows,
    the,
)
from tests.communication_service.conftest import at_once, reaching
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer

NOW = MONDAY + timedelta(seconds=6)
Send = Callable[..., None]


def test_a_second_request_within_the_week_waits_visibly_and_goes_when_the_cooldown_ends(
    catcher: FakeMailServer, sent: Send
) -> None:
    therapist = a_therapist()
    a_request(therapist)
    composed()
    sent()
    tuesday = MONDAY + timedelta(days=1)
    patient = a_patient()
    second = a_request(therapist, patient, time=tuesday)
    composed(tuesday + timedelta(seconds=5))
    sent(tuesday + timedelta(seconds=6))
    waiting, inquiry = rows(Email)[1], rows(Inquiry)[1]
    assert (waiting.status, waiting.waits_for) == ("waiting", "therapist_emailed_recently")
    assert waiting.waits_until == inquiry.waits_until == date(2026, 11, 29)
    third = a_request(therapist, patient, time=tuesday + timedelta(days=1))
    composed(tuesday + timedelta(days=1, seconds=5))
    almost = datetime(2026, 11, 29, 22, 59, tzinfo=UTC)  # Sunday, 23:59 in Berlin
    composed(almost)
    sent(almost)
    assert len(catcher.envelopes) == 1
    then = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)  # Monday, 00:00 in Berlin
    composed(then)
    sent(then)
    assert len(catcher.envelopes) == 2
    assert set(rows(Email)[1].placement_request_ids) == {second, third}


def test_therapists_who_share_an_address_share_its_cooldown(catcher: FakeMailServer, sent: Send) -> None:
    a_request(a_therapist(email="Praxis@Muster.example.org"))
    a_request(a_therapist(email="praxis@muster.example.org"))
    composed()
    sent()
    composed(NOW + timedelta(hours=2))
    sent(NOW + timedelta(hours=2))
    assert sorted((email.status, email.waits_for) for email in rows(Email)) == [
        ("sent", None),
        ("waiting", "address_emailed_recently"),
    ]
    assert len(catcher.envelopes) == 1


def test_a_therapist_with_a_new_address_keeps_the_cooldown(catcher: FakeMailServer, sent: Send) -> None:
    therapist = a_therapist()
    a_request(therapist)
    composed()
    sent()
    a_therapist(id=therapist, sequence=2, email="neu@example.org")
    a_request(therapist, time=NOW)
    composed(NOW + timedelta(seconds=5))
    sent(NOW + timedelta(seconds=6))
    assert rows(Email)[1].waits_for == "therapist_emailed_recently"


def test_a_cooldown_that_ends_early_lets_the_others_go(catcher: FakeMailServer, sent: Send) -> None:
    catcher.data_answer = "554 5.6.0 no"
    a_request(a_therapist(email="praxis@muster.example.org"))
    composed()
    a_request(a_therapist(email="praxis@muster.example.org"), time=NOW)
    composed(NOW + timedelta(seconds=5))
    sent(NOW + timedelta(seconds=6))
    catcher.data_answer = None
    composed(NOW + timedelta(seconds=7))
    sent(NOW + timedelta(seconds=8))
    assert {email.status for email in rows(Email)} <= {"failed", "sent"}


@pytest.mark.parametrize(
    ("sent_at", "opens_at"),
    [
        # the clocks go back on 25 October 2026, so this week has 169 hours, and go forward on 28 March 2027
        (datetime(2026, 10, 20, 21, 30, tzinfo=UTC), datetime(2026, 10, 26, 23, 0, tzinfo=UTC)),
        (datetime(2027, 3, 24, 22, 30, tzinfo=UTC), datetime(2027, 3, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_seven_days_are_berlin_calendar_days_also_when_the_clocks_change(
    sent_at: datetime, opens_at: datetime, catcher: FakeMailServer, sent: Send
) -> None:
    therapist = a_therapist(time=sent_at)
    a_request(therapist, time=sent_at)
    composed(sent_at + timedelta(seconds=5))
    sent(sent_at + timedelta(seconds=6))
    a_request(therapist, time=sent_at + timedelta(minutes=1))
    composed(sent_at + timedelta(minutes=2))
    before = opens_at - timedelta(seconds=1)
    composed(before)
    sent(before)
    assert len(catcher.envelopes) == 1
    composed(opens_at)
    sent(opens_at)
    assert len(catcher.envelopes) == 2


def test_an_email_claimed_before_midnight_and_sent_after_it_counts_from_the_later_day(sending: Sending) -> None:
    midnight = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    a_request(a_therapist())
    composed()
    with transaction() as session:
        claim = domain.claim(
            session, the(Email).id, rules=RULES, texts=TEXTS, lease=sending.lease, now=midnight - timedelta(seconds=1)
        )
        assert claim is not None
        domain.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=midnight + timedelta(seconds=1))
    assert {cooldown.during.upper for cooldown in rows(EmailCooldown)} == {date(2026, 12, 1)}


def test_the_database_refuses_two_cooldowns_of_one_subject_on_one_day(session: Session) -> None:
    a_request(a_therapist())
    composed()
    mail = the(Email).id
    first, later = date(2026, 11, 23), date(2026, 11, 29)
    take = cooldown_queries.start_all
    assert take(session, {mail: ["address:a", "therapist:t"]}, first=first, ends_on=date(2026, 11, 30))
    assert not take(session, {mail: ["address:a", "therapist:u"]}, first=later, ends_on=date(2026, 12, 6))


# Several workers at once, on connections of their own


def test_of_two_transactions_that_take_a_cooldown_at_once_one_gets_it(committed: Engine) -> None:
    for _ in range(2):
        a_request(a_therapist(email="praxis@muster.example.org"))
    composed()
    emails = [email.id for email in rows(Email)]
    got: list[bool] = []

    def take(mail: UUID, therapist: str) -> Callable[[], None]:
        def work() -> None:
            with transaction() as session:
                subjects = ["address:praxis@muster.example.org", f"therapist:{therapist}"]
                days = {"first": date(2026, 11, 23), "ends_on": date(2026, 11, 30)}
                got.append(mail in cooldown_queries.start_all(session, {mail: subjects}, **days))
                session.execute(text("SELECT pg_sleep(0.2)"))

        return work

    at_once(take(emails[0], "a"), take(emails[1], "b"))
    assert sorted(got) == [False, True]
    assert len(rows(EmailCooldown)) == 2


@pytest.mark.parametrize("connections", [1, 3])
def test_many_workers_send_each_email_once_and_one_per_address(
    connections: int, committed: Engine, catcher: FakeMailServer
) -> None:
    for number in range(12):
        a_request(a_therapist(email=f"praxis{number % 4}@muster.example.org"))
    composed()

    def work() -> None:
        job = Sending(RULES, TEXTS, reaching(catcher, answer_seconds=10), connections=connections)
        for second in range(6):
            jobs.compose(RULES, TEXTS, NOW + timedelta(seconds=second))
            while job.run(NOW + timedelta(seconds=second)):
                pass

    at_once(*[work] * 4)
    assert sorted(recipients[0] for _, recipients, _ in catcher.envelopes) == [
        f"praxis{number}@muster.example.org" for number in range(4)
    ]
    by_status = [email.status for email in rows(Email)]
    assert (by_status.count("sent"), by_status.count("waiting")) == (4, 8)


def test_workers_that_compose_at_once_put_each_request_into_one_contact(committed: Engine) -> None:
    therapists = [a_therapist() for _ in range(4)]
    asked = [a_request(therapist, a_patient()) for therapist in therapists for _ in range(3)]
    at_once(*[lambda: [jobs.compose(RULES, TEXTS, MONDAY + timedelta(seconds=5)) for _ in range(5)]] * 4)
    carried = [request for email in rows(Email) for request in email.placement_request_ids]
    assert sorted(carried) == sorted(asked)
    assert len(rows(Email)) == len(rows(Inquiry)) == 4


def test_a_withdrawal_that_is_being_written_is_waited_for(committed: Engine, catcher: FakeMailServer) -> None:
    request = a_request(a_therapist())
    composed()
    mail = the(Email).id
    with transaction() as withdrawing:
        row = request_queries.request_for_change(withdrawing, request)
        assert row is not None
        row.status, row.due_at = "over", NOW
        withdrawing.flush()
        with transaction() as session:
            assert domain.claim(session, mail, rules=RULES, texts=TEXTS, lease=timedelta(minutes=1), now=NOW) is None
    Sending(RULES, TEXTS, reaching(catcher)).run(NOW)
    assert (the(Email).status, catcher.received) == ("cancelled", [])
