"""Mail servers as they are out there: with TLS and passwords, with wrong ones, and some that talk nonsense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from communication_service.jobs import Sending
from communication_service.settings import Settings
from communication_service.store.tables import Email
from shared.runtime.settings import read
from shared.runtime.smtp import Delivery, MailServer, Report
from tests.builders.communication import RULES, TEXTS, an_email_to_send, rows, the
from tests.communication_service.conftest import NOW, reaching
from tests.communication_service.mail_runs import emails
from tests.fakes.certificates import Certificates, certificates
from tests.fakes.smtp import FakeMailServer, mail_server
from tests.fakes.smtp_script import ScriptedServer, scripted

# aiosmtpd does not know that implicit TLS is TLS too
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

LOGIN = ("vermittlung", "geheim-und-lang")
Tls = Literal["starttls", "tls"]


@pytest.fixture
def ours(tmp_path: Path) -> Certificates:
    return certificates(tmp_path)


@pytest.fixture
def trusted(ours: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Certificates that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.authority))
    return ours


def towards(fake: FakeMailServer | ScriptedServer, tls: str, *, password: str = LOGIN[1]) -> MailServer:
    return replace(reaching(fake), tls=tls, username=LOGIN[0], password=password)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_email_goes_over_tls_to_a_server_that_wants_a_password(tls: Tls, trusted: Certificates) -> None:
    an_email_to_send()
    with mail_server(tls=tls, context=trusted.context(), login=LOGIN) as fake:
        Sending(RULES, TEXTS, towards(fake, tls)).run(NOW)
        assert len(fake.envelopes) == 1
    assert the(Email).status == "sent"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_wrong_password_keeps_the_email_and_appears_nowhere(
    tls: Tls, trusted: Certificates, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    an_email_to_send()
    with mail_server(tls=tls, context=trusted.context(), login=LOGIN) as fake:
        job = Sending(RULES, TEXTS, towards(fake, tls, password="falsch-und-lang"))
        assert job.run(NOW) == 0
        assert fake.passwords[0] == b"falsch-und-lang"
        assert fake.received == []
    email, written = the(Email), capsys.readouterr()
    assert (email.status, email.deferrals) == ("approved", 0)
    assert email.error == "535 5.7.8: the mail server refuses SMTP_USERNAME and SMTP_PASSWORD"
    for text in (written.out, written.err, caplog.text, repr(job)):
        assert "falsch-und-lang" not in text


def test_a_server_that_repeats_what_it_received_is_not_quoted() -> None:
    with scripted(ehlo=b"250-x\r\n250 AUTH PLAIN\r\n", auth=b"535 unknown AHZlcm1pdHRsdW5nAGdlaGVpbQ==\r\n") as script:
        report = towards(script, "none").deliver("a@example.org", "b@example.org", b"")
    assert report.delivery == Delivery.SERVER_TROUBLE
    assert report.detail == "535: the mail server refuses SMTP_USERNAME and SMTP_PASSWORD"


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password_is_said(
    tls: Tls, ours: Certificates
) -> None:
    an_email_to_send()
    with mail_server(tls=tls, context=ours.context(), login=LOGIN) as fake:
        assert Sending(RULES, TEXTS, towards(fake, tls)).run(NOW) == 0
        assert (fake.passwords, fake.received) == ([], [])
    assert the(Email).status == "approved"
    assert "certificate verify failed" in (the(Email).error or "")


def test_a_certificate_for_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = certificates(tmp_path, host="192.0.2.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(others.authority))
    with mail_server(tls="tls", context=others.context(), login=LOGIN) as fake:
        report = towards(fake, "tls").deliver("a@example.org", "b@example.org", b"")
        assert fake.passwords == []
    assert "IP address mismatch" in report.detail


def test_a_server_without_tls_gets_neither_password_nor_email_where_starttls_is_set() -> None:
    with mail_server(login=LOGIN) as fake:
        report = towards(fake, "starttls").deliver("a@example.org", "b@example.org", b"Subject: x")
        assert (fake.passwords, fake.received) == ([], [])
    assert report.delivery == Delivery.SERVER_TROUBLE
    assert "STARTTLS" in report.detail


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("banner", b""),
        ("banner", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("banner", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("banner", b"\xff\xfe\x00garbage" * 10_000),
        ("banner", b"554 5.3.2 not today\r\n"),
        ("ehlo", b"250-x\r\n"),
        ("rcpt", b"25"),
        ("data", b"hello?\r\n"),
    ],
)
def test_nonsense_before_the_message_keeps_the_email(stage: str, answer: bytes) -> None:
    an_email_to_send()
    with scripted(hangs_up=stage, **{stage: answer}) as script:
        assert Sending(RULES, TEXTS, reaching(script)).run(NOW) == 0
    email = the(Email)
    assert (email.status, email.deferrals) == ("approved", 0)
    assert email.error


def test_nonsense_after_the_message_is_a_doubt() -> None:
    an_email_to_send()
    with scripted(hangs_up="end", end=b"SSH-2.0-OpenSSH_9.2\r\n") as script:
        Sending(RULES, TEXTS, reaching(script)).run(NOW)
    assert the(Email).status == "in_doubt"


def test_credentials_that_cannot_be_sent_are_refused_at_the_start_and_not_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "Schlüssel")
    with pytest.raises(SystemExit, match=r"SMTP_PASSWORD: .*must be ASCII"):
        read(Settings)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "Schlüssel" not in str(refused.value)


HERE = ("127.0.0.1", "127.0.0.2", "::1", "localhost")
ELSEWHERE = (
    "mail.example.org",
    "10.0.0.5",
    "192.0.2.1",
    "0.0.0.0",
    "mail",
    "localhost.example.org",
    "127.0.0.1.example.org",
    "2001:db8::1",
)


@pytest.mark.parametrize("host", [*HERE, *ELSEWHERE])
@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
@pytest.mark.parametrize("said", [("SMTP_PASSWORD",), ("SMTP_USERNAME",), ("SMTP_USERNAME", "SMTP_PASSWORD"), ()])
def test_a_password_goes_in_clear_to_nobody_but_this_machine(
    host: str, tls: str, said: tuple[str, ...], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SMTP_HOST": host, "SMTP_TLS": tls, **dict.fromkeys(said, "geheim")}.items():
        monkeypatch.setenv(name, value)
    if tls == "none" and said and host in ELSEWHERE:
        with pytest.raises(SystemExit, match=r"(?m)^  SMTP_HOST: .*in clear: set starttls or tls") as refused:
            read(Settings)
        assert "geheim" not in str(refused.value)
    else:
        assert read(Settings).smtp_host == host


# A worker that stops


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("number", [1, 3])
def test_emails_that_wait_for_a_slow_server_are_given_back_and_go_later(number: int, catcher: FakeMailServer) -> None:
    emails(number)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        stopping = Sending(RULES, TEXTS, replace(reaching(catcher), port=port), connections=number)
        work = threading.Thread(target=stopping.run, args=(NOW,))
        work.start()
        waiting = [silent.accept()[0] for _ in range(number)]
        assert {email.status for email in rows(Email)} == {"sending"}, "all are claimed before one goes"
        stopping.release(NOW)
        assert {email.status for email in rows(Email)} == {"approved"}
        for connection in waiting:
            connection.close()
        work.join(30)
    assert {email.status for email in rows(Email)} == {"approved"}
    assert stopping.run(NOW + RULES.email_retry) == 0, "who has stopped hands over nothing any more"
    another = Sending(RULES, TEXTS, reaching(catcher), connections=number)
    while another.run(NOW + 10 * RULES.email_retry):
        pass
    assert ({email.status for email in rows(Email)}, len(catcher.received)) == ({"sent"}, number)


def test_an_email_that_the_server_has_is_not_given_back(catcher: FakeMailServer) -> None:
    an_email_to_send()

    class StoppedJustThen(MailServer):
        def deliver(self, *mail: Any, may_go: Callable[[], bool]) -> Report:  # type: ignore[override]
            def asked() -> bool:
                answer = may_go()
                job.release(NOW)
                return answer

            return super().deliver(*mail, may_go=asked)

    reached = reaching(catcher)
    job = Sending(
        RULES, TEXTS, StoppedJustThen(**{name: getattr(reached, name) for name in MailServer.__dataclass_fields__})
    )
    job.run(NOW)
    assert (the(Email).status, len(catcher.received)) == ("sent", 1)
