"""Endpoints to phone calls."""

from __future__ import annotations

from uuid import UUID

from communication_service import jobs
from communication_service.api.texts import texts
from communication_service.dependencies import Dependencies
from communication_service.domain import calls
from communication_service.domain.lists import PHONE_CALLS
from communication_service.domain.practice_summaries import NO_SUMMARIES, SheetSummaries
from communication_service.domain.schemas import CallOutcome, PhoneCallFilter, PhoneCallView
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


def _summaries(context: Context[Dependencies], id: UUID) -> SheetSummaries:
    """Ask the patient service, before a transaction is open, what the practice may know."""
    return jobs.ask_for_call(id, context.dependencies, by=context.caller.id)


class PhoneCallItem(Resource):
    """One call."""

    @endpoint(response=PhoneCallView, before_transaction=_summaries)
    def get(self, context: Context[Dependencies], id: UUID, fetched: SheetSummaries = NO_SUMMARIES) -> PhoneCallView:
        """Show a call with the practice and what the caller may say of each patient.

        Of a planned call the patient service is asked what the practice may know, and notes that in the patients'
        access logs. If it does not answer, `practice_summaries_missing` is true and the rest is shown.
        """
        return calls.get(context.session, texts(context), id, fetched)


class PhoneCallCollection(Resource):
    """All calls."""

    @endpoint(lists=PHONE_CALLS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[PhoneCallFilter]) -> Listed:
        """List calls by their start."""
        return calls.list_part(context.session, texts(context), wanted, by=context.caller.id)


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
