"""When a search may start, and which steps there are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from patient_service.domain.rules import LookUp, lacks, missing_for_search
from patient_service.domain.schemas import PatientFields
from patient_service.domain.states import STAFF_MAY
from shared.values.enums import MissingForSearch, PatientStatus
from tests.builders.patients import ALLOWED_STEPS, new_patient

TODAY = date(2026, 11, 23)
GUARDIAN = [{"name": "Otto Erfunden", "relation": "guardian"}]
NEIGHBOUR = [{"name": "Nora Nachbarin", "relation": "other"}]
REASON = "Lives alone; the parents must not know."


def born(years: int, days: int = 0) -> str:
    """The date of birth of somebody who turned that old so many days ago."""
    return (TODAY.replace(year=TODAY.year - years) - timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, []),
        ({"contracts_signed": False}, ["contracts_signed"]),
        ({"diagnoses": []}, ["diagnoses"]),
        ({"diagnoses": ["F32.1A"]}, ["diagnoses"]),
        ({"diagnoses": ["F32.1Z"]}, ["diagnoses"]),
        ({"diagnoses": ["F32.1A", "F41.0Z"]}, ["diagnoses"]),
        ({"diagnoses": ["F32.1Z", "F41.0V"]}, []),
        ({"diagnoses": ["F32.1V"]}, []),
        ({"diagnoses": ["F32.1"]}, []),
        ({"date_of_birth": None}, ["date_of_birth"]),
        ({"insurance_type": None}, ["insurance_type"]),
        ({"insurance_type": "self_pay"}, []),
        ({"max_distance_km": None}, ["distance_limit"]),
        ({"max_distance_km": None, "max_travel_minutes": 30}, []),
        ({"date_of_birth": born(18)}, []),
        ({"date_of_birth": born(18, -1)}, ["guardian"]),
        ({"date_of_birth": born(18, -1), "contact_persons": GUARDIAN}, []),
        ({"date_of_birth": born(18, -1), "contact_persons": NEIGHBOUR}, ["guardian"]),
        ({"date_of_birth": born(15), "reason_without_guardian": REASON}, []),
        ({"date_of_birth": born(15, -1), "reason_without_guardian": REASON}, ["guardian"]),
        ({"date_of_birth": born(15), "reason_without_guardian": REASON, "insurance_type": "private"}, ["guardian"]),
        (
            {"date_of_birth": born(15), "reason_without_guardian": REASON, "insurance_type": None},
            ["insurance_type", "guardian"],
        ),
        ({"date_of_birth": born(10), "contact_persons": GUARDIAN}, []),
    ],
)
def test_a_search_needs(fields: dict[str, Any], missing: list[str]) -> None:
    patient = PatientFields.from_json(new_patient(**fields))
    found = missing_for_search(patient, location=LookUp.FOUND, mandate_withdrawn=False, today=TODAY)
    assert found == missing


def test_a_search_needs_a_known_location_and_a_standing_mandate() -> None:
    patient = PatientFields.from_json(new_patient())
    assert missing_for_search(patient, location=LookUp.UNKNOWN, mandate_withdrawn=False, today=TODAY) == ["location"]
    assert missing_for_search(patient, location=LookUp.PENDING, mandate_withdrawn=False, today=TODAY) == []
    withdrawn = missing_for_search(patient, location=LookUp.FOUND, mandate_withdrawn=True, today=TODAY)
    assert withdrawn == ["mandate_withdrawn"]


def test_everything_that_can_be_missing_has_a_sentence() -> None:
    assert all(str(lacks(each)) for each in MissingForSearch)


@pytest.mark.parametrize("before", list(PatientStatus))
@pytest.mark.parametrize("after", list(PatientStatus))
def test_the_steps_are_those_of_the_contract(before: PatientStatus, after: PatientStatus) -> None:
    assert (after in STAFF_MAY[before]) == (after in ALLOWED_STEPS[before])
