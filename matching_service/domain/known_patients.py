"""Patients of whom a copy is here, and how it is refused where none is."""

from __future__ import annotations

from uuid import UUID

from matching_service.store import queries
from matching_service.store.tables import PatientCopy
from shared.database import Executor, Session
from shared.errors import NotFound


def known_patient(session: Session, patient_id: UUID) -> PatientCopy:
    """The copy of a patient; raises `NotFound` for one who is not known here, or was erased or merged."""
    found = session.get(PatientCopy, patient_id)
    if found is None or found.status is None:
        raise unknown_patient(session, patient_id)
    return found


def unknown_patient(executor: Executor, patient_id: UUID) -> NotFound:
    """The refusal where no copy of the patient has arrived, or the patient was merged into another, who is named."""
    merged = queries.merged_patient(executor, patient_id)
    if merged is None:
        return NotFound("patient", wording="copy")
    refusal = NotFound("patient", wording="merged_copy")
    refusal.members["merged_into"] = {"id": str(merged.kept_id), "reference": merged.reference}
    return refusal
