"""The mailbox is read by IMAP from a real server: everything once, whatever crashes, and whatever lies in it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from communication_service.clients.imap_mailbox import LONGEST_BEGINNING, ImapMailbox
from communication_service.domain import mail_replies, mailbox_reading
from communication_service.jobs import reading
from communication_service.jobs.reading import MAILBOX, ReadingReplies
from communication_service.settings import MailboxSettings
from communication_service.store.tables import Email, MailReply
from shared.database import transaction
from testkit.mailbox_server import PASSWORD, MailboxServer, mailbox_server
from tests.builders.communication import LINKS, RULES, TEXTS, an_email_to_send, rows, the
from tests.builders.incoming_mail import a_bounce, an_answer
from tests.communication_service.conftest import at_once
from tests.conftest import MONDAY

NOW = MONDAY + timedelta(days=7)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[MailboxServer]:
    """A real IMAP server."""
    with mailbox_server() as server:
        yield server


@pytest.fixture
def user() -> str:
    """A mailbox of this test's own."""
    return f"vermittlung-{uuid4().hex}"


@pytest.fixture
def job(dovecot: MailboxServer, user: str) -> ReadingReplies:
    """The job that reads it."""
    box = ImapMailbox("127.0.0.1", dovecot.port, "none", user, PASSWORD, "INBOX", step_seconds=150, whole_seconds=600)
    return ReadingReplies(RULES, TEXTS, LINKS.tokens, box)


def flags(dovecot: MailboxServer, user: str) -> list[str]:
    """Of each e-mail in the mailbox."""
    with dovecot.signed_in(user) as client:
        client.select()
        _, found = client.fetch("1:*", "(FLAGS)")
        return ["Seen" if rb"\Seen" in each else "" for each in found if isinstance(each, bytes)]


def test_everything_in_the_mailbox_is_read_once_and_stays_there(
    job: ReadingReplies, dovecot: MailboxServer, user: str, sent: Callable[..., None], client: FlaskClient
) -> None:
    email = an_email_to_send(email="praxis@example.org")
    assert job.run(NOW) == 0, "an empty mailbox"
    sent()
    large = an_answer("Ja, gerne", to=email.message_id) + b"\r\n\r\n" + b"x" * 1_000_000
    dovecot.deliver(
        user,
        an_answer("Leider kein Platz", to=email.message_id),
        large,
        b"\x00\xff nothing that is an e-mail",
        a_bounce(of=email.message_id, recipient="praxis@example.org"),
    )
    assert job.run(NOW) == 4
    assert flags(dovecot, user) == ["Seen"] * 4
    assert job.run(NOW) == 0
    found = rows(MailReply)
    assert [(each.kind, each.email_id is not None, each.is_cut) for each in found] == [
        ("answer", True, False),
        ("answer", True, True),
        ("answer", False, False),
        ("bounce", True, False),
    ]
    assert found[1].size == len(large) > LONGEST_BEGINNING
    assert (the(Email).status, {each.received_at <= NOW for each in found}) == ("bounced", {True})
    listed = client.get("/api/replies?kind=answer&count_by=state").json
    assert (listed["total"], listed["counts"]) == (3, {"waiting": 3})


def test_what_a_crash_leaves_half_done_is_kept_once(
    job: ReadingReplies, dovecot: MailboxServer, user: str, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    dovecot.deliver(user, an_answer("eins"), an_answer("zwei"))
    receive = mail_replies.receive

    def dies(*args: Any, **kwargs: Any) -> bool:
        receive(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mail_replies, "receive", dies)
        with pytest.raises(KeyboardInterrupt):
            job.run(NOW)
    assert job.run(NOW) == 0, "another worker may be reading: the claim of the one that died runs out"
    later = NOW + timedelta(seconds=1201)
    job.run(later)
    # the mailbox is made anew, or read from another server: other numbers, the same e-mails
    box = job.mailbox
    assert box is not None
    renamed = replace(job, mailbox=replace(box, host="localhost"))
    assert renamed.run(later) == 0
    assert (len(rows(MailReply)), flags(dovecot, user)) == (2, ["Seen", "Seen"])
    with monkeypatch.context() as patch:
        calls = iter([RuntimeError, None])

        def fails(*args: Any, **kwargs: Any) -> bool:
            if (problem := next(calls)) is not None:
                raise problem
            return receive(*args, **kwargs)

        patch.setattr(mail_replies, "receive", fails)
        dovecot.deliver(user, an_answer("drei"))
        assert renamed.run(later) == 1
    assert rows(MailReply)[-1].kind == "unreadable", "one that cannot be kept does not hold up the others"


def test_one_run_reads_a_portion_and_nothing_that_is_too_old(
    job: ReadingReplies, dovecot: MailboxServer, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 2)
    dovecot.deliver(user, *(an_answer(str(each)) for each in range(3)))
    assert [job.run(NOW) for _ in range(3)] == [2, 1, 0]
    dovecot.deliver(user, an_answer("neu"))
    # the mailbox has the clock of this machine
    assert job.run(NOW + timedelta(days=4000)) == 0


def test_two_workers_keep_each_email_once(
    job: ReadingReplies, dovecot: MailboxServer, user: str, committed: Engine
) -> None:
    dovecot.deliver(user, *(an_answer(str(each)) for each in range(4)))
    done: list[int] = []
    at_once(*[lambda: done.append(job.run(NOW))] * 2)
    assert (sum(done), len(rows(MailReply))) == (4, 4)


TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "another password": ({"password": "falsch"}, "login_refused"),
    "no such folder": ({"folder": "Gibt es nicht"}, "no_such_folder"),
    "nobody listens": ({"port": 1}, "unreachable"),
    "no TLS there": ({"tls": "tls"}, "certificate_or_tls"),
    "no STARTTLS there": ({"tls": "starttls"}, "certificate_or_tls"),
}


def test_staff_see_that_the_mailbox_cannot_be_read(job: ReadingReplies, dovecot: MailboxServer, user: str) -> None:
    box = job.mailbox
    assert box is not None
    for case, (wrong, cause) in TROUBLES.items():
        with capture_logs() as lines:
            assert replace(job, mailbox=replace(box, **wrong)).run(NOW) == 0, case
        holds, why = MAILBOX.run()
        assert (holds, cause in why["problem"]) == (False, True), (case, why)
        assert len([line for line in lines if line["event"] == "mailbox.in_trouble"]) == (case == "another password")
    dovecot.deliver(user, an_answer("Ja"))
    assert (job.run(NOW), MAILBOX.run()) == (1, (True, {}))
    assert replace(job, mailbox=replace(box, password="falsch")).run(NOW) == 0
    with capture_logs() as lines, transaction() as session:
        assert replace(job, mailbox=None).run(NOW) == 0
        assert mailbox_reading.trouble(session) is None
    assert [line["event"] for line in lines] == ["mailbox.none"]


def test_a_server_that_never_ends_an_answer_is_left(job: ReadingReplies) -> None:
    """It says a line now and then, so that no single wait is too long."""
    stop = threading.Event()

    def drips(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"*")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drips, args=(listening,))
        thread.start()
        box = job.mailbox
        assert box is not None
        slow = replace(box, port=listening.getsockname()[1], step_seconds=150, whole_seconds=0.3)
        assert replace(job, mailbox=slow).run(NOW) == 0
        stop.set()
        thread.join()
    assert "unreachable" in MAILBOX.run()[1]["problem"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"IMAP_HOST": "imap.example.org", "IMAP_TLS": "none"}, "in clear"),
        ({"IMAP_PASSWORD": "gehäim"}, "ASCII"),
        ({"IMAP_FOLDER": 'IN"BOX'}, "pattern"),
    ],
)
def test_a_setting_that_would_tell_the_password_or_another_command_is_refused(
    given: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=problem):
        MailboxSettings()
