"""Doors to imports."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from flask import Response, current_app

from shared import clock
from shared.api import Answer, Resource, door, once
from shared.api.problems import problem
from shared.db import transaction
from shared.values.schemas import PageQuery
from therapist_service.domain import import_arrivals, imports
from therapist_service.domain.import_schemas import (
    ImportPage,
    ImportRecordFilter,
    ImportRecordPage,
    ImportView,
    NewImport,
)
from therapist_service.jobs import ImportFolder


class Imports(Resource):
    """All imports."""

    @door(query=PageQuery, answer=ImportPage)
    def get(self, query: PageQuery) -> ImportPage:
        """List imports, the newest first."""
        with transaction() as session:
            return imports.listed(session, query)

    @door(body=NewImport, answer=ImportView, status=202, statuses=(404, 409))
    def post(self, body: NewImport) -> Answer | Response:
        """Import a file of the watched folder now: the named one, or the next that waits.

        The worker reads and applies it, after those with earlier names; look at the address in `Location` for what
        becomes of it. A file that was imported before is refused with 409 and the `Location` of that import; where
        that shows only when the worker reads its content, the import ends as `rejected` and names the earlier one.
        """
        folder = cast(ImportFolder, current_app.extensions["import_folder"])
        now = clock.now()
        look = folder.find(body.file)
        otherwise = "" if look else folder.why_nothing(body.file)
        try:
            with transaction() as session:
                taken = once(
                    session,
                    lambda: import_arrivals.ask(session, look, now=now, otherwise=otherwise),
                    recall=lambda known: imports.get(session, known),
                )
        except import_arrivals.ImportedBefore as known:
            return problem(409, known.code, known.message, headers={"Location": _place(known.import_id)})
        return Answer(taken, location=_place(taken.id))


class Import(Resource):
    """One import."""

    @door(answer=ImportView)
    def get(self, id: UUID) -> ImportView:
        """Show an import: how far it is, and what became of its records."""
        with transaction() as session:
            return imports.get(session, id)


class ImportRecords(Resource):
    """The records of an import."""

    @door(query=ImportRecordFilter, answer=ImportRecordPage)
    def get(self, id: UUID, query: ImportRecordFilter) -> ImportRecordPage:
        """List what became of each record, in the order of work."""
        with transaction() as session:
            return imports.records(session, id, query)


def _place(import_id: UUID) -> str:
    return f"/api/imports/{import_id}"
