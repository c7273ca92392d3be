"""Events of those whose addresses are looked up; a test names only the fields it is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.database import new_id
from shared.events.catalogue import PatientUpdated, PublicPatient, PublicTherapist, TherapistUpdated
from tests.builders.events import happened


def a_therapist_changed(therapist_id: UUID | None = None, *, sequence: int = 1, **fields: Any) -> TherapistUpdated:
    """A therapist in Aachen whose data changed."""
    therapist_id = therapist_id or new_id()
    address = {"street": "Musterweg", "house_number": "1", "postal_code": "52062", "city": "Aachen"}
    therapist = PublicTherapist(id=therapist_id, last_name="Erfunden", **{**address, **fields})
    return happened(TherapistUpdated(therapist=therapist), therapist_id, sequence=sequence)


def a_patient_changed(patient_id: UUID | None = None, *, sequence: int = 1, **fields: Any) -> PatientUpdated:
    """A patient in Aachen whose data changed."""
    patient_id = patient_id or new_id()
    patient = PublicPatient(id=patient_id, **{"reference": "P-7K3M-2Q", "postal_code": "52062", **fields})
    return happened(PatientUpdated(patient=patient), patient_id, sequence=sequence)
