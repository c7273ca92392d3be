"""Endpoints to imports."""

from __future__ import annotations

from uuid import UUID

from shared.http import Context, Resource, endpoint
from shared.values.lists import Listed, ListRequest
from therapist_service.dependencies import Dependencies
from therapist_service.domain import import_arrivals, import_holds, import_undo, imports
from therapist_service.domain.import_arrivals import FileSearch
from therapist_service.domain.import_schemas import (
    ImportFilter,
    ImportRecordFilter,
    ImportRejection,
    ImportUndoFilter,
    ImportView,
    NewImport,
)
from therapist_service.domain.lists import IMPORT_RECORDS, IMPORT_UNDO_OUTCOMES, IMPORTS


class ImportItem(Resource):
    """One import."""

    @endpoint(response=ImportView)
    def get(self, context: Context[Dependencies], id: UUID) -> ImportView:
        """Show an import: how far it is, and what became of its records."""
        return imports.get(context.session, id)


def _search(context: Context[Dependencies], body: NewImport) -> FileSearch:
    """Look into the folder, before a transaction is open."""
    return context.dependencies.import_folder.search(body.file)


class ImportCollection(Resource):
    """All imports."""

    @endpoint(lists=IMPORTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[ImportFilter]) -> Listed:
        """List imports, the newest first."""
        return imports.list_part(context.session, wanted)

    @endpoint(
        body=NewImport,
        before_transaction=_search,
        response=ImportView,
        status=202,
        statuses=(404, 409),
        replay=ImportItem.get,
    )
    def post(self, context: Context[Dependencies], body: NewImport, fetched: FileSearch) -> ImportView:
        """Import a file of the watched folder now: the named one, or the next that waits.

        The worker reads and applies it, after those with earlier names; look at the address in `Location` for what
        becomes of it. A file that was imported before is refused with 409 and the `Location` of that import; where
        that shows only when the worker reads its content, the import ends as `rejected` and `duplicate_of` names the
        earlier one. A file whose import was undone is imported once more, unless a later file was applied since.
        """
        return import_arrivals.ask(
            context.session, fetched.look, by=context.caller.id, now=context.now, otherwise=fetched.otherwise
        )


class ImportApproveResource(Resource):
    """The approval of a held import."""

    @endpoint(response=ImportView, replay=ImportItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ImportView:
        """Have a file applied that is held since it would deactivate or change unusually many therapists.

        It is applied at its turn, and later files after it. 409 where the import is not held.
        """
        return import_holds.approve(context.session, id, by=context.caller.id, now=context.now)


class ImportRejectResource(Resource):
    """The rejection of a held import."""

    @endpoint(body=ImportRejection, response=ImportView, replay=ImportItem.get)
    def post(self, context: Context[Dependencies], id: UUID, body: ImportRejection) -> ImportView:
        """Apply nothing of a held file; later files go on. 409 where the import is not held."""
        return import_holds.reject(context.session, id, body, by=context.caller.id, now=context.now)


class ImportUndoCollection(Resource):
    """An import that is taken back."""

    @endpoint(lists=IMPORT_UNDO_OUTCOMES)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[ImportUndoFilter]) -> Listed:
        """List what became of each therapist whom an import had changed when it was undone, with what stays."""
        return import_undo.list_part(context.session, id, wanted)

    @endpoint(response=ImportView, status=202, replay=ImportItem.get)
    def post(self, context: Context[Dependencies], id: UUID) -> ImportView:
        """Undo a completed import: what it changed is as before, but for what somebody or a later file changed since.

        A worker does it, from the last record to the first; the import is `undone` then. 409 where it is not
        completed, is being undone, or what became of its records is not kept any more.
        """
        return import_undo.ask(context.session, id, by=context.caller.id, now=context.now)


class ImportRecordCollection(Resource):
    """The records of an import."""

    @endpoint(lists=IMPORT_RECORDS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[ImportRecordFilter]) -> Listed:
        """List what became of each record, in the order of work."""
        return imports.list_records(context.session, id, wanted)
