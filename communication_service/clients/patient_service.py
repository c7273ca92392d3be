"""What the communication service asks the patient service for, in the moment in which it is needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.runtime.service_client import ServiceClient
from shared.values.schemas import RecordSchema

PATH = "/internal/practice-summaries"


class AnsweredSummary(RecordSchema):
    """What practices may read of one patient."""

    patient_id: UUID
    practice_summary: str | None


class AnsweredSummaries(RecordSchema):
    """What practices may read of those who were asked for."""

    items: list[AnsweredSummary]


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
