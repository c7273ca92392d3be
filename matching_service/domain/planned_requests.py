"""What becomes of the requests of a plan; nobody else sets their states."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from matching_service.store.tables import PlannedRequest
from shared.texts import Sentence
from shared.values.contact_plan_enums import PlannedRequestState


def take_out(request: PlannedRequest) -> None:
    """Staff do not want it made."""
    request.state = PlannedRequestState.REMOVED


def put_back(request: PlannedRequest) -> None:
    """It is to be made after all."""
    request.state = PlannedRequestState.PROPOSED


def make(request: PlannedRequest, placement_request_id: UUID) -> None:
    """It is a placement request now."""
    request.state, request.placement_request_id = PlannedRequestState.MADE, placement_request_id


def refuse(request: PlannedRequest, why: Sequence[Sentence]) -> None:
    """The rules do not allow it, any more or for what staff added."""
    request.state, request.refusal = PlannedRequestState.REFUSED, [each.to_json() for each in why]
