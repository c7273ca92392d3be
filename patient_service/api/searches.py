"""Endpoints to a patient's way through search and therapy."""

from __future__ import annotations

from uuid import UUID

from patient_service import jobs
from patient_service.api.access_log import reader
from patient_service.api.patients import PatientItem
from patient_service.dependencies import Dependencies
from patient_service.domain import history, searches
from patient_service.domain.lists import STATUS_CHANGES
from patient_service.domain.schemas import NewStatus, PatientView, Readiness
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import QuerySchema


def _wait(context: Context[Dependencies], id: UUID, body: NewStatus) -> None:
    """Wait for geocoding, before a transaction is open."""
    jobs.wait_for_location(id, body, context.dependencies)


class PatientStatusResource(Resource):
    """The status of a patient."""

    @endpoint(body=NewStatus, response=PatientView, replay=PatientItem.get, before_transaction=_wait)
    def post(self, context: Context[Dependencies], id: UUID, body: NewStatus, fetched: None) -> PatientView:
        """Start, pause, resume or end the search or the therapy; 409 names what a search still lacks.

        A search that only waits for its postal code to be looked up waits for two seconds at most. Who resumes a
        search during a therapy says why.
        """
        keys = context.dependencies.keys
        return searches.set_status(context.session, keys, id, body, reader=reader(context), now=context.now)


class PatientReadinessResource(Resource):
    """Whether a search may start."""

    @endpoint(response=Readiness)
    def get(self, context: Context[Dependencies], id: UUID) -> Readiness:
        """Say whether the search may start, and what is missing; noted in the access log."""
        keys = context.dependencies.keys
        return searches.check_readiness(context.session, keys, id, reader=reader(context), now=context.now)


class PatientHistoryCollection(Resource):
    """How a patient's status changed."""

    @endpoint(lists=STATUS_CHANGES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List the status changes, oldest first; noted in the access log."""
        keys = context.dependencies.keys
        return history.list_history(context.session, keys, id, wanted, reader=reader(context), now=context.now)
