"""Valid therapists; a test names only the fields it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tests.conftest import MONDAY
from therapist_service.domain import therapists
from therapist_service.domain.schemas import NewTherapist, TherapistView


def new_therapist(**fields: Any) -> dict[str, Any]:
    """The JSON body that enters a therapist."""
    return {
        "first_name": "Anna",
        "last_name": "Erfunden",
        "street": "Musterweg",
        "house_number": "1",
        "postal_code": "52062",
        "city": "Aachen",
        "accreditation": "statutory",
        "procedures": ["VT"],
        "age_groups": ["adult"],
        "settings": ["individual"],
        **fields,
    }


def a_therapist(session: Session, *, now: datetime = MONDAY, **fields: Any) -> TherapistView:
    """A therapist whom staff entered."""
    new = NewTherapist.from_json(new_therapist(**fields))
    return therapists.register(session, new, by=None, force=True, now=now)
