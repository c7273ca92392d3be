"""Endpoints to a patient's way through search and therapy."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.dependencies import FileResource, keys, reader
from patient_service.domain import patients, searches
from patient_service.domain.schemas import HistoryPage, NewStatus, PatientView, Readiness
from shared.database import transaction
from shared.http import endpoint, once
from shared.runtime import clock
from shared.values.schemas import PageQuery


class PatientStatus(FileResource):
    """The status of a patient."""

    @endpoint(body=NewStatus, answer=PatientView)
    def post(self, id: UUID, body: NewStatus) -> PatientView:
        """Start, pause, resume or end the search or the therapy; 409 names what a search still lacks."""
        now = clock.now()
        with transaction() as session:
            return once(
                session,
                lambda: searches.set_status(session, keys(), id, body, reader=reader(), now=now),
                recall=lambda known: patients.get(session, keys(), known, reader=reader(), now=now),
            )


class PatientReadiness(FileResource):
    """Whether a search may start."""

    @endpoint(answer=Readiness)
    def get(self, id: UUID) -> Readiness:
        """Say whether the search may start, and what is missing; noted in the access log."""
        with transaction() as session:
            return searches.readiness(session, keys(), id, reader=reader(), now=clock.now())


class PatientHistory(FileResource):
    """How a patient's status changed."""

    @endpoint(query=PageQuery, answer=HistoryPage)
    def get(self, id: UUID, query: PageQuery) -> HistoryPage:
        """List the status changes, oldest first; noted in the access log."""
        with transaction() as session:
            return searches.history(session, keys(), id, query, reader=reader(), now=clock.now())
