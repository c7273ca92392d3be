"""Valid patients; a test names only the fields it is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from patient_service.domain import copies, erasures, patients, searches
from patient_service.domain.accesses import Reader
from patient_service.domain.schemas import NewPatient, NewStatus, PatientView
from patient_service.store.tables import Patient
from shared.events.catalogue import AddressGeocoded
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.conftest import MONDAY

NOBODY = Reader(id=None, purpose=None)


def new_patient(**fields: Any) -> dict[str, Any]:
    """The JSON body that enters a patient whose search may start once the postal code is known."""
    return {
        "first_name": "Erika",
        "last_name": "Erfunden",
        "date_of_birth": "1990-05-17",
        "gender": "female",
        "street": "Musterweg",
        "house_number": "1",
        "postal_code": "52062",
        "city": "Aachen",
        "insurance_type": "statutory",
        "diagnoses": ["F32.1G"],
        "contracts_signed": True,
        "max_distance_km": 25,
        **fields,
    }


def consent(purpose: str, **fields: str) -> dict[str, str]:
    """The JSON body that records a consent."""
    return {"purpose": purpose, "given_on": "2026-01-02", "text_version": "2026-1", **fields}


def a_patient(session: Session, keys: Keys, *, now: datetime = MONDAY, **fields: Any) -> PatientView:
    """A patient whom staff entered; another one of the same name may be known."""
    return patients.register(session, keys, NewPatient.from_json(new_patient(**fields)), force=True, by=None, now=now)


def geocoded(patient_id: UUID, postal_code: str | None = "52062", *, found: bool = True, **envelope: Any) -> Any:
    """The answer of geocoding for a patient's postal code."""
    where = {"latitude": 50.77, "longitude": 6.09, "precision": "postal_code"} if found else {}
    answer = AddressGeocoded(owner_kind="patient", owner_id=patient_id, postal_code=postal_code, **where)
    return happened(answer, patient_id, **envelope)


def a_ready_patient(session: Session, keys: Keys, **fields: Any) -> PatientView:
    """A patient whose search may start."""
    patient = a_patient(session, keys, **fields)
    copies.keep_postal_codes(session, [geocoded(patient.id)])
    return patient


def a_patient_who_is(session: Session, keys: Keys, *steps: str, now: datetime = MONDAY, **fields: Any) -> PatientView:
    """A patient who took these steps, the last one being the present status."""
    patient = a_ready_patient(session, keys, now=now, **fields)
    for step in steps:
        new = NewStatus.from_json({"status": step, "reason": "it is so"})
        patient = searches.set_status(session, keys, patient.id, new, reader=NOBODY, now=now)
    return patient


def a_patient_to_erase(session: Session, keys: Keys, **fields: Any) -> PatientView:
    """A patient whose case is closed, and whose erasure is proposed."""
    patient = a_patient_who_is(session, keys, "search_aborted", **fields)
    session.execute(update(Patient).where(Patient.id == patient.id).values(erasure_proposed_on=MONDAY.date()))
    return patient


def an_erased_patient(session: Session, keys: Keys, **fields: Any) -> PatientView:
    """What was to be seen of a patient who was erased."""
    patient = a_patient(session, keys, **fields)
    erasures.erase(
        session,
        keys,
        patient.id,
        confirm=patient.reference,
        expected_versions=None,
        reader=NOBODY,
        compaction_lag=timedelta(days=1),
        now=MONDAY,
    )
    return patient


ALLOWED_STEPS = {
    "open": {"searching", "search_aborted"},
    "searching": {"paused", "in_therapy", "search_aborted"},
    "paused": {"searching", "search_aborted"},
    "in_therapy": {"searching", "therapy_completed", "therapy_aborted"},
    "search_aborted": {"open"},
    "therapy_completed": {"open"},
    "therapy_aborted": {"open"},
}
"""The statuses that may follow each (docs/api.md#states-of-a-patient)."""

STEPS_TO: dict[str, tuple[str, ...]] = {
    "open": (),
    "searching": ("searching",),
    "paused": ("searching", "paused"),
    "in_therapy": ("searching", "in_therapy"),
    "search_aborted": ("search_aborted",),
    "therapy_completed": ("searching", "in_therapy", "therapy_completed"),
    "therapy_aborted": ("searching", "in_therapy", "therapy_aborted"),
}
"""The statuses through which a patient comes to each."""
