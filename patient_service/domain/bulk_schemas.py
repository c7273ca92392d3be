"""What is to be done with many patients at once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from patient_service.domain.assignments import AccountOrMe
from patient_service.domain.schemas import PatientFilter
from shared.values.bulk import Selection
from shared.values.errors import NotAcceptable
from shared.values.rules import rule_across
from shared.values.text import Reason

AN_ASSIGNMENT: Final[JsonDict] = {
    "ids": ["0193a1b2-0000-7000-8000-000000000001"],
    "expected_total": 1,
    "action": "assign",
    "assigned_to": "0193a1b2-0000-7000-8000-000000000002",
}


class PatientBulkChange(Selection[PatientFilter]):
    """What is to be done with many patients at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [AN_ASSIGNMENT]})

    action: Literal["assign", "approve_erasure", "decline_erasure"]
    """They get somebody who is in charge of them; or they are erased where that is proposed, or kept for a `reason`."""
    assigned_to: AccountOrMe | None = None
    """The account of who is in charge; `me`: the caller, null: nobody."""
    reason: Annotated[Reason, Field(examples=["There is a claim against us in court."])] | None = None
    """Why they are kept."""

    @rule_across("assigned_to", "reason")
    def _has_what_its_action_needs(self) -> None:
        """`assign` has an `assigned_to`, perhaps null, `decline_erasure` a `reason`, and no other action has either."""
        if ("assigned_to" in self.model_fields_set) != (self.action == "assign"):
            raise NotAcceptable("field.without_action", action="assign", fields=["assigned_to"])
        if (self.reason is None) == (self.action == "decline_erasure"):
            raise NotAcceptable("field.without_action", action="decline_erasure", fields=["reason"])
