"""The endpoint of every service that holds something about patients: all of it about one of them, for the export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from flask import Response
from pydantic import TypeAdapter

from shared.http.context import Context
from shared.http.endpoint import Resource, endpoint
from shared.http.languages import language_of_caller, say_language
from shared.http.routes import Route
from shared.values.account_enums import Scope
from shared.values.patient_data import PATH, PatientData, PatientDataQuery

Read = Callable[[Context[Any], Sequence[UUID]], PatientData]
"""Given the ids of all files of one patient, that of the kept one first."""


def patient_data_route(schema: type[PatientData], read: Read) -> Route:
    """Returns the route; only the patient service, which collects the export, has the scope for it."""
    adapter: TypeAdapter[Any] = TypeAdapter(schema)

    class PatientDataItem(Resource):
        """All that this service holds about one patient."""

        @endpoint(query=PatientDataQuery, response=schema)
        def get(self, context: Context[Any], id: UUID, query: PatientDataQuery) -> Response:
            """Show all that this service holds about a patient; it may be nothing. For the patient service's export."""
            return _whole(adapter, read(context, [id, *query.merged_ids]))

    return Route(f"{PATH}/<uuid:id>", PatientDataItem, get=frozenset({Scope.PATIENT_DATA_EXPORT}))


def _whole(adapter: TypeAdapter[Any], data: PatientData) -> Response:
    """The response with all fields: who may call this endpoint collects also what other readers are not shown."""
    response = Response(adapter.dump_json(data, context=language_of_caller), content_type="application/json")
    say_language(response)
    return response
