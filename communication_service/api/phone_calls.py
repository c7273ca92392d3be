"""Endpoints to phone calls."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.rules import contact_rules
from communication_service.domain import calls
from communication_service.domain.schemas import CallOutcome, PhoneCallFilter, PhoneCallPage, PhoneCallView
from shared.database import transaction
from shared.http import Resource, endpoint, once
from shared.runtime import clock


class PhoneCalls(Resource):
    """All calls."""

    @endpoint(query=PhoneCallFilter, answer=PhoneCallPage)
    def get(self, query: PhoneCallFilter) -> PhoneCallPage:
        """List calls by their start."""
        with transaction() as session:
            return calls.listed(session, query)


class PhoneCall(Resource):
    """One call."""

    @endpoint(answer=PhoneCallView)
    def get(self, id: UUID) -> PhoneCallView:
        """Show a call with the practice and what the caller may say of each patient."""
        with transaction() as session:
            return calls.get(session, id)


class PhoneCallOutcome(Resource):
    """What came of a call."""

    @endpoint(body=CallOutcome, answer=PhoneCallView)
    def post(self, id: UUID, body: CallOutcome) -> PhoneCallView:
        """Record what came of a call; where nobody was reached the next one is planned.

        409 for a second outcome, and where a request has an answer already, unless that was "later"; then nothing is
        recorded.
        """

        def record() -> PhoneCallView:
            calls.await_turn(session, id)
            return calls.record_outcome(session, id, body, rules=contact_rules(), now=clock.now())

        with transaction() as session:
            return once(session, record, recall=lambda known: calls.get(session, known))
