"""Named questions to the therapist tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, cast, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.orm import Session

from shared.database import lock_rows, next_locked
from shared.database.rows import find_row, page_of
from therapist_service.store.tables import Therapist

SHUFFLED = (text("hashtext(id::text)"), Therapist.id)
"""An order in which therapists with something in common are no neighbours; there is an index for it."""


def therapist(session: Session, therapist_id: UUID, *, lock: bool = False) -> Therapist | None:
    """One therapist; with `lock` no other transaction can change it before ours ends."""
    return find_row(session, Therapist, therapist_id, lock=lock)


def therapists_after(session: Session, therapist_id: UUID, *, limit: int) -> Sequence[Therapist]:
    """The next therapists by id, locked."""
    return next_locked(session, Therapist, after=therapist_id, limit=limit)


def lock_therapists(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these therapists before ours ends."""
    lock_rows(session, Therapist, ids)


def therapists_where(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, limit: int, offset: int
) -> tuple[Sequence[Therapist], int]:
    """A page of therapists by name, and how many there are in all."""
    return page_of(session, _by_name(conditions), limit=limit, offset=offset)


def found_therapists(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, at_most: int, limit: int, offset: int
) -> tuple[Sequence[Therapist], int]:
    """A page of so many of the therapists, by name, and how many there are, counted up to that many.

    Of more, always the same ones are taken, in an order that has to do with nothing: in the order of names PostgreSQL
    would read nearly all therapists until it comes to the first one whose name begins with v.
    """
    found = session.scalars(select(Therapist.id).where(*conditions).order_by(*SHUFFLED).limit(at_most)).all()
    these = Therapist.id == func.any(cast(list(found), ARRAY(Uuid)))
    return session.scalars(_by_name([these]).limit(limit).offset(offset)).all(), len(found)


def _by_name(conditions: Sequence[ColumnElement[bool]]) -> Select[Therapist]:
    by_name = (Therapist.last_name, Therapist.first_name, Therapist.id)
    return select(Therapist).where(*conditions).order_by(*by_name)


def fields_are(**wanted: object) -> list[ColumnElement[bool]]:
    """Conditions that columns have these values; None means that any will do."""
    return [getattr(Therapist, name) == value for name, value in wanted.items() if value is not None]


def offers_procedure(procedure: str) -> ColumnElement[bool]:
    """The therapist works with this procedure, perhaps among others."""
    return Therapist.procedures.contains([procedure])


def has_words(search: str) -> ColumnElement[bool]:
    """The therapist is found by this search (a `tsquery`)."""
    return Therapist.search.bool_op("@@")(cast(search, TSQUERY))


def blocks_that_ran_out(session: Session, *, today: date, limit: int) -> Sequence[Therapist]:
    """Blocked therapists whose block ended before today, locked; those another worker holds are left out."""
    return session.scalars(
        select(Therapist)
        .where(Therapist.status == "blocked", Therapist.block_until < today)
        .order_by(Therapist.block_until, Therapist.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def note_contact(session: Session, therapist_id: UUID, **days: date) -> None:
    """Note days of contact, unless later ones are noted: events of one therapist may arrive in any order."""
    later = {name: func.greatest(getattr(Therapist, name), day) for name, day in days.items()}
    session.execute(
        update(Therapist).where(Therapist.id == therapist_id).values(later).execution_options(synchronize_session=False)
    )
