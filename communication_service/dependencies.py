"""What this service's endpoints and jobs need beside the database, and how they ask the patient service."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from communication_service.clients.patient_service import PatientService
from communication_service.domain import personal_letters, practice_summaries
from communication_service.domain.letter_headers import Links
from communication_service.domain.link_tokens import LinkTokens
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.practice_summaries import NO_SUMMARIES, NONE_ASKED, SheetSummaries, Summaries
from communication_service.settings import ContactRules, Settings
from shared.database import transaction
from shared.runtime.service_client import ServiceClient, ServiceUnreachable
from shared.runtime.smtp import MailServer
from shared.security.key_rings import KeyRings
from shared.security.patient_texts import PatientTexts, rings_of
from shared.values.patient_details import PatientDetailsAnswer


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
        )

    @property
    def rings(self) -> KeyRings:
        """The ring whose keys wrap those of patients."""
        return rings_of(self.texts, "COMMUNICATION_SERVICE_TEXT_KEY")


# Asking the patient service, outside of any transaction

AskForSummaries = Callable[[Collection[UUID], str], Summaries]
"""Asks what practices may read of these patients, for this purpose. Raises `ServiceUnreachable`."""


def nobody_to_ask(patient_ids: Collection[UUID], purpose: str) -> Summaries:  # noqa: ARG001 - as the type says
    """Where no patient service is given: a letter about somebody with a summary waits."""
    if patient_ids:
        raise ServiceUnreachable("patient_service")
    return NONE_ASKED


def asking(patients: PatientService) -> AskForSummaries:
    """Returns what asks this patient service."""
    return lambda patient_ids, purpose: patients.practice_summaries(patient_ids, purpose=purpose)


AskForDetails = Callable[[WantedDetails], PatientDetailsAnswer]
"""Asks who a patient is, or how they are written to. Raises `ServiceUnreachable`."""


def nobody_is_known(wanted: WantedDetails) -> PatientDetailsAnswer:  # noqa: ARG001 - as the type says
    """Where no patient service is given: a letter that names somebody waits."""
    raise ServiceUnreachable("patient_service")


def asking_who(patients: PatientService) -> AskForDetails:
    """Returns what asks this patient service who somebody is."""

    def ask(wanted: WantedDetails) -> PatientDetailsAnswer:
        if wanted.placement_request_id is None:
            return patients.address(wanted.patient_id, purpose=wanted.purpose)
        return patients.identity(wanted.patient_id, wanted.placement_request_id, purpose=wanted.purpose)

    return ask


def ask_for_call(call_id: UUID, dependencies: Dependencies, *, by: UUID | None) -> SheetSummaries:
    """What may be said in this call now of its patients, asked for with no transaction open; `by` looks at the call.

    Of one by which a practice offered a place and that cannot be written to, also who the patient is.
    """
    with transaction() as session:
        wanted = practice_summaries.patients_of_call(session, call_id)
        accepted = personal_letters.wanted_for_call(session, call_id, by=by)
    if not wanted and not accepted:
        return NO_SUMMARIES
    patients, language = dependencies.patients, dependencies.rules.letter_language
    try:
        summaries = asking(patients)(wanted, f"call {call_id}, shown to {by}")
        answers = [(each, asking_who(patients)(each).details) for each in accepted]
    except ServiceUnreachable:
        return SheetSummaries(are_missing=True)
    shown = [personal_letters.identified(each, details, language) for each, details in answers if details]
    return SheetSummaries(summaries, identities=shown)
