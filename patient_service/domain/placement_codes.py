"""The placement code of a consultation: a secret that is shown masked, and in full only by a logged call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader, RevealingConflict
from patient_service.domain.files import decrypt
from patient_service.domain.intake_schemas import RevealedPlacementCode
from patient_service.domain.schemas import PatientFields
from shared.database import Session
from shared.errors import FieldProblem
from shared.security.encryption import Keys
from shared.values.identifiers import is_masked
from shared.values.schemas import InvalidFields


def reveal(session: Session, keys: Keys, patient_id: UUID, *, reader: Reader, now: datetime) -> RevealedPlacementCode:
    """The placement code in full; that it was shown is noted. Raises `NotFound`, and `Conflict` where there is none."""
    patient = accesses.read_patient(session, keys, patient_id, reader, "revealed", now=now)
    consultation = decrypt(keys, patient).consultation
    if consultation is None or consultation.placement_code is None:
        raise RevealingConflict([patient.id], "patient.no_placement_code")
    return RevealedPlacementCode(placement_code=consultation.placement_code)


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
