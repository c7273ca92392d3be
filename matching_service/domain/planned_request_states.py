"""From one state of a planned request to another; nobody else sets one. `states.py` has those of the plan itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from matching_service.store.tables import PlannedRequest
from shared.texts import Sentence
from shared.values.contact_plan_enums import PlannedRequestState
from shared.values.transitions import check_transition

S = PlannedRequestState

ALLOWED: Final[dict[PlannedRequestState, frozenset[PlannedRequestState]]] = {
    S.PROPOSED: frozenset({S.REMOVED, S.MADE, S.REFUSED}),
    S.REMOVED: frozenset({S.PROPOSED}),
    S.MADE: frozenset(),
    S.REFUSED: frozenset(),
}


def propose(request: PlannedRequest) -> None:
    """A new request of a plan is to be made, unless staff take it out."""
    request.state = S.PROPOSED


def take_out(request: PlannedRequest) -> None:
    """proposed → removed: staff do not want it made."""
    _enter(request, S.REMOVED)


def put_back(request: PlannedRequest) -> None:
    """removed → proposed: it is to be made after all."""
    _enter(request, S.PROPOSED)


def make(request: PlannedRequest, placement_request_id: UUID) -> None:
    """proposed → made: it is a placement request now."""
    _enter(request, S.MADE)
    request.placement_request_id = placement_request_id


def refuse(request: PlannedRequest, why: Sequence[Sentence]) -> None:
    """proposed → refused: the rules do not allow it, any more or for what staff added."""
    _enter(request, S.REFUSED)
    request.refusal = [each.to_json() for each in why]


def _enter(request: PlannedRequest, to: PlannedRequestState) -> None:
    check_transition(ALLOWED, request.state, to)
    request.state = to
