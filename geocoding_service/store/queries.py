"""Named questions to the tables of this service."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from geocoding_service.store.tables import LocatedAddress
from shared.database import lock_rows, next_locked
from shared.database.copies import UpsertIfNewer

PUBLISHED: Final = (
    "street",
    "house_number",
    "postal_code",
    "city",
    "latitude",
    "longitude",
    "precision",
    "federal_state",
    "federal_states",
    "source",
)
"""What `address.geocoded` says; one of these changing is a change."""

_IS_CHANGED = " OR ".join(f"known.{name} IS DISTINCT FROM excluded.{name}" for name in PUBLISHED)
ADDRESSES: Final = UpsertIfNewer(
    LocatedAddress,
    ("id", "owner_kind", "owner_sequence", "owner_event_time", "lookup_key", *PUBLISHED),
    part="owner_",
    inserted={"answered_sequence": "owner_sequence", "sequence": "1", "created_at": ":now", "updated_at": ":now"},
    updated={
        "answered_sequence": f"CASE WHEN {_IS_CHANGED} THEN excluded.owner_sequence"
        " ELSE least(known.answered_sequence, excluded.owner_sequence - 1) END",
        "sequence": f"known.sequence + CASE WHEN {_IS_CHANGED} THEN 1 ELSE 0 END",
        "updated_at": f"CASE WHEN {_IS_CHANGED} THEN excluded.updated_at ELSE known.updated_at END",
    },
    repeats=False,
    returning=("id", "sequence", "owner_kind", *PUBLISHED, "answered_sequence = owner_sequence AS is_due"),
)
"""Each owner's address, where the owner's event is newer than the known one; due is an event of what is new or changed.

Of a row that is written the answer has the address, its new own sequence, and whether `address.geocoded` is due.
"""


TOMBSTONES: Final = UpsertIfNewer(
    LocatedAddress,
    ("id", "owner_kind", "owner_sequence", "owner_event_time", "erased"),
    part="owner_",
    inserted={"answered_sequence": "owner_sequence", "sequence": "1", "created_at": ":now", "updated_at": ":now"},
    updated={
        **dict.fromkeys((*PUBLISHED, "lookup_key"), "NULL"),
        "answered_sequence": "excluded.owner_sequence",
        "sequence": "known.sequence + 1",
        "updated_at": "excluded.updated_at",
    },
    is_last_state=True,
    returning=("id", "sequence", "owner_kind"),
)
"""Nothing is left of the address of an owner who was erased; due is an `address.erased` with the new own sequence."""


def addresses_of_patient(session: Session, ids: Collection[UUID]) -> Sequence[LocatedAddress]:
    """The located addresses of these files of a patient."""
    theirs = (LocatedAddress.id.in_(ids), LocatedAddress.owner_kind == "patient")
    return session.scalars(select(LocatedAddress).where(*theirs).order_by(LocatedAddress.id)).all()


def lock_addresses(session: Session, owner_ids: Iterable[UUID]) -> None:
    """Let no other transaction change these addresses before ours ends."""
    lock_rows(session, LocatedAddress, owner_ids)


def addresses_after(session: Session, owner_id: UUID, *, limit: int) -> Sequence[LocatedAddress]:
    """The next remembered addresses by their owners' ids, locked."""
    return next_locked(session, LocatedAddress, after=owner_id, limit=limit)
