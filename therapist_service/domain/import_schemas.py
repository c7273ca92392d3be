"""Imports as clients see them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.values.datetimes import Instant
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.schemas import Page, PageQuery, Schema, Seen


class NewImport(Schema):
    """What starts an import: a file's name inside the watched folder; without it, the next file that waits there."""

    file: (
        Annotated[
            str,
            StringConstraints(max_length=40, pattern=r"^therapists_[0-9]{8}_[0-9]{6}\.json$"),
            Field(examples=["therapists_20261120_040000.json"]),
        ]
        | None
    ) = None


class Counts(Schema):
    """What became of the records; additions, modifications and deletions are those that changed something."""

    additions: int
    modifications: int
    deletions: int
    unchanged: int
    waiting: int
    rejected: int


class ImportView(Seen):
    """One file, and what became of it. `done` of `total` records have an outcome.

    `checksum` is null until a worker has read the file, and `total` until it has looked it through.
    """

    file: str
    checksum: str | None
    status: ImportStatus
    source: str | None
    scrape_id: str | None
    started_at: Instant
    finished_at: Instant | None
    reason: str | None
    counts: Counts
    total: int | None
    done: int


class Change(Schema):
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
    difference: list[Change]


class ImportRecordFilter(PageQuery):
    """Which records to list."""

    outcome: ImportOutcome | None = None


ImportPage = Page[ImportView]
ImportRecordPage = Page[ImportRecordView]
