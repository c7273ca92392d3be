"""Endpoints to what waits."""

from __future__ import annotations

from communication_service.api.rules import contact_rules
from communication_service.domain import waiting
from communication_service.domain.schemas import WaitingRequestFilter, WaitingRequestPage
from shared.database import transaction
from shared.http import Resource, endpoint
from shared.runtime import clock


class WaitingRequests(Resource):
    """Placement requests that wait for something, in an inquiry or not."""

    @endpoint(query=WaitingRequestFilter, answer=WaitingRequestPage)
    def get(self, query: WaitingRequestFilter) -> WaitingRequestPage:
        """List what each request waits for, the longest waiting first."""
        with transaction() as session:
            return waiting.list_page(session, query, rules=contact_rules(), now=clock.now())
