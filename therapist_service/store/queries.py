"""Named questions to the therapist tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from shared.db import lock_rows, next_locked
from therapist_service.store.tables import Therapist


def therapist(session: Session, therapist_id: UUID, *, lock: bool = False) -> Therapist | None:
    """One therapist; with `lock` no other transaction can change it before ours ends."""
    return session.get(Therapist, therapist_id, with_for_update=lock, populate_existing=lock)


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
    total = session.scalar(select(func.count()).select_from(Therapist).where(*conditions)) or 0
    by_name = (
        select(Therapist)
        .where(*conditions)
        .order_by(Therapist.last_name, Therapist.first_name, Therapist.id)
        .limit(limit)
        .offset(offset)
    )
    return session.scalars(by_name).all(), total


def fields_are(**wanted: object) -> list[ColumnElement[bool]]:
    """Conditions that columns have these values; None means that any will do."""
    return [getattr(Therapist, name) == value for name, value in wanted.items() if value is not None]


def offers_procedure(procedure: str) -> ColumnElement[bool]:
    """The therapist works with this procedure, perhaps among others."""
    return Therapist.procedures.contains([procedure])


def matches_words(words: str) -> ColumnElement[bool]:
    """Every word occurs in the name or place, or all of it are the digits of a phone number."""
    per_word = [
        or_(*(column.icontains(word, autoescape=True) for column in _SEARCHED), Therapist.postal_code == word)
        for word in words.split()
    ]
    digits = re.sub(r"\D", "", words)
    if len(digits) < 4 or re.search(r"[^\d\s+()/-]", words):
        return and_(*per_word)
    # stored as +49…; people type 0…
    number = digits.removeprefix("00").removeprefix("49").lstrip("0")
    return or_(and_(*per_word), Therapist.phone.contains(number), Therapist.mobile.contains(number))


_SEARCHED = (Therapist.last_name, Therapist.first_name, Therapist.city)


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
