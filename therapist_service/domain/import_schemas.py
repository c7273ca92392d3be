"""Imports as clients see them."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from shared.values.datetimes import Instant
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.errors import NotAcceptable
from shared.values.schemas import EntityView, Page, PageQuery, Schema
from shared.values.text import Text

FILE_NAME = r"^therapists_[0-9]{8}_[0-9]{6}\.json$"
A_FILE_NAME = "therapists_20261120_040000.json"


def _file_name(text: str) -> str:
    if not re.fullmatch(FILE_NAME, text):
        raise NotAcceptable(f"must be the name, without a path, of a file in the folder IMPORT_URL, like {A_FILE_NAME}")
    return text


class NewImport(Schema):
    """What starts an import: a file's name inside the watched folder; without it, the next file that waits there."""

    file: Annotated[str, Text(40, _file_name, pattern=FILE_NAME), Field(examples=[A_FILE_NAME])] | None = None
    """The name of a file in the folder IMPORT_URL."""


class Counts(Schema):
    """What became of the records; additions, modifications and deletions are those that changed something."""

    additions: int
    modifications: int
    deletions: int
    unchanged: int
    waiting: int
    rejected: int


class ImportView(EntityView):
    """One file, and what became of it. `done` of `total` records have an outcome.

    `checksum` is null until a worker has read the file, and `total` until it has looked it through. `started_by` is who
    asked for the file, null where it was found in the folder.
    """

    file: str
    checksum: str | None
    status: ImportStatus
    source: str | None
    scrape_id: str | None
    started_at: Instant
    started_by: UUID | None
    finished_at: Instant | None
    reason: str | None
    counts: Counts
    total: int | None
    done: int


class FieldChange(Schema):
    """One field before and after."""

    field: str
    before: Any
    after: Any


class ImportRecordView(Schema):
    """What became of one record; `position` is its place in the order of work: deletions, additions, modifications."""

    position: int
    external_id: str | None
    action: ImportAction
    outcome: ImportOutcome
    reason: str | None
    therapist_id: UUID | None
    difference: list[FieldChange]


class ImportRecordFilter(PageQuery):
    """Which records to list."""

    outcome: ImportOutcome | None = None
    """Only those with this outcome."""


ImportPage = Page[ImportView]
ImportRecordPage = Page[ImportRecordView]
