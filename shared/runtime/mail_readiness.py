"""Whether the mail server takes e-mails and the mailbox can be read, as workers show it at `/health/ready`."""

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


def mailbox_check(trouble: Callable[[Session], str | None]) -> ReadinessCheck:
    """The check `mailbox`; `trouble` returns why it cannot be read. It is not decisive, as that of the mail server."""

    def can_be_read() -> bool:
        with transaction() as session:
            problem = trouble(session)
        if problem:
            raise Outage("mailbox.in_trouble", problem)
        return True

    return ReadinessCheck("mailbox", can_be_read, decisive=False)
