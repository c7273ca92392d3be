"""What staff and operators see of a trouble with the mail server: an answer, a check, a metric, log events."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from structlog.testing import capture_logs

from communication_service import jobs
from communication_service.domain.mail_server import MOST_NOT_TAKEN
from communication_service.jobs import Sending
from communication_service.store.tables import Email
from shared.runtime.health import readiness
from shared.runtime.metrics import exposition
from tests.builders.communication import RULES, TEXTS, rows
from tests.communication_service.conftest import NOW, reaching
from tests.communication_service.mail_runs import OTHERS_ANSWER, emails, run_until, troubles_in
from tests.fakes.smtp_script import ScriptedServer
from tests.infrastructure import taken_back


def test_staff_see_since_when_and_why_nothing_goes(server: ScriptedServer, job: Sending, client: FlaskClient) -> None:
    assert client.get("/api/mail-server").json == {
        "status": "working", "since": None, "detail": None, "next_try_at": None, "emails_waiting": 0,
    }  # fmt: skip
    emails(3)
    server.answers["rcpt"] = OTHERS_ANSWER.encode() + b"\r\n"
    job.run(NOW)
    shown = client.get("/api/mail-server").json
    assert (shown["status"], shown["detail"], shown["emails_waiting"]) == ("in_trouble", OTHERS_ANSWER, 3)
    assert shown["since"].startswith("2026-11-23T09:00:0")
    assert shown["next_try_at"].startswith("2026-11-23T09:01:0")
    server.answers.clear()
    run_until(job, timedelta(minutes=2), timedelta(minutes=2), timedelta(seconds=1))
    assert client.get("/api/mail-server").json["status"] == "working"


def test_health_and_a_metric_say_so_and_the_worker_stays_ready(server: ScriptedServer, job: Sending) -> None:
    def said() -> tuple[bool, dict[str, Any], str]:
        is_ready, document = readiness([jobs.MAIL_SERVER], {})
        text, _ = exposition(None)
        (gauge,) = [line for line in text.decode().splitlines() if line.startswith("platform_mail_server_in_trouble")]
        return is_ready, json.loads(document)["checks"]["mail_server"], gauge.split()[1]

    emails(1)
    server.answers["mail"] = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
    job.run(NOW)
    job.run(NOW)
    is_ready, check, gauge = said()
    assert (is_ready, check["ok"], gauge) == (True, False, "1.0")
    assert check["problem"] == "no e-mail goes since 2026-11-23 09:00 UTC: 530 5.7.0"
    server.answers.clear()
    run_until(job, timedelta(minutes=2), timedelta(minutes=2), timedelta(seconds=1))
    job.run(NOW + timedelta(minutes=3))
    assert said() == (True, {"ok": True, "decisive": False}, "0.0")


@pytest.mark.slow
def test_what_everybody_may_see_and_what_is_logged_name_no_practice(
    server: ScriptedServer, connection: Connection
) -> None:
    """A server's words repeat whom an e-mail was for; whoever watches the processes must not learn it."""
    emails(MOST_NOT_TAKEN)
    stages = ("banner", "ehlo", "mail", "rcpt", "data", "end")
    for stage, code in product(stages, ("550 5.7.1", "550 5.1.1", "451 4.3.0", "421", "999")):
        with taken_back(connection):
            said = f"{code} <praxis-k@example.org>: not for praxis-k@example.org, Dr. Erfunden\r\n"
            server.answers = {stage: said.encode()}
            _names_no_practice(Sending(RULES, TEXTS, reaching(server)))


def _names_no_practice(job: Sending) -> None:
    with capture_logs() as lines:
        run_until(job, timedelta(), timedelta(seconds=MOST_NOT_TAKEN), timedelta(seconds=1))
    _, document = readiness([jobs.MAIL_SERVER], {})
    problem = json.loads(document)["checks"]["mail_server"]["problem"]
    for shown in (problem, str(lines)):
        assert not any(word in shown for word in ("@", "praxis", "Erfunden"))
    assert problem.startswith("no e-mail goes since 2026-11-23 09:00 UTC: ")
    assert troubles_in(lines) == ["mail_server.in_trouble"]


def test_every_beginning_and_end_of_a_trouble_is_logged_once(server: ScriptedServer, job: Sending) -> None:
    def logged(start: timedelta, end: timedelta) -> list[str]:
        with capture_logs() as lines:
            run_until(job, start, end, timedelta(seconds=9))
        return troubles_in(lines)

    emails(MOST_NOT_TAKEN + 2)
    server.answers["rcpt"] = b"550 5.1.1 User unknown\r\n"
    assert logged(timedelta(), timedelta(seconds=1)) == ["mail_server.in_trouble"]
    assert logged(timedelta(minutes=2), timedelta(minutes=2)) == [], "it lasts"
    server.answers.clear()
    assert logged(timedelta(minutes=30), timedelta(minutes=30)) == ["mail_server.works_again"]


def test_an_email_that_is_refused_for_itself_ends_a_trouble_and_one_that_is_taken_ends_none(
    server: ScriptedServer, job: Sending
) -> None:
    emails(2)
    server.answers["mail"] = b"451 4.3.0 not now\r\n"
    job.run(NOW)
    server.answers.clear()
    for email in rows(Email):
        server.for_recipient[email.recipient] = b"451 4.7.1 greylisted\r\n"
    with capture_logs() as lines:
        job.run(NOW + timedelta(minutes=2))
    assert troubles_in(lines) == ["mail_server.works_again"]
    server.for_recipient.clear()
    with capture_logs() as lines:
        run_until(job, timedelta(minutes=9), timedelta(minutes=9), timedelta(seconds=9))
    assert len(server.taken) == 2
    assert troubles_in(lines) == []
