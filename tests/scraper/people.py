"""Invented people in the form of the import's file, spread around Aachen."""

from __future__ import annotations

from typing import Any

PROCEDURES = (["VT"], ["TP", "AP"], ["ST"])
AGE_GROUPS = (["adult"], ["child_adolescent"], ["adult", "child_adolescent"])


def person(number: int, **fields: Any) -> dict[str, Any]:
    """Returns one; the same number gives the same person."""
    return {
        "external_id": f"p-{number:04}",
        "salutation": "Frau",
        "title": None,
        "first_name": "Clara",
        "last_name": f"Ahornlicht-{number}",
        "gender": "female",
        "street": "Musterweg",
        "house_number": str(number),
        "postal_code": "52062",
        "city": "Aachen",
        "latitude": round(50.70 + (number % 17) * 0.009, 6),
        "longitude": round(6.00 + (number % 13) * 0.011, 6),
        "phone": f"+493023125{number % 1000:03}",
        "email": None,
        "procedures": PROCEDURES[number % 3],
        "age_groups": AGE_GROUPS[number % 3],
        "settings": ["individual", "group"] if number % 2 else ["individual"],
        "languages": ["de", "en"],
        "phone_hours": {"monday": [{"start": "08:00", "end": "09:40"}]},
    } | fields


def people(count: int) -> list[dict[str, Any]]:
    """Returns so many."""
    return [person(number) for number in range(count)]
