"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from communication_service.settings import ContactRules, Settings
from shared.runtime.smtp import MailServer
from shared.security.patient_texts import PatientTexts


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: ContactRules
    texts: PatientTexts
    """Encrypts and decrypts letters and notes."""
    mail_server: MailServer
    """Used in the worker alone: a web process does not get its address."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the rules, the ring of keys and the mail server that the settings name."""
        server = MailServer.of(settings, own_name=settings.contact.sender.domain)
        return cls(settings.contact, PatientTexts.of(settings.text_key), server)
