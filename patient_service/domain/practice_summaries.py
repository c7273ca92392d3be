"""What practices may read of a patient: it leaves this service here alone, and only with the patient's consent."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader
from patient_service.domain.files import UnreadableFile, decrypt, may_be_summarised
from patient_service.store import queries
from patient_service.store.tables import Patient
from shared.database import Session
from shared.security.encryption import Keys
from shared.values.account_enums import Scope
from shared.values.lists import ByComma
from shared.values.readable import ReadableBy
from shared.values.schemas import Distinct, QuerySchema, Schema

MOST = 20
"""Patients of one request: as many as one e-mail or call can be about."""
FOR_PRACTICES = ReadableBy(Scope.PRACTICE_SUMMARIES_READ)


class PracticeSummaryQuery(QuerySchema):
    """Of whom the summaries are wanted."""

    ids: Annotated[list[UUID], Distinct(MOST), ByComma(), Field(min_length=1)]
    """The patients, separated by commas."""


class PracticeSummary(Schema):
    """What practices may read of one patient."""

    patient_id: UUID
    """The patient."""
    practice_summary: Annotated[str | None, FOR_PRACTICES]
    """The text; null where there is none, or no consent to it stands, where the file cannot be read, and for who is not
    known here."""


class PracticeSummaries(Schema):
    """What practices may read of several patients."""

    items: list[PracticeSummary]
    """Each patient who was asked for."""


def read(
    session: Session, keys: Keys, patient_ids: Collection[UUID], *, reader: Reader, now: datetime
) -> PracticeSummaries:
    """What practices may read of these patients now; noted as read of each of whom something is shown."""
    known = queries.patients_with_ids(session, patient_ids)
    shown = {patient.id: summary for patient in known if (summary := _summary(keys, patient)) is not None}
    accesses.record(session, keys, [each for each in known if each.id in shown], reader, "read", now=now)
    return PracticeSummaries(
        items=[PracticeSummary(patient_id=each, practice_summary=shown.get(each)) for each in patient_ids]
    )


def _summary(keys: Keys, patient: Patient) -> str | None:
    if patient.erased_at is not None:
        return None
    try:
        file = decrypt(keys, patient)
    except UnreadableFile:
        return None  # a letter about others as well must not wait for somebody to restore this file
    return file.practice_summary if may_be_summarised(patient, file) else None
