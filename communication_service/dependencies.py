"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from communication_service.settings import ContactRules, Settings
from shared.runtime.smtp import MailServer


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: ContactRules
    mail_server: MailServer
    """Used in the worker alone: a web process does not get its address."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the rules and the mail server that the settings name."""
        return cls(settings.contact, MailServer.of(settings, own_name=settings.contact.sender.domain))
