"""Files of one person that become one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from patient_service.domain.schemas import PatientView

OTHER = {"first_name": "Erica", "house_number": "2"}
"""What is different in the other file."""


def merge(client: FlaskClient, kept: UUID, duplicate: UUID, query: str = "", **headers: str) -> Any:
    """The answer to who merges these patients."""
    body = {"duplicate_id": str(duplicate)}
    return client.post(f"/api/patients/{kept}/merge{query}", json=body, headers=headers)


def merged(client: FlaskClient, kept: PatientView, duplicate: PatientView) -> Any:
    """The one who is kept."""
    answer = merge(client, kept.id, duplicate.id)
    assert answer.status_code == 200, answer.json
    return answer.json
