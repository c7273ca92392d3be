"""Named questions to the tables of this service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, case, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geocoding_service.store.tables import LocatedAddress

TOLD = (
    "street",
    "house_number",
    "postal_code",
    "city",
    "latitude",
    "longitude",
    "precision",
    "federal_state",
    "source",
)
"""What `address.geocoded` tells; one of these changing is a change."""


def remember_addresses(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> dict[UUID, int]:
    """Remember each owner's address where the owner's sequence is newer than the known one, in one statement.

    A row holds `id`, `owner_kind`, `owner_sequence` and what is told; each id occurs once. The answer is the new own
    sequence of every address that is new or changed, by id: one event each is due.
    """
    if not rows:
        return {}
    table: Table = LocatedAddress.__table__  # type: ignore[assignment]
    statement = insert(table)
    new = statement.excluded
    changed = or_(*(table.c[name].is_distinct_from(new[name]) for name in TOLD))
    upsert = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={
            **{name: new[name] for name in TOLD},
            "owner_sequence": new.owner_sequence,
            "told_sequence": case((changed, new.owner_sequence), else_=table.c.told_sequence),
            "sequence": table.c.sequence + case((changed, 1), else_=0),
            "updated_at": case((changed, new.updated_at), else_=table.c.updated_at),
        },
        where=table.c.owner_sequence < new.owner_sequence,
    ).returning(table.c.id, table.c.sequence, table.c.told_sequence == table.c.owner_sequence)
    first = {"sequence": 1, "created_at": now, "updated_at": now}
    # in one order everywhere, or two workers could wait for each other
    in_order = [
        {**row, **first, "told_sequence": row["owner_sequence"]} for row in sorted(rows, key=lambda row: row["id"])
    ]
    return {owner: sequence for owner, sequence, due in session.execute(upsert, in_order) if due}
