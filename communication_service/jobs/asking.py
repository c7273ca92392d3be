"""How the patient service is asked for what an e-mail or a call may say of patients, and where there is none to ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from communication_service.clients.patient_service import PatientService
from communication_service.domain.email_texts import NONE_ASKED, Summaries
from communication_service.domain.personal_letters import WantedDetails
from shared.runtime.service_client import ServiceUnreachable
from shared.values.patient_details import PatientDetailsAnswer

MOST_PATIENTS: Final = 20
"""The patient service is asked for so many at once."""
MOST_EMAILS: Final = 12
"""So many ids fit into a purpose."""

Age = Callable[[], timedelta]
"""How long ago something was."""

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


def in_questions(patients: Mapping[UUID, Collection[UUID] | None]) -> list[list[UUID]]:
    """Returns e-mails that are asked for together, in their order, with few questions for all of them.

    `patients`: of whom each may say more; an e-mail of nobody waits for no answer about others, and None is left out.
    """
    found: list[list[UUID]] = [[]]
    together: set[UUID] = set()
    for email_id, its in patients.items():
        if its and (len(together.union(its)) > MOST_PATIENTS or len(found[-1]) == MOST_EMAILS):
            found.append([])
            together = set()
        if its:
            found[-1].append(email_id)
            together.update(its)
    return [each for each in (*found, *([id] for id, its in patients.items() if its is not None and not its)) if each]


def purpose_of(email_ids: Sequence[UUID]) -> str:
    """For the patients' access logs: for which letters they are asked for."""
    return ("letter " if len(email_ids) == 1 else "letters ") + ", ".join(map(str, email_ids))
