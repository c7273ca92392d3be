"""What the communication service asks the patient service for, in the moment in which it is needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.runtime.service_client import ServiceClient, ServiceUnreachable
from shared.values.mail_enums import IdentityRefusal
from shared.values.patient_details import PatientDetails, PatientDetailsAnswer
from shared.values.schemas import RecordSchema

PATH = "/internal/practice-summaries"
IDENTITIES = "/internal/patient-identities"
ADDRESSES = "/internal/patient-addresses"


class AnsweredSummary(RecordSchema):
    """What practices may read of one patient."""

    patient_id: UUID
    practice_summary: str | None


class AnsweredSummaries(RecordSchema):
    """What practices may read of those who were asked for."""

    items: list[AnsweredSummary]


class AnsweredIdentity(RecordSchema):
    """Who a patient is, for the practice that accepted."""

    patient_id: UUID
    refusal: IdentityRefusal | None
    identity: PatientDetails | None


class AnsweredAddress(RecordSchema):
    """How a patient is written to."""

    patient_id: UUID
    refusal: IdentityRefusal | None
    addressee: PatientDetails | None


@dataclass(frozen=True)
class PatientService:
    """The patient service."""

    client: ServiceClient

    def practice_summaries(self, patient_ids: Collection[UUID], *, purpose: str) -> Mapping[UUID, str | None]:
        """Returns what practices may read of each of these patients now; None where nothing, or no consent stands.

        The purpose is noted in the patients' access logs. Raises `ServiceUnreachable`.
        """
        if not patient_ids:
            return {}
        ids = ",".join(sorted(map(str, patient_ids)))
        answer = self.client.get(PATH, AnsweredSummaries, query={"ids": ids}, purpose=purpose)
        known = {each.patient_id: each.practice_summary for each in answer.items}
        return {each: known.get(each) for each in patient_ids}

    def identity(self, patient_id: UUID, placement_request_id: UUID, *, purpose: str) -> PatientDetailsAnswer:
        """Returns who a patient is, for the practice that has accepted this request, or why that is not said.

        The purpose is noted in the patient's access log. Raises `ServiceUnreachable`.
        """
        query = {"placement_request_id": str(placement_request_id)}
        answer = self.client.get(f"{IDENTITIES}/{patient_id}", AnsweredIdentity, query=query, purpose=purpose)
        return _of(patient_id, answer.patient_id, answer.refusal, answer.identity)

    def address(self, patient_id: UUID, *, purpose: str) -> PatientDetailsAnswer:
        """Returns how a patient is written to now, or why that is not said.

        The purpose is noted in the patient's access log. Raises `ServiceUnreachable`.
        """
        answer = self.client.get(f"{ADDRESSES}/{patient_id}", AnsweredAddress, purpose=purpose)
        return _of(patient_id, answer.patient_id, answer.refusal, answer.addressee)


def _of(
    asked: UUID, answered: UUID, refusal: IdentityRefusal | None, details: PatientDetails | None
) -> PatientDetailsAnswer:
    """The answer; one about somebody else, or that says nothing, is none."""
    if asked != answered or (refusal is None) == (details is None):
        raise ServiceUnreachable("patient_service")
    return PatientDetailsAnswer(refusal=refusal, details=details)
