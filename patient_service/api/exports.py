"""Endpoint to the export of all that is held about a patient."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from flask import Response

from patient_service import jobs
from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import exports
from patient_service.domain.export_files import as_zip
from patient_service.domain.exports import Collected, PatientExport
from shared.http import Context, Resource, endpoint
from shared.http.languages import language_of_caller
from shared.http.media_types import preferred
from shared.values.datetimes import berlin_day

ZIP: Final = "application/zip"
JSON: Final = "application/json"


def _collect(context: Context[Dependencies], id: UUID) -> Collected:
    """Ask the other services, before a transaction is open."""
    return jobs.collect_from_others(id, context.dependencies)


class PatientExportResource(Resource):
    """Everything that is held about a patient."""

    @endpoint(response=PatientExport, before_transaction=_collect, media_types=(ZIP,), statuses=(429, 503))
    def get(self, context: Context[Dependencies], id: UUID, fetched: Collected) -> PatientExport | Response:
        """Export everything that any service holds about a patient; noted in the access log as `exported`.

        One JSON document (docs/patient-export.schema.json), or with `Accept: application/zip` an archive with it and
        each letter as a file. Where a service does not answer it is 503, and `services` names it: a part never passes
        for the whole, also not where a file is merged into this one meanwhile (409). Files that were merged are in it.
        What letters say of other people is left out.
        """
        keys = context.dependencies.keys
        found = exports.export(context.session, keys, id, fetched, reader=reader(context), now=context.now)
        return _shown(found)


def _shown(export: PatientExport) -> PatientExport | Response:
    return _as_file(export) if preferred(JSON, ZIP) == ZIP else export


def _as_file(export: PatientExport) -> Response:
    document = export.model_dump_json(context=language_of_caller).encode()
    name = f"patient-{export.patient_id}-{berlin_day(export.exported_at):%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
    return Response(as_zip(export, document), content_type=ZIP, headers=headers)
