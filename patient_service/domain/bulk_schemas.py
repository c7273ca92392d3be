"""What is to be done with many patients at once."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import ConfigDict
from pydantic.config import JsonDict

from patient_service.domain.assignments import AccountOrMe
from patient_service.domain.schemas import PatientFilter
from shared.values.bulk import Selection

AN_ASSIGNMENT: Final[JsonDict] = {
    "ids": ["0193a1b2-0000-7000-8000-000000000001"],
    "expected_total": 1,
    "action": "assign",
    "assigned_to": "0193a1b2-0000-7000-8000-000000000002",
}


class PatientBulkChange(Selection[PatientFilter]):
    """What is to be done with many patients at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [AN_ASSIGNMENT]})

    action: Literal["assign"]
    """They get somebody who is in charge of them."""
    assigned_to: AccountOrMe | None
    """The account of who is in charge; `me`: the caller, null: nobody."""
