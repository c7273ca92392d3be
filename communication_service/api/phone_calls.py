"""Endpoints to phone calls."""

from __future__ import annotations

from uuid import UUID

from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import calls
from communication_service.domain.lists import PHONE_CALLS
from communication_service.domain.schemas import CallOutcome, PhoneCallFilter, PhoneCallView
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


class PhoneCallItem(Resource):
    """One call."""

    @endpoint(response=PhoneCallView)
    def get(self, context: Context[Dependencies], id: UUID) -> PhoneCallView:
        """Show a call with the practice and what the caller may say of each patient."""
        return calls.get(context.session, texts(context), id)


class PhoneCallCollection(Resource):
    """All calls."""

    @endpoint(lists=PHONE_CALLS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[PhoneCallFilter]) -> Listed:
        """List calls by their start."""
        return calls.list_part(context.session, texts(context), wanted)


class PhoneCallOutcomeResource(Resource):
    """What came of a call."""

    @endpoint(body=CallOutcome, response=PhoneCallView, replay=PhoneCallItem.get, lock_before=calls.lock)
    def post(self, context: Context[Dependencies], id: UUID, body: CallOutcome) -> PhoneCallView:
        """Record what came of a call; where nobody was reached the next one is planned.

        409 for a second outcome, and where a request has an answer already, unless that was "later"; then nothing is
        recorded.
        """
        rules = context.dependencies.rules
        return calls.record_outcome(
            context.session, texts(context), id, body, rules=rules, by=context.caller.id, now=context.now
        )
