"""What is to be done with many placement requests at once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from matching_service.domain.schemas import RequestFilter
from shared.values.bulk import Selection
from shared.values.errors import NotAcceptable
from shared.values.placement_enums import StaffWithdrawalReason
from shared.values.rules import rule_across

A_BULK_CHANGE: Final[JsonDict] = {
    "filter": {"therapist_id": ["0193a1b2-0000-7000-8000-000000000001"]},
    "expected_total": 1,
    "action": "priority",
    "priority": 50,
}


class BulkChange(Selection[RequestFilter]):
    """What is to be done with many placement requests at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [A_BULK_CHANGE]})

    action: Literal["withdraw", "priority"]
    """Whether they are withdrawn, for a `reason`, or get another `priority`."""
    reason: StaffWithdrawalReason | None = None
    """Why nobody needs to be asked any more."""
    priority: Annotated[int | None, Field(ge=0, le=100)] = None
    """The new priority; higher first."""

    @rule_across("reason", "priority")
    def _has_what_its_action_needs(self) -> None:
        """`withdraw` has a `reason` and no `priority`, `priority` the other way round."""
        if (self.reason is None) == (self.action == "withdraw"):
            raise NotAcceptable("field.without_action", action="withdraw", fields=["reason"])
        if (self.priority is None) == (self.action == "priority"):
            raise NotAcceptable("field.without_action", action="priority", fields=["priority"])
