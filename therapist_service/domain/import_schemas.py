"""Imports as clients see them."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.values.datetimes import Instant
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.errors import NotAcceptable
from shared.values.import_enums import UndoOutcome
from shared.values.lists import Several
from shared.values.schemas import EntityView, QuerySchema, Schema
from shared.values.text import Reason, Text

FILE_NAME = r"^therapists_[0-9]{8}_[0-9]{6}\.json$"
A_FILE_NAME = "therapists_20261120_040000.json"


def _file_name(text: str) -> str:
    if not re.fullmatch(FILE_NAME, text):
        raise NotAcceptable("field.not_file_name", example=A_FILE_NAME)
    return text


class NewImport(Schema):
    """What starts an import: a file's name inside the watched folder; without it, the next file that waits there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"file": A_FILE_NAME}]})

    file: Annotated[str, Text(40, _file_name, pattern=FILE_NAME), Field(examples=[A_FILE_NAME])] | None = None
    """The name of a file in the folder IMPORT_URL."""


class Counts(Schema):
    """What became of the records; additions, modifications and deletions are those that changed something."""

    additions: int
    """Therapists who were added."""
    modifications: int
    """Therapists who were changed."""
    deletions: int
    """Therapists whom the source has no more: they are inactive now."""
    unchanged: int
    """Records that changed nothing."""
    waiting: int
    """Records about which people must decide first."""
    rejected: int
    """Records that cannot be accepted."""


class Hold(Schema):
    """Why a file waited for a person's approval, and what was decided; the import's `status` says which."""

    held_at: Instant
    """Since when."""
    known_before: int
    """Therapists who were known from its source, or known otherwise and found by its records."""
    would_deactivate: int
    """Therapists who would become inactive."""
    would_change: int
    """Therapists who would change."""
    decided_at: Instant | None
    """When it was approved or rejected; null while it waits."""
    decided_by: UUID | None
    """The account of who decided; null while it waits, and where that was done at the terminal."""


class ImportRejection(Schema):
    """Why a held file is not applied."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The source was down, nobody has left."}]})

    reason: Reason | None = None
    """Why; the import shows it."""


class Undo(Schema):
    """How far an import has been undone. `done` of `total` records that changed somebody are."""

    asked_at: Instant
    """When somebody wanted it undone."""
    asked_by: UUID | None
    """The account of who did; null where that was done at the terminal."""
    done: int
    """How many records are undone."""
    total: int
    """How many records changed somebody, or may have."""
    kept: int
    """Therapists who are not wholly as before, since something newer stays."""
    finished_at: Instant | None
    """When all of it was undone; null while a worker is at it."""


class ImportView(EntityView):
    """One file, and what became of it. `done` of `total` records have an outcome.

    `checksum` is null until a worker has read the file, and `total` until it has looked it through. `started_by` is who
    asked for the file, null where it was found in the folder.
    """

    file: str
    """Name of the file."""
    checksum: str | None
    """SHA-256 of the file; null until a worker has read it."""
    duplicate_of: UUID | None
    """The import of the same content that was there before, so that this one is rejected; null for all others."""
    status: ImportStatus
    """Where the import stands."""
    source: str | None
    """Where the file says that it comes from."""
    scrape_id: str | None
    """The run of the scraper, as the file says."""
    scraped_at: Instant | None
    """When the source was like this, as the file says."""
    started_at: Instant
    """When the import began."""
    started_by: UUID | None
    """The account of who asked for it; null where the file was found in the folder."""
    finished_at: Instant | None
    """When it ended."""
    reason: str | None
    """Why the file failed, or waits."""
    counts: Counts
    """What became of the records."""
    total: int | None
    """How many records the file has; null until it was looked through."""
    done: int
    """How many of them have an outcome."""
    waits_for: str | None
    """Name of the earlier file that is held: this one waits until somebody approves or rejects that one."""
    hold: Hold | None
    """Null unless the file was held since it would deactivate or change unusually many therapists."""
    undo: Undo | None
    """Null unless somebody wanted the import undone."""


class FieldChange(Schema):
    """One field before and after."""

    field: str
    """Name of the field."""
    before: Any
    """Its value before."""
    after: Any
    """Its value after."""


class ImportRecordView(Schema):
    """What became of one record; `position` is its place in the order of work: deletions, additions, modifications."""

    position: int
    """Place in the order of work."""
    external_id: str | None
    """By what the source knows the therapist; null where the record does not say."""
    action: ImportAction
    """What the file wants."""
    outcome: ImportOutcome
    """What became of the record."""
    reason: str | None
    """Why it was rejected, or what was left as it is."""
    therapist_id: UUID | None
    """The therapist concerned."""
    difference: list[FieldChange]
    """What changed."""


class ImportRecordFilter(QuerySchema):
    """Which records to list."""

    outcome: Several[ImportOutcome] = []
    """Only those with one of these outcomes."""


class UndoneTherapist(Schema):
    """What became of a therapist when an import was undone."""

    therapist_id: UUID
    """The therapist concerned."""
    outcome: UndoOutcome
    """What became of them."""
    kept: list[str]
    """Fields that somebody, or a later file, changed since, and that stay."""
    reason: str | None
    """Why it failed."""


class ImportFilter(QuerySchema):
    """Which imports to list."""

    status: Several[ImportStatus] = []
    """Only those with one of these statuses."""


class ImportUndoFilter(QuerySchema):
    """Which therapists to list."""

    outcome: Several[UndoOutcome] = []
    """Only those with one of these outcomes."""
