"""Endpoints to files with patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from patient_service.api.access_log import reader
from patient_service.dependencies import Dependencies
from patient_service.domain import import_files, imports
from patient_service.domain.import_files import CSV, JSON, LARGEST_FILE, FileRow
from patient_service.domain.import_schemas import (
    PatientImportFilter,
    PatientImportOptions,
    PatientImportRowFilter,
    PatientImportView,
)
from patient_service.domain.lists import PATIENT_IMPORT_ROWS, PATIENT_IMPORTS
from patient_service.domain.schemas import NewPatient
from shared.http import Context, Resource, SentFile, Upload, endpoint
from shared.values.lists import Listed, ListRequest

A_TABLE: Final = "first_name,last_name,consultation.held_on\nNora,Herbstwind,2026-11-02\n"
FILES: Final = Upload(
    {JSON: Annotated[list[NewPatient], Field(min_length=1)], CSV: Annotated[str, Field(examples=[A_TABLE])]},
    largest=LARGEST_FILE,
)


class PatientImportItem(Resource):
    """One file with patients."""

    @endpoint(response=PatientImportView)
    def get(self, context: Context[Dependencies], id: UUID) -> PatientImportView:
        """Show how far a file with patients is."""
        return imports.get(context.session, id)


def _rows(_context: Context[Dependencies], upload: SentFile, query: PatientImportOptions) -> Sequence[FileRow]:
    """Take the file apart before a transaction is open."""
    return import_files.read(
        upload.content, media_type=upload.media_type, charset=upload.charset, expected_total=query.expected_total
    )


class PatientImportCollection(Resource):
    """All files with patients."""

    @endpoint(lists=PATIENT_IMPORTS)
    def get(self, context: Context[Dependencies], wanted: ListRequest[PatientImportFilter]) -> Listed:
        """List files with patients, the newest first."""
        return imports.list_part(context.session, wanted)

    @endpoint(
        upload=FILES,
        query=PatientImportOptions,
        before_transaction=_rows,
        response=PatientImportView,
        status=202,
        replay=PatientImportItem.get,
    )
    def post(
        self,
        context: Context[Dependencies],
        upload: SentFile,
        query: PatientImportOptions,
        fetched: Sequence[FileRow],
    ) -> PatientImportView:
        """Enter the patients of a file: CSV with a header, or a JSON list of patients, 16 MiB and 20,000 rows at most.

        The file is checked whole before anybody is entered; look at the address in `Location` for how far it is, and at
        `/rows` below it for what is wrong with each row. Until then the rows are stored encrypted, and afterwards not
        at all.
        """
        return imports.begin(
            context.session,
            context.dependencies.keys,
            fetched,
            query,
            is_csv=upload.media_type == CSV,
            reader=reader(context),
            now=context.now,
        )


class PatientImportRowCollection(Resource):
    """The rows of a file with patients."""

    @endpoint(lists=PATIENT_IMPORT_ROWS)
    def get(self, context: Context[Dependencies], id: UUID, wanted: ListRequest[PatientImportRowFilter]) -> Listed:
        """List what became of each row; noted in the access log of patients who may be the same person."""
        keys = context.dependencies.keys
        return imports.list_rows(context.session, keys, id, wanted, reader=reader(context), now=context.now)
