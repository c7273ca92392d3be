"""Files with patients, as clients see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from patient_service.domain.import_files import MOST_ROWS
from shared.values.datetimes import Instant
from shared.values.lists import Several
from shared.values.patient_import_enums import OnProblem, PatientImportOutcome, PatientImportStatus
from shared.values.schemas import EntityView, QuerySchema, Schema
from shared.values.worded import Worded


class PatientImportOptions(QuerySchema):
    """How a file with patients is treated."""

    dry_run: bool = False
    """Only check the file, and enter nobody."""
    on_problem: Annotated[OnProblem, Field(examples=[OnProblem.REFUSE_FILE.value])] = OnProblem.REFUSE_FILE
    """What a row that cannot be entered refuses: the whole file, or only itself."""
    force: bool = False
    """Enter also those of whom somebody alike is known, here or in the file; the same insurance number is refused."""
    expected_total: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = None
    """How many rows the sender believes the file has; with another number nothing is done (409)."""


class PatientImportView(EntityView):
    """A file with patients, and how far it is: `checked` of `total` rows, then `entered` and `refused`."""

    status: PatientImportStatus
    """Where the import stands."""
    dry_run: bool
    """Whether the file is only checked."""
    on_problem: OnProblem
    """What a row that cannot be entered refuses."""
    force: bool
    """Whether those are entered of whom somebody alike is known."""
    started_by: UUID | None
    """The account of who sent the file; null: at the terminal."""
    finished_at: Instant | None
    """When it ended."""
    rows_removed_at: Instant | None
    """When what became of each row was removed, some time after the end; the counts stay."""
    total: int
    """How many rows the file has."""
    checked: int
    """How many of them were checked."""
    entered: int
    """How many patients were entered."""
    refused: int
    """How many rows cannot be entered."""


class ImportedFieldProblem(Schema):
    """One field of a row, and what is wrong with it."""

    field: str
    """Name of the field, or of the column of a CSV file."""
    message: Worded
    """What is wrong; goes on after the name. It never repeats the value."""


class ImportCandidate(Schema):
    """Somebody who may be the same person: a patient, or an earlier row of the file."""

    id: UUID | None = None
    """The patient."""
    reference: str | None = None
    """By what practices know the patient."""
    number: int | None = None
    """The place of the earlier row among the rows of the file; the first is 1."""
    line: int | None = None
    """The line of the file where the earlier row begins."""
    why: list[str]
    """What they have in common."""


class ImportProblem(Schema):
    """Why a row cannot be entered."""

    code: str
    """A stable word for programs, as for a patient who is entered alone."""
    detail: Worded
    """A sentence for a person."""
    errors: list[ImportedFieldProblem]
    """All fields that are wrong."""
    candidates: list[ImportCandidate]
    """Who may be the same person."""


class PatientImportRowView(Schema):
    """What became of one row of the file."""

    number: int
    """Its place among the rows; the first is 1."""
    line: int
    """The line of the file where it begins; the header is in line 1."""
    outcome: PatientImportOutcome
    """What became of it; `valid`: it can be entered."""
    patient_id: UUID | None
    """The patient who was entered."""
    problem: ImportProblem | None
    """Why it cannot be entered."""


class PatientImportFilter(QuerySchema):
    """Which files with patients to list."""

    status: Several[PatientImportStatus] = []
    """Only those with one of these statuses."""


class PatientImportRowFilter(QuerySchema):
    """Which rows to list."""

    outcome: Several[PatientImportOutcome] = []
    """Only those with one of these outcomes."""
