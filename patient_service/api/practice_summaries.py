"""Endpoint for the communication service: what practices may read of patients."""

from __future__ import annotations

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import practice_summaries
from patient_service.domain.practice_summaries import PracticeSummaries, PracticeSummaryQuery
from shared.http import Context, Resource, endpoint


class PracticeSummariesResource(Resource):
    """What practices may read of patients, for letters and calls."""

    @endpoint(query=PracticeSummaryQuery, response=PracticeSummaries)
    def get(self, context: Context[Dependencies], query: PracticeSummaryQuery) -> PracticeSummaries:
        """Show what practices may read of these patients now: null without a consent that stands.

        Noted in the access log of each patient of whom something is shown, with the header X-Purpose.
        """
        return practice_summaries.read(
            context.session, context.dependencies.keys, query.ids, reader=reader(context), now=context.now
        )
