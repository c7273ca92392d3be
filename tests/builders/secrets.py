"""A patient of whom everything is a secret, and what it leaves where it can be read."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from patient_service.store.tables import Tables
from tests.builders.marked_files import CRISIS, OF_A_FORM, completed

_SECRETS = {
    "first_name": "Xanthippe",
    "last_name": "Geheimrat",
    "date_of_birth": "1991-02-03",
    "street": "Verschwiegenheitsgasse",
    "phone": "0241 987654",
    "email": "xanthippe@example.org",
    "insurance_number": "T012345678",
    "diagnoses": ["F41.0G"],
    "practice_summary": "Panikattacken",
    "contact_persons": [{"name": "Sokrates Geheimrat", "relation": "guardian"}],
    "reason_without_guardian": "Streit",
    "referred_by": "Hausarzt Platon",
    "general_practitioner": "Aristoteles",
    "consultation": {
        "placement_code": "Q9W8-E7R6-T5Z4",
        "recommendations": ["Gruppentherapie"],
        "diagnoses": ["F60.31G"],
    },
    "anamnesis": {
        "complaints": "Flugangst",
        "occupation": "Imkerin",
        "medication": "Lithium",
        "previous_therapy_ended_on": "2025-06-05",
    },
}
SECRETS, TEXTS = completed(_SECRETS)
"""A patient of whom every field is a secret, and what stands in them."""
TRACES = (
    "xanthippe", "geheimrat", "1991-02-03", "verschwiegen", "987654", "t012345678", "f41.0", "panik", "sokrates",
    "streit", "platon", "aristoteles", "klinik",
    "e7r6", "gruppentherapie", "f60.3", "flugangst", "imkerin", "lithium", "2025-06-05", "2027-06-05",
    "-marke", CRISIS.lower(), *(each.lower() for each in OF_A_FORM.values()),
)  # fmt: skip


def everything_stored(session: Session) -> str:
    """All rows of all tables of the service, as the database shows them, binary columns also decoded."""
    stored = []
    for table in Tables.metadata.sorted_tables:
        stored += [str(row) for row in session.scalars(text(f"SELECT t::text FROM {table.name} t"))]
        for column in table.columns:
            for value in session.scalars(text(f'SELECT "{column.name}" FROM {table.name}')):
                parts = value if isinstance(value, list) else [value]
                stored += [bytes(p).decode("latin-1") for p in parts if isinstance(p, memoryview | bytes)]
    return "\n".join(stored).lower()
