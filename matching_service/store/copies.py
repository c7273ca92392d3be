"""Keeping copies of therapists and patients, and where they are, from events: one statement a poll."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from matching_service.store.tables import Patient, Therapist
from shared.db import Session, keep_newest


def keep_therapists(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update the therapist's half of these rows, except where a newer one is stored."""
    keep_newest(session, Therapist, rows)


def keep_patients(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update the patient's half of these rows, except where a newer one is stored."""
    keep_newest(session, Patient, rows)


def keep_therapists_places(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update where therapists' addresses lie; also before the therapist is known."""
    _keep_places(session, Therapist, rows)


def keep_patients_places(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or update where patients' postal codes lie; also before the patient is known."""
    _keep_places(session, Patient, rows)


def _keep_places(session: Session, copies: type[Therapist] | type[Patient], rows: Sequence[Mapping[str, Any]]) -> None:
    newest: dict[UUID, Mapping[str, Any]] = {}
    for row in rows:
        if row["id"] not in newest or newest[row["id"]]["geocoded_sequence"] <= row["geocoded_sequence"]:
            newest[row["id"]] = row
    if not newest:
        return
    table: Any = copies.__table__
    statement = insert(table)
    fields = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={**fields, "written_at": func.clock_timestamp()},
        where=table.c.geocoded_sequence <= statement.excluded.geocoded_sequence,
    )
    # a row of which only the place is known has the sequence -1, older than any event of its owner;
    # in one order everywhere, or two workers could wait for each other
    # RETURNING keeps it one statement, as in `keep_newest`
    session.execute(statement.returning(table.c.id), [{"sequence": -1, **newest[key]} for key in sorted(newest)])
