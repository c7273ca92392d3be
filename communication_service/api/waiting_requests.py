"""Endpoints to what waits."""

from __future__ import annotations

from communication_service.dependencies import Dependencies
from communication_service.domain import waiting
from communication_service.domain.schemas import WaitingRequestFilter, WaitingRequestPage
from shared.http import Context, Resource, endpoint


class WaitingRequestCollection(Resource):
    """Placement requests that wait for something, in an inquiry or not."""

    @endpoint(query=WaitingRequestFilter, response=WaitingRequestPage)
    def get(self, context: Context[Dependencies], query: WaitingRequestFilter) -> WaitingRequestPage:
        """List what each request waits for, the longest waiting first."""
        return waiting.list_page(context.session, query, rules=context.dependencies.rules, now=context.now)
