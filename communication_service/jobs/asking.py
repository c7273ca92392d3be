"""How the patient service is asked for what an e-mail or a call may say of patients, and where there is none to ask."""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from communication_service.clients.patient_service import PatientService
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.practice_summaries import NONE_ASKED, Summaries
from shared.runtime.service_client import ServiceUnreachable
from shared.values.patient_details import PatientDetailsAnswer

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
