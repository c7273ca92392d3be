"""Endpoints to erasures; a patient is erased with DELETE (`PatientItem`)."""

from __future__ import annotations

from uuid import UUID

from patient_service.dependencies import Dependencies
from patient_service.domain import erasures
from patient_service.domain.erasure_schemas import ErasureFilter, ErasureView
from patient_service.domain.lists import ERASURES
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest


class ErasureItem(Resource):
    """One erasure."""

    @endpoint(response=ErasureView)
    def get(self, context: Context[Dependencies], id: UUID) -> ErasureView:
        """Show how far an erasure is: which services have confirmed it, and until when Kafka may hold something."""
        return erasures.get(context.session, id, compaction_lag=context.dependencies.compaction_lag)


class ErasureCollection(Resource):
    """All erasures."""

    @endpoint(lists=ERASURES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[ErasureFilter]) -> Listed:
        """List erasures, newest first, with who asked for each and which services have yet to confirm it."""
        return erasures.list_part(context.session, wanted, compaction_lag=context.dependencies.compaction_lag)
