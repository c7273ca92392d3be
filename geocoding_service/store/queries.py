"""Named questions to the tables of this service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from geocoding_service.store.tables import LocatedAddress
from shared.database import lock_rows, next_locked
from shared.database.copies import as_json, forget_ahead, is_newer, notice_ahead

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

_WRITTEN = ("id", "owner_kind", "owner_sequence", "owner_told_at", *TOLD)
_CHANGED = " OR ".join(f"known.{name} IS DISTINCT FROM excluded.{name}" for name in TOLD)
# one parameter however many rows: SQLAlchemy would spend longer on a thousand rows than PostgreSQL
_REMEMBER = text(f"""
    INSERT INTO located_addresses AS known ({", ".join(_WRITTEN)}, told_sequence, sequence, created_at, updated_at)
    SELECT {", ".join(_WRITTEN)}, owner_sequence, 1, :now, :now
      FROM json_populate_recordset(CAST(NULL AS located_addresses), CAST(:rows AS json))
        ON CONFLICT (id) DO UPDATE
       SET {", ".join(f"{name} = excluded.{name}" for name in TOLD)},
           owner_sequence = excluded.owner_sequence,
           owner_told_at = excluded.owner_told_at,
           told_sequence = CASE WHEN {_CHANGED} THEN excluded.owner_sequence
                                ELSE least(known.told_sequence, excluded.owner_sequence - 1) END,
           sequence = known.sequence + CASE WHEN {_CHANGED} THEN 1 ELSE 0 END,
           updated_at = CASE WHEN {_CHANGED} THEN excluded.updated_at ELSE known.updated_at END
     WHERE {is_newer("known", "owner_", than="<")}
    RETURNING id, sequence, told_sequence = owner_sequence""")  # noqa: S608 - names of our own columns


def remember_addresses(
    session: Session, rows: Sequence[Mapping[str, Any]], *, overruling: Sequence[str], now: datetime
) -> dict[UUID, int]:
    """Remember each owner's address where the owner's event is newer than the known one, in one statement.

    A row holds `id`, `owner_kind`, `owner_sequence`, `owner_told_at` and what is told; each id occurs once, in order.
    `overruling` are the ids for which the source says what is, whatever sequence is known. The answer is the new own
    sequence of every address that is new or changed, by id: one event each is due.
    """
    if not rows:
        return {}
    given = as_json(rows)
    known = session.execute(_REMEMBER, {"rows": given, "overruling": overruling, "now": now}).all()
    if len(known) < len(rows):
        notice_ahead(session, LocatedAddress.__tablename__, given, part="owner_")
    if overruling:
        forget_ahead(session, LocatedAddress.__tablename__, given, overruling, part="owner_")
    return {owner: sequence for owner, sequence, due in known if due}


def lock_addresses(session: Session, owner_ids: Iterable[UUID]) -> None:
    """Let no other transaction change these addresses before ours ends."""
    lock_rows(session, LocatedAddress, owner_ids)


def addresses_after(session: Session, owner_id: UUID, *, limit: int) -> Sequence[LocatedAddress]:
    """The next remembered addresses by their owners' ids, locked."""
    return next_locked(session, LocatedAddress, after=owner_id, limit=limit)
