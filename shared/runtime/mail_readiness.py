"""Whether the mail server takes e-mails, as workers that send some show it at `/health/ready`."""

from __future__ import annotations

from collections.abc import Callable

from shared.database import Session, transaction
from shared.errors import Outage
from shared.runtime.health import ReadinessCheck


def mail_server_check(trouble: Callable[[Session], str | None]) -> ReadinessCheck:
    """The check `mail_server`; `trouble` returns, without quoting the server, why e-mails wait.

    It is not decisive: a restarted worker would be refused too, and its other jobs continue meanwhile.
    """

    def takes_emails() -> bool:
        with transaction() as session:
            problem = trouble(session)
        if problem:
            raise Outage("mail_server.in_trouble", problem)
        return True

    return ReadinessCheck("mail_server", takes_emails, decisive=False)
