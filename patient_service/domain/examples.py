"""A whole example of a body, for the documentation: what "Try it out" sends unless it is changed."""

from __future__ import annotations

from typing import Final

from pydantic.config import JsonDict

A_PATIENT: Final[JsonDict] = {
    "first_name": "Nora",
    "last_name": "Herbstwind",
    "date_of_birth": "1988-05-04",
    "gender": "female",
    "street": "Musterweg",
    "house_number": "1a",
    "postal_code": "52062",
    "city": "Aachen",
    "phone": "0241 1234567",
    "insurance_type": "statutory",
    "health_insurer": "Musterkasse",
    "diagnoses": ["F32.1G"],
    "contracts_signed": True,
    "availability": {"tuesday": [{"start": "16:00", "end": "19:00"}]},
    "max_distance_km": 20,
    "preferred_procedures": ["VT"],
    "consultation": {
        "held_on": "2026-01-12",
        "recommendations": ["Verhaltenstherapie"],
        "timely_treatment_needed": False,
        "diagnoses": ["F32.1G"],
    },
    "anamnesis": {
        "occupation": "Lehrerin",
        "complaints": "schläft schlecht, zieht sich zurück",
        "complaints_since": "seit dem Frühjahr",
        "therapy_goals": "wieder arbeiten können",
    },
}
"""Enough for a search, once the consents are recorded; without an insurance number, which only one patient has."""
