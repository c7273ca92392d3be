"""Who was shown a patient's file: as clients see it, and which accesses they want to see."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.values.datetimes import Instant
from shared.values.lists import Several, View
from shared.values.periods import SpanOfDays
from shared.values.schemas import Schema

Action = Literal["created", "read", "changed", "revealed", "audited", "exported", "erased"]
"""How somebody came to see a file; `revealed`: the placement code was shown; `audited`: this log was read; `exported`:
a file with a list was made; `erased`: it was destroyed, and the log of this patient cannot be read any more."""
ListAction = Literal["listed", "exported", "audited"]
"""The same for several patients at once; `audited`: the log of all files was read."""
AnyAction = Literal[Action, "listed"]


class FileAccessView(Schema):
    """Who was shown a patient's file, when, and why (`X-Purpose`); `by` is null before there are accounts.

    A list is one access: it has the same `id` in the log of every patient that it showed. One of rows or labels is not
    noted again where the same person sees the same patients once more within 15 minutes.
    """

    id: UUID
    """Identifies the access."""
    reference: str
    """Of whose file; of two that became one the log has both."""
    at: Instant
    """When it was."""
    by: UUID | None
    """The account of who was shown the file."""
    action: AnyAction
    """How they came to see it."""
    view: View | None
    """How much of the file a list showed; null where it was no list."""
    purpose: str | None
    """Why, as they said it in `X-Purpose`."""


class AccessView(Schema):
    """Who was shown which files, when, and why; a list is one access that names everybody whom it showed."""

    id: UUID
    """Identifies the access; where a refusal revealed several patients, each of its entries has the same."""
    at: Instant
    """When it was."""
    by: UUID | None
    """The account of who was shown the files."""
    action: AnyAction
    """How they came to see them."""
    view: View | None
    """How much of the files a list showed; null where it was no list."""
    patients: int
    """How many patients it was about."""
    patient_ids: list[UUID]
    """Who they are; of more than 200 the first 200."""
    references: list[str]
    """By what staff and practices know them, in the same order; also of those who were erased."""
    purpose: str | None
    """Why, as they said it in `X-Purpose`; null also where the patients were erased."""


class AccessFilter(SpanOfDays):
    """Which accesses to list, by who, to whose files, how, and the day in Berlin."""

    by: Several[UUID] = []
    """Only those by one of these accounts."""
    patient_id: Several[UUID] = []
    """Only those to the file of one of these patients."""
    action: Several[AnyAction] = []
    """Only those of one of these kinds."""
