"""Endpoints to the access log."""

from __future__ import annotations

from uuid import UUID

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import accesses
from patient_service.domain.access_schemas import AccessFilter
from patient_service.domain.lists import ACCESSES, ALL_ACCESSES
from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from shared.values.schemas import QuerySchema


class PatientAccessLogCollection(Resource):
    """Who was shown a patient's file."""

    @endpoint(lists=ACCESSES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[QuerySchema]) -> Listed:
        """List who was shown the file, when and why, newest first; noted there too."""
        keys = context.dependencies.keys
        return accesses.list_part(context.session, keys, id, wanted, reader=reader(context), now=context.now)


class AccessLogCollection(Resource):
    """Who was shown any patient's file."""

    @endpoint(lists=ALL_ACCESSES)
    def get(self, context: Context[Dependencies], wanted: ListRequest[AccessFilter]) -> Listed:
        """List who was shown which files, when and why, newest first; noted there too, for everybody whom it names."""
        keys = context.dependencies.keys
        return accesses.list_all(context.session, keys, wanted, reader=reader(context), now=context.now)
