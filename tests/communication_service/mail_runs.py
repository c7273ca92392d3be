"""E-mails to send, and the job that sends them for minutes or weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from communication_service import jobs
from communication_service.jobs import Sending
from communication_service.store.tables import Email, EmailSuppression
from shared.database import transaction
from tests.builders.communication import MONDAY_MORNINGS, a_request, a_therapist, composed, rows
from tests.communication_service.conftest import NOW
from tests.fakes.smtp_script import ScriptedServer

OTHERS_ANSWER = "550 5.1.8 <v@agentur.example>: Sender address rejected: Domain not found"
"""What a server says that refuses us, not the recipient."""


def emails(count: int, **therapist: Any) -> list[Email]:
    """So many e-mails to send, to p0@example.org and so on."""
    for number in range(count):
        a_request(a_therapist(**{"email": f"p{number}@example.org", "phone_hours": MONDAY_MORNINGS, **therapist}))
    composed()
    return rows(Email)


def suppressions() -> list[EmailSuppression]:
    """The addresses that get no e-mail."""
    with transaction() as session:
        return list(session.query(EmailSuppression))


def tries(server: ScriptedServer) -> int:
    """How often the server was told a recipient."""
    return sum(line.lower().startswith(b"rcpt") for line in server.received)


def troubles_in(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was logged of the mail server as a whole."""
    return [line["event"] for line in lines if line["event"].startswith("mail_server.")]


def run_until(job: Sending, start: timedelta, end: timedelta, every: timedelta) -> None:
    """The job as a worker runs it: at once again while it finds work, else at its next turn."""
    at = start
    while at <= end:
        composed(NOW + at)
        while job.run(NOW + at):
            pass
        jobs.retry_wrongly_refused(NOW + at)
        at += every
