"""Named questions behind this service's lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, Uuid, cast, false, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.orm import Session

from shared.database.listing import Found, Listing
from shared.values.lists import Part
from shared.values.places import Place, PlaceColumn
from therapist_service.store.tables import (
    FIRST_OF_ALL,
    IS_THERE,
    Import,
    ImportRecord,
    ImportUndoOutcome,
    Therapist,
    TherapistChange,
)

SHUFFLED = (text("hashtext(id::text)"), Therapist.id)
"""An order in which therapists with something in common are no neighbours; there is an index for it."""
_FIRST_OF_ALL = text(FIRST_OF_ALL)
"""The first part of everybody in that order; there is an index of their words."""

THERAPISTS: Final = Listing(
    sorts={
        "last_name": (Therapist.last_name, func.coalesce(Therapist.first_name, ""), Therapist.id),
        "created_at": (Therapist.id,),
    },
    default="last_name",
    identity=Therapist.id,
    counts={"status": Therapist.status, "accreditation": Therapist.accreditation, "gender": Therapist.gender},
)
THERAPIST_CHANGES: Final = Listing(
    sorts={"changed_at": (TherapistChange.id,)},
    default="changed_at",
    identity=TherapistChange.id,
    counts={"action": TherapistChange.action},
)
IMPORTS: Final = Listing(
    sorts={"created_at": (Import.created_at, Import.id)},
    default="-created_at",
    identity=Import.id,
    counts={"status": Import.status},
)
IMPORT_UNDO_OUTCOMES: Final = Listing(
    sorts={"therapist_id": (ImportUndoOutcome.therapist_id,)},
    default="therapist_id",
    counts={"outcome": ImportUndoOutcome.outcome},
)
IMPORT_RECORDS: Final = Listing(
    sorts={"position": (ImportRecord.position,)},
    default="position",
    counts={"outcome": ImportRecord.outcome, "action": ImportRecord.action},
)


def therapists(session: Session, conditions: Sequence[ColumnElement[bool]], part: Part) -> Found[Therapist]:
    """A part of the therapists who meet the conditions."""
    return THERAPISTS.read(session, select(Therapist).where(*conditions), part)


def found_therapists(
    session: Session, conditions: Sequence[ColumnElement[bool]], part: Part, *, at_most: int
) -> Found[Therapist]:
    """A part of so many of the therapists who meet the conditions, counted up to that many.

    Of more, always the same ones are taken, in an order that has to do with nothing: in the order of names PostgreSQL
    would read nearly all therapists until it comes to the first one whose name begins with v.
    """
    # of a frequent word the first part has enough, and its own index has a thirty-second of the entries of that word
    first = select(Therapist.id).where(*conditions, _FIRST_OF_ALL).order_by(*SHUFFLED).limit(at_most)
    found = list(session.scalars(first))
    if len(found) < at_most:
        found = list(session.scalars(_first_of_few(conditions, at_most)))
    these = Therapist.id == func.any(cast(found, ARRAY(Uuid)))
    return THERAPISTS.read(session, select(Therapist).where(these), part, total=len(found))


def _first_of_few(conditions: Sequence[ColumnElement[bool]], at_most: int) -> Select[tuple[UUID]]:
    """The first ones in the shuffled order, of all who meet the conditions.

    They are found before they are sorted: PostgreSQL would read tens of thousands of others in that order.
    """
    found = select(Therapist.id).where(*conditions).cte("found").prefix_with("MATERIALIZED")
    return select(found.c.id).order_by(func.hashtext(cast(found.c.id, Text)), found.c.id).limit(at_most)


def therapist_changes(session: Session, therapist_ids: Collection[UUID], part: Part) -> Found[TherapistChange]:
    """A part of the log of a therapist and of those who were merged into them."""
    changes = select(TherapistChange).where(TherapistChange.therapist_id.in_(therapist_ids))
    return THERAPIST_CHANGES.read(session, changes, part)


def who_is_there() -> ColumnElement[bool]:
    """The condition that the therapist was not removed."""
    return IS_THERE


def fields_are(**wanted: object) -> list[ColumnElement[bool]]:
    """Conditions that columns have these values; None means that any will do."""
    return [getattr(Therapist, name) == value for name, value in wanted.items() if value is not None]


def fields_are_among(**wanted: Collection[object]) -> list[ColumnElement[bool]]:
    """Conditions that columns have one of these values; without values any will do."""
    return [getattr(Therapist, name).in_(values) for name, values in wanted.items() if values]


def known_or_not(**wanted: bool | None) -> list[ColumnElement[bool]]:
    """Conditions that columns have a value, or that they have none; None means that either will do."""
    return [getattr(Therapist, name).is_not(None) == value for name, value in wanted.items() if value is not None]


def free_on(day: date, wanted: bool | None) -> list[ColumnElement[bool]]:
    """The condition that there is a place on this day, or that there is none known; None means that either will do."""
    free = func.least(Therapist.free_individual_from, Therapist.free_group_from) <= day
    return [] if wanted is None else [func.coalesce(free, false()) == wanted]


def has_postal_code_like(wanted: Collection[str]) -> ColumnElement[bool]:
    """The therapist has one of these postal codes, or one that begins as `52*` says."""
    begun = [each.removesuffix("*") for each in wanted if each.endswith("*")]
    # as digits sort alike in every collation, the index of the column serves
    beginnings = (Therapist.postal_code.between(each.ljust(5, "0"), each.ljust(5, "9")) for each in begun)
    return or_(Therapist.postal_code.in_([each for each in wanted if not each.endswith("*")]), *beginnings)


def is_within(km: float, place: Place) -> ColumnElement[bool]:
    """The practice is within so many kilometres of the place, as the crow flies."""
    return func.ST_DWithin(Therapist.place, literal(place, PlaceColumn()), km * 1000)


def offers_one_of(procedures: Collection[str]) -> ColumnElement[bool]:
    """The therapist works with one of these procedures, perhaps among others."""
    return Therapist.procedures.overlap(list(procedures))  # type: ignore[no-any-return]  # SQLAlchemy types it so


def is_found_by(search: str, ids: Collection[UUID]) -> ColumnElement[bool]:
    """The therapist is found by this search (a `tsquery`), or has one of these ids."""
    has_words: ColumnElement[bool] = Therapist.search.bool_op("@@")(cast(search, TSQUERY))
    return or_(has_words, Therapist.id == func.any(cast(list(ids), ARRAY(Uuid)))) if ids else has_words


def imports(session: Session, part: Part, *, statuses: Collection[str]) -> Found[Import]:
    """A part of the imports with one of these statuses; without statuses, of all."""
    wanted = select(Import).where(Import.status.in_(statuses)) if statuses else select(Import)
    return IMPORTS.read(session, wanted, part)


def import_records(
    session: Session, import_id: UUID, part: Part, *, outcomes: Collection[str], total: int
) -> Found[ImportRecord]:
    """A part of an import's records with one of these outcomes, of which there are so many; without outcomes, all."""
    records = select(ImportRecord).where(ImportRecord.import_id == import_id)
    if outcomes:
        records = records.where(ImportRecord.outcome.in_(outcomes))
    elif part.sort == "position" and part.position is None and part.offset:
        part = replace(part, position=(part.offset - 1,))  # they are 0, 1, 2, …: nothing has to be passed over
    return IMPORT_RECORDS.read(session, records, part, total=total)


def import_undo_outcomes(
    session: Session, import_id: UUID, part: Part, *, outcomes: Collection[str]
) -> Found[ImportUndoOutcome]:
    """A part of what became of therapists when an import was undone, of all or with one of these outcomes."""
    found = select(ImportUndoOutcome).where(ImportUndoOutcome.import_id == import_id)
    if outcomes:
        found = found.where(ImportUndoOutcome.outcome.in_(outcomes))
    return IMPORT_UNDO_OUTCOMES.read(session, found, part)
