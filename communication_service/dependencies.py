"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from communication_service.clients.imap_mailbox import ImapMailbox
from communication_service.clients.patient_service import PatientService
from communication_service.domain.letter_headers import Links
from communication_service.domain.link_tokens import LinkTokens
from communication_service.settings import ContactRules, Settings
from shared.runtime.service_client import ServiceClient
from shared.runtime.smtp import MailServer
from shared.security.key_rings import KeyRings
from shared.security.patient_texts import PatientTexts, rings_of


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: ContactRules
    texts: PatientTexts
    """Encrypts and decrypts letters and notes."""
    mail_server: MailServer
    """Used in the worker alone: a web process does not get its address."""
    patients: PatientService
    """Asked what practices may read of patients."""
    links: Links
    """Makes the links in e-mails, and reads their tokens."""
    mailbox: ImapMailbox | None = None
    """Into which answers come; read in the worker alone."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the rules, the rings of keys, the mail server and the other services that the settings name."""
        url = settings.address(settings.patient_service_url, settings.patient_service_port)
        return cls(
            settings.contact,
            PatientTexts.of(settings.text_key),
            MailServer.of(settings, own_name=settings.contact.sender.domain),
            PatientService(ServiceClient("patient_service", url, settings.service_tokens())),
            Links(LinkTokens(settings.link_key), settings.platform_url, settings.contact.link_lifetime),
            ImapMailbox.of(settings),
        )

    @property
    def rings(self) -> KeyRings:
        """The ring whose keys wrap those of patients."""
        return rings_of(self.texts, "COMMUNICATION_SERVICE_TEXT_KEY")
