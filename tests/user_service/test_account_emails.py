"""The job that sends invitations and password resets: none is lost, whatever the mail server does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from time import sleep

import pytest
from sqlalchemy.orm import Session

from shared.database import transaction
from shared.runtime.health import readiness
from shared.runtime.metrics import exposition
from shared.values.account_enums import AccountEmailKind, OneTimeTokenPurpose
from tests.builders.accounts import EMAIL, PASSWORD, a_person
from tests.builders.sign_ins import HOME, token_in
from tests.concurrency import at_once
from tests.conftest import MONDAY
from tests.fakes.smtp import FakeMailServer
from tests.user_service.conftest import SendDue
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import account_emails, email_delivery, email_texts, links
from user_service.domain.schemas import PasswordResetRequest
from user_service.store.tables import Account, AccountChange, AccountEmail, OneTimeToken

SOON = MONDAY + timedelta(seconds=11)
"""After the first pause."""


def ask(session: Session, needed: Dependencies, email: str = EMAIL) -> None:
    """Ask for a password reset."""
    account_emails.request_reset(session, PasswordResetRequest(email=email), HOME, needed.values, now=MONDAY)
    session.flush()


@pytest.fixture
def person(session: Session, needed: Dependencies) -> Account:
    """A person who has asked for a password reset."""
    made = a_person(session)
    ask(session, needed)
    return made


def log_of(session: Session, account: Account) -> list[tuple[str, str | None]]:
    """What happened to an account since it was made."""
    rows = session.query(AccountChange).filter_by(account_id=account.id).order_by(AccountChange.changed_at)
    return [(row.change, row.detail) for row in rows if row.change != "created"]


def test_the_email_is_what_people_and_programs_expect(
    person: Account, catcher: FakeMailServer, send: SendDue, needed: Dependencies
) -> None:
    assert send(MONDAY) == 1
    ((sender, recipients, _),) = catcher.envelopes
    (mail,) = catcher.messages
    assert (sender, recipients) == ("konten@agentur.example.org", [EMAIL])
    assert mail["From"] == "Vermittlung von Therapieplätzen <konten@agentur.example.org>"
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "de, en")
    text = mail.get_content()
    assert "Guten Tag Erika Musterfrau," in text
    assert "Hello Erika Musterfrau," in text
    assert f"{needed.public_url}/reset-password#token={token_in(mail)}" in text
    assert "bis 23.11.2026, 11:00 Uhr" in text, "an hour later, as clocks in Berlin show it"
    assert "until 2026-11-23, 11:00" in text


@pytest.mark.parametrize("kind", AccountEmailKind)
@pytest.mark.parametrize("name", ["{link}", "{0}", "Ann\nBcc: x@example.org", "%s", "Zoë 🦊"])
def test_a_name_is_shown_and_nothing_else(kind: AccountEmailKind, name: str) -> None:
    text = email_texts.of(kind, name=name, link="https://example.org/x", at=MONDAY)
    shown = " ".join(name.split())
    assert text.text.count(f"{shown},\n") == 2
    assert text.text.count("https://example.org/x") == 2
    assert "\n" not in text.subject


def test_one_that_went_is_gone(session: Session, person: Account, catcher: FakeMailServer, send: SendDue) -> None:
    assert (send(MONDAY), send(SOON)) == (1, 0)
    assert session.query(AccountEmail).count() == 0
    assert log_of(session, person) == [("email_sent", "password_reset")]


@pytest.mark.parametrize("behaviour", ["drop_before_data", "drop_after_data"])
def test_one_that_may_not_have_gone_is_sent_again_with_another_link(
    session: Session, person: Account, catcher: FakeMailServer, send: SendDue, behaviour: str
) -> None:
    catcher.behaviour = behaviour  # type: ignore[assignment]
    send(MONDAY)
    assert log_of(session, person) == []
    catcher.behaviour = "accept"
    assert send(MONDAY + timedelta(seconds=5)) == 0, "a pause first"
    assert send(SOON) == 1
    token = token_in(catcher.messages[0])
    assert links.owner(session, token, OneTimeTokenPurpose.PASSWORD_RESET, now=SOON).id == person.id
    assert log_of(session, person) == [("email_sent", "password_reset")]


@pytest.mark.parametrize("answer", ["451 later", "421 closing", "550 5.7.1 relaying denied"])
def test_a_mail_server_in_trouble_loses_nothing(
    session: Session, person: Account, catcher: FakeMailServer, send: SendDue, answer: str
) -> None:
    catcher.recipient_answer = answer
    now, pauses = MONDAY, []
    for _ in range(12):
        send(now)
        session.expire_all()
        (row,) = session.query(AccountEmail).populate_existing()
        pauses.append(round((row.due_at - now).total_seconds()))
        now = row.due_at
    assert pauses[:3] == [10, 20, 40]
    assert pauses[-1] == 900
    catcher.recipient_answer = None
    assert send(now) == 1
    assert len(catcher.messages) == 1


def test_one_that_is_refused_for_good_is_told_to_administrators(
    session: Session, person: Account, catcher: FakeMailServer, send: SendDue
) -> None:
    catcher.recipient_answer = "550 5.1.1 user unknown"
    assert send(MONDAY) == 1
    assert session.query(AccountEmail).count() == 0
    assert log_of(session, person) == [("email_failed", "password_reset: 550 5.1.1")]


def test_what_nobody_takes_for_two_days_is_given_up(
    session: Session, person: Account, catcher: FakeMailServer, send: SendDue
) -> None:
    catcher.recipient_answer = "451 later"
    send(MONDAY + timedelta(days=2, seconds=1))
    assert session.query(AccountEmail).count() == 0
    assert [change for change, _ in log_of(session, person)] == ["email_failed"]


def test_one_whose_worker_died_is_sent_by_another(
    session: Session, person: Account, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    lease = timedelta(minutes=3)
    lost = email_delivery.claim(session, lease=lease, now=MONDAY)
    assert lost is not None
    assert send(MONDAY + timedelta(minutes=2)) == 0
    assert send(MONDAY + lease) == 1
    # the one that was thought dead was only slow: what it records now changes nothing
    email_delivery.record_not_sent(session, lost, needed.emails, cause="late", is_held_up=True, now=MONDAY + lease)
    assert send(MONDAY + timedelta(hours=1)) == 0
    assert len(catcher.messages) == 1


@pytest.mark.parametrize("ends", ["sent", "refused", "not sent", "never"])
@pytest.mark.parametrize("kind", [AccountEmailKind.PASSWORD_RESET, AccountEmailKind.INVITATION])
def test_one_that_is_asked_for_while_another_is_on_its_way_goes_too(
    session: Session, needed: Dependencies, catcher: FakeMailServer, send: SendDue, kind: AccountEmailKind, ends: str
) -> None:
    """The first may be older than what the person needs, and where it arrives nobody knows."""
    is_reset = kind == AccountEmailKind.PASSWORD_RESET
    account_id = a_person(session, password=PASSWORD if is_reset else None).id

    def ask_for_it() -> None:
        if is_reset:
            ask(session, needed)
        else:
            account_emails.invite(session, account_id, by=None, now=MONDAY)

    ask_for_it()
    slow = email_delivery.claim(session, lease=timedelta(minutes=3), now=MONDAY)
    assert slow is not None
    ask_for_it()
    if ends == "sent":
        email_delivery.record_sent(session, slow, now=MONDAY)
    elif ends == "refused":
        email_delivery.record_refused(session, slow, cause="550 5.1.1", now=MONDAY)
    elif ends == "not sent":
        email_delivery.record_not_sent(session, slow, needed.emails, cause="451", is_held_up=False, now=MONDAY)
    assert (send(MONDAY), len(catcher.messages)) == (1, 1)
    assert token_in(catcher.messages[0])
    assert send(SOON) == 0
    assert session.query(AccountEmail).count() == 0


def test_one_that_waits_and_is_asked_for_again_goes_once_and_is_not_given_up_before_its_time(
    session: Session, person: Account, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    catcher.recipient_answer = "451 later"
    send(MONDAY)
    later = MONDAY + timedelta(days=1)
    account_emails.request_reset(session, PasswordResetRequest(email=EMAIL), HOME, needed.values, now=later)
    send(MONDAY + timedelta(days=2, seconds=1))
    assert session.query(AccountEmail).count() == 1
    catcher.recipient_answer = None
    assert (send(MONDAY + timedelta(days=2, hours=1)), len(catcher.messages)) == (1, 1)
    assert session.query(AccountEmail).count() == 0


def test_one_that_cannot_be_written_holds_up_nobody(
    session: Session, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    odd = a_person(session, email="jürgen@example.org")
    ask(session, needed, "jürgen@example.org")
    a_person(session)
    ask(session, needed)
    assert send(MONDAY) == 1
    assert [mail["To"] for mail in catcher.messages] == [EMAIL]
    assert [change for change, _ in log_of(session, odd)] == ["email_failed"]


def test_a_domain_with_umlauts_is_written_to(
    session: Session, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    a_person(session, email="erika@müller.example")
    ask(session, needed, "erika@müller.example")
    assert send(MONDAY) == 1
    assert catcher.envelopes[0][1] == ["erika@xn--mller-kva.example"]


def said() -> tuple[bool, str | None, str]:
    """Whether a worker is ready, what its check of the mail server says, and the metric."""
    is_ready, document = readiness([jobs.MAIL_SERVER], {})
    text, _ = exposition(None)
    (gauge,) = [line for line in text.decode().splitlines() if line.startswith("platform_mail_server_in_trouble")]
    return is_ready, json.loads(document)["checks"]["mail_server"].get("problem"), gauge.split()[1]


def test_a_mail_server_in_trouble_is_shown_and_what_waited_goes_once_it_works(
    session: Session, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    for n in range(3):
        a_person(session, email=f"user{n}@example.org")
        ask(session, needed, f"user{n}@example.org")
    catcher.recipient_answer = "554 5.7.1 <user@example.org>: your network is blocked"
    assert [send(MONDAY + n * timedelta(minutes=20)) for n in range(9)] == [0] * 9
    assert said() == (True, "e-mails wait since 2026-11-23 09:00 UTC: 554 5.7.1", "1.0")
    catcher.recipient_answer = None
    now = MONDAY + timedelta(hours=4)
    assert [send(now + n * timedelta(seconds=1)) for n in range(4)] == [1, 1, 1, 0], "at once, not after a pause each"
    assert said() == (True, None, "0.0")


def test_one_that_is_not_taken_for_itself_is_no_trouble_of_the_mail_server(
    session: Session, person: Account, catcher: FakeMailServer, send: SendDue
) -> None:
    catcher.recipient_answer = "451 4.7.1 greylisted, come again"
    assert send(MONDAY) == 1
    send(MONDAY + timedelta(seconds=1))
    assert said() == (True, None, "0.0")


def test_one_that_cannot_be_written_is_tried_again_beside_the_others(
    session: Session, needed: Dependencies, catcher: FakeMailServer, send: SendDue
) -> None:
    """Whatever the reason: an error of ours costs nobody their e-mail."""
    for email in ("first@example.org", "second@example.org"):
        a_person(session, email=email)
        ask(session, needed, email)
    broken = replace(needed, emails=needed.emails.model_copy(update={"mail_from": "not an address"}))
    (job,) = (each for each in jobs.jobs(broken) if each.name == "send-account-emails")
    assert [job.run(MONDAY), job.run(MONDAY), job.run(MONDAY)] == [1, 1, 0]
    assert catcher.messages == []
    assert [send(SOON), send(SOON)] == [1, 1]
    assert {mail["To"] for mail in catcher.messages} == {"first@example.org", "second@example.org"}


class TestAtOnce:
    """Each in a transaction of its own, on the real database."""

    @pytest.fixture(autouse=True)
    def _committed(self, real_commits: None, needed: Dependencies) -> None:
        with transaction() as session:
            a_person(session)
            ask(session, needed)

    def test_several_workers_send_it_once(self, catcher: FakeMailServer, send: SendDue) -> None:
        outcomes = at_once([lambda: send(MONDAY)] * 4)
        assert sorted(outcomes) == [0, 0, 0, 1]
        assert len(catcher.messages) == 1

    def test_nothing_is_open_while_the_mail_server_is_spoken_to(
        self, catcher: FakeMailServer, send: SendDue, needed: Dependencies
    ) -> None:
        """Who asks again meanwhile waits for nobody."""
        catcher.behaviour = "hang_at_recipient"

        def is_written() -> bool:
            with transaction() as session:
                return session.query(OneTimeToken).count() == 1

        def ask_again() -> str:
            while not is_written():
                sleep(0.01)
            with transaction() as session:
                ask(session, needed)
                account = session.query(Account).with_for_update(nowait=True).one()
                return account.email or ""

        assert at_once([lambda: send(MONDAY), ask_again]) == [0, EMAIL]
