"""The placement code of a consultation: a secret that is shown masked, and in full only by a logged call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt
from patient_service.domain.intake_schemas import CodeOfFile, RevealedPlacementCode
from patient_service.domain.schemas import PatientFields, PatientFile
from patient_service.store import merging
from patient_service.store.tables import Patient
from shared.database import Session
from shared.errors import FieldProblem
from shared.security.encryption import Keys
from shared.values.identifiers import is_masked
from shared.values.schemas import InvalidFields


def reveal(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> RevealedPlacementCode:
    """The placement codes of the patient in full; that they were shown is noted.

    Raises `NotFound`, and `Conflict` where neither this file nor one that was merged into it has a code.
    """
    patient = accesses.read_patient(session, keys, patient_id, reader, "revealed", now=now)
    stored = merging.files_of(session, patient)
    codes = codes_of(stored, {id: decrypt(keys, each) for id, each in stored.items()})
    if not codes:
        raise RevealingConflict([patient.id], "patient.no_placement_code")
    own = next((each.placement_code for each in codes if each.reference == patient.reference), None)
    others = [each for each in codes if each.reference != patient.reference]
    return RevealedPlacementCode(placement_code=own, of_merged_files=others)


def codes_of(stored: Mapping[UUID, Patient], files: Mapping[UUID, PatientFile]) -> list[CodeOfFile]:
    """The placement codes of a person's files, the kept one's first."""
    return [
        CodeOfFile(reference=stored[id].reference, placement_code=file.consultation.placement_code)
        for id, file in files.items()
        if file.consultation is not None and file.consultation.placement_code is not None
    ]


def without_mask(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a merge patch without a placement code that came back as it is shown."""
    consultation = changes.get("consultation")
    if not isinstance(consultation, dict) or not is_masked(consultation.get("placement_code") or ""):
        return dict(changes)
    kept = {name: value for name, value in consultation.items() if name != "placement_code"}
    return {**changes, "consultation": kept}


def refuse_mask(new: PatientFields) -> None:
    """Raises `InvalidFields` for a masked code where there is none to keep yet."""
    if new.consultation is not None and is_masked(new.consultation.placement_code or ""):
        raise InvalidFields([FieldProblem.of("consultation.placement_code", "field.masked")])
