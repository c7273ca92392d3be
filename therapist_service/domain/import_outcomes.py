"""What is to be written for the records of a portion, in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.database import Session, new_id
from shared.events.event import Event
from shared.events.outbox import record_all
from therapist_service.domain import change_log, search, states
from therapist_service.domain.change_log import Change
from therapist_service.domain.import_files import Metadata
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_rules import ImportDecision
from therapist_service.domain.review_rules import WaitingRecord
from therapist_service.domain.schemas import ImportedFields
from therapist_service.store import import_queries, review_queries, source_queries

WRITTEN: Final = (
    "id", "created_at", *ImportedFields.model_fields, "status", "inactive_by", "block_reason", *search.COLUMNS,
    "name_key", "practice_key", "brought_by", "protected_fields", "updated_at", "updated_by", "version", "sequence",
)  # fmt: skip
"""The columns of a therapist that an import writes; what machines note about contacts is not among them.

`block_reason` is never changed: PostgreSQL checks a row before it finds that it is not a new one.
"""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written for one record."""

    sent: RawRecord
    decision: ImportDecision
    therapist_id: UUID | None
    row: Row | None = None
    """The therapist, with columns that an import does not write (`WRITTEN`) too."""
    event: tuple[UUID, int, Event] | None = None
    source: Row | None = None
    """The entry of the source, where something of it changes."""
    seen: UUID | None = None
    """An entry of which nothing is written but that the source still shows it."""
    led: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)
    """What an entry had said that leads no more, by its id."""
    is_new: bool = False
    """Whether the record is nobody who is known: then `row` and `source` are new."""
    is_found: bool = False
    """Whether a record of an unknown external id was found to be somebody who is known: then `source` is new."""
    change: Change | None = None
    review: Row | None = None
    superseded: UUID | None = None
    """A review that a newer record has overtaken."""
    remembered: Row | None = None
    """What the newest review of the entry is to remember of what was rejected."""


def new_review(
    entry: Entry, decision: ImportDecision, waiting: WaitingRecord, *, of_import: tuple[UUID, str], now: datetime
) -> Row:
    """The review in which a person decides what waits; `of_import` are the import and the source of the record."""
    import_id, source = of_import
    return {
        "id": new_id(),
        "import_id": import_id,
        "position": entry.position,
        "source_name": source,
        "external_id": entry.external_id,
        "kind": waiting.kind,
        **states.columns_of_a_new_review(),
        "therapist_id": waiting.therapist_id,
        "candidate_ids": waiting.candidate_ids,
        "proposed": waiting.values,
        "set_aside": waiting.set_aside,
        "difference": waiting.difference,
        "declined": decision.declined,
        "created_at": now,
        "updated_at": now,
        "updated_by": None,
        "version": 1,
        "sequence": 0,
    }


def write_portion(session: Session, outcomes: Sequence[Outcome], metadata: Metadata, *, now: datetime) -> None:
    """Write what was decided, but for the outcomes themselves."""
    new = {o.row["id"] for o in outcomes if o.is_new and o.row is not None}
    import_queries.write_therapists(session, _last(o.row for o in outcomes), new=new, columns=WRITTEN)
    source_queries.keep_records(session, {id: record for o in outcomes for id, record in o.led.items()})
    new = {o.source["id"] for o in outcomes if (o.is_new or o.is_found) and o.source is not None}
    source_queries.write_entries(session, _last(o.source for o in outcomes), new=new)
    source_queries.record_shown(session, [o.seen for o in outcomes if o.seen is not None], metadata.timestamp)
    record_all(session, [o.event for o in outcomes if o.event is not None], now=now)
    change_log.add(session, [o.change for o in outcomes if o.change is not None], now=now)
    overtaken = [o.superseded for o in outcomes if o.superseded is not None]
    review_queries.supersede(session, overtaken, states.columns_of_a_superseded_review() | {"updated_at": now})
    review_queries.remember(session, [o.remembered for o in outcomes if o.remembered is not None])
    review_queries.add(session, [o.review for o in outcomes if o.review is not None])


def _last(rows: Iterable[Row | None]) -> list[Row]:
    """Of rows with one id the last: several records may be one therapist."""
    return list({row["id"]: row for row in rows if row is not None}.values())
