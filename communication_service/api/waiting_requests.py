"""Endpoints to what waits."""

from __future__ import annotations

from communication_service.dependencies import Dependencies
from communication_service.domain import waiting
from communication_service.domain.lists import WAITING_REQUESTS
from communication_service.domain.schemas import WaitingRequestFilter
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


class WaitingRequestCollection(Resource):
    """Placement requests that wait for something, in an inquiry or not."""

    @endpoint(lists=WAITING_REQUESTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[WaitingRequestFilter]) -> Listed:
        """List what each request waits for, the longest waiting first."""
        return waiting.list_part(context.session, wanted, rules=context.dependencies.rules, now=context.now)
