"""Named questions to the entries of sources, and to those who may be meant by one that is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.database.bulk import write_rows
from shared.database.sets import as_set, is_among, is_among_given
from shared.database.written_values import Row
from therapist_service.store.tables import IS_THERE, ImportReview, Therapist, TherapistSource

# Statements of portions are kept: to put one together takes longer than to execute it
_ENTRY = tuple(column.label(f"entry_{column.name}") for column in TherapistSource.__table__.columns)


class AppliedEntry(NamedTuple):
    """By what a record that was applied before is known again."""

    id: UUID
    therapist_id: UUID
    version: int
    """Of the therapist."""
    digest: str | None
    is_leading: bool
    """Whether the source has the entry, and no newer one says what the therapist is like."""


def applied_entries(
    session: Session, source: str, external_ids: Collection[str], *, lock: bool
) -> dict[str, AppliedEntry]:
    """The source's entries with these ids, by external id; with `lock` they are locked, and their therapists."""
    if not external_ids:
        return {}
    found = session.execute(_applied_entries(lock), {"source": source, "external_ids": as_set(external_ids)})
    return {external_id: AppliedEntry(*entry) for external_id, *entry in found}


@cache
def _applied_entries(lock: bool) -> Select[Any]:
    table, entries, others = Therapist.__table__, TherapistSource.__table__, TherapistSource.__table__.alias()
    newer = select(others.c.id).where(
        others.c.therapist_id == table.c.id, others.c.gone_at.is_(None), others.c.id > entries.c.id
    )
    is_leading = and_(entries.c.gone_at.is_(None), IS_THERE, ~newer.exists())
    wanted = (
        select(entries.c.external_id, entries.c.id, table.c.id, table.c.version, entries.c.digest, is_leading)
        .join_from(entries, table, entries.c.therapist_id == table.c.id)
        .where(entries.c.source_name == bindparam("source"), is_among_given(entries.c.external_id, "external_ids"))
        .order_by(table.c.id)  # in one order everywhere, or two transactions could wait for each other
    )
    return wanted.with_for_update(of=[table, entries]) if lock else wanted


def known_entries(session: Session, source: str, external_ids: Collection[str]) -> list[dict[str, Any]]:
    """The source's entries with these ids, each with all columns of its therapist, who is locked.

    The columns of the entry begin with `entry_`; `listed` has the ids of all the therapist's entries that their
    sources still have.
    """
    found = session.execute(_known_entries(), {"source": source, "external_ids": as_set(external_ids)})
    return [dict(row) for row in found.mappings()]


@cache
def _known_entries() -> Select[Any]:
    table, entries, others = Therapist.__table__, TherapistSource.__table__, TherapistSource.__table__.alias()
    listed = (
        select(func.array_agg(others.c.id, type_=ARRAY(Uuid)))
        .where(others.c.therapist_id == table.c.id, others.c.gone_at.is_(None))
        .scalar_subquery()
    )
    return (
        select(*table.c, *_ENTRY, func.coalesce(listed, literal([], ARRAY(Uuid))).label("listed"))
        .join_from(entries, table, entries.c.therapist_id == table.c.id)
        .where(entries.c.source_name == bindparam("source"), is_among_given(entries.c.external_id, "external_ids"))
        .order_by(table.c.id)  # in one order everywhere, or two transactions could wait for each other
        .with_for_update(of=table)
    )


def name_keys(session: Session, source: str, external_ids: Collection[str]) -> list[tuple[str, str]]:
    """The form in which names are compared of those who are the source's entries with these ids, and the id."""
    wanted = (
        select(Therapist.name_key, TherapistSource.external_id)
        .join_from(TherapistSource, Therapist, TherapistSource.therapist_id == Therapist.id)
        .where(TherapistSource.source_name == source, TherapistSource.external_id.in_(external_ids))
        .where(Therapist.name_key.is_not(None), IS_THERE)
    )
    return [(name, external_id) for name, external_id in session.execute(wanted) if name is not None]


def therapist_rows(session: Session, ids: Collection[UUID], *, lock: bool) -> dict[UUID, dict[str, Any]]:
    """All columns of these therapists, by id."""
    if not ids:
        return {}
    table = Therapist.__table__
    wanted = select(*table.c).where(is_among(table.c.id, ids)).order_by(table.c.id)
    found = session.execute(wanted.with_for_update() if lock else wanted)
    return {row["id"]: dict(row) for row in found.mappings()}


def candidates(
    session: Session,
    source: str,
    *,
    name_keys: Collection[str],
    practice_keys: Collection[str],
    columns: Sequence[str],
    but_of_import: UUID,
    gone: Collection[str],
) -> list[dict[str, Any]]:
    """Therapists with one of these keys: these columns, and whether the source has them (`is_listed`).

    Those whom this import brought are left out: the source has them beside the record, so that they are others. The
    external ids that are `gone` count as if that were noted.
    """
    if not name_keys and not practice_keys:
        return []
    keys = {"name_keys": as_set(name_keys), "practice_keys": as_set(practice_keys), "import_id": but_of_import}
    found = [dict(row) for row in session.execute(_candidates(tuple(columns)), keys).mappings()]
    # a statement of its own: during the first large import PostgreSQL has no statistics, and plans a join badly
    listed = _listed(session, source, [row["id"] for row in found], but_of_import, gone)
    return [
        row | {"is_listed": bool(listed.get(row["id"]))} for row in found if listed.get(row["id"], False) is not None
    ]


@cache
def _candidates(columns: Sequence[str]) -> Select[Any]:
    table = Therapist.__table__
    has_key = (*_has(table.c.name_key, "name_keys"), *_has(table.c.practice_key, "practice_keys"))
    return select(table.c.id, *(table.c[name] for name in columns)).where(or_(*has_key), IS_THERE)


def _has(key: ColumnElement[str | None], given: str) -> list[ColumnElement[bool]]:
    """Conditions of which one holds for those with one of these keys whom the import did not bring.

    Each is a range of the index of the key: what an import brought before costs nothing, however much it is.
    """
    is_one, brought_by = is_among_given(key, given), Therapist.__table__.c.brought_by
    import_id: BindParameter[UUID] = bindparam("import_id")
    others = (brought_by.is_(None), brought_by < import_id, brought_by > import_id)
    return [and_(is_one, each) for each in others]


def _listed(
    session: Session, source: str, ids: Collection[UUID], import_id: UUID, gone: Collection[str]
) -> dict[UUID, bool | None]:
    """Whether the source has each of these therapists who has entries of it; None for those whom the import brought."""
    if not ids:
        return {}
    entries = TherapistSource.__table__.c
    is_listed_still = and_(entries.gone_at.is_(None), entries.external_id.not_in(gone))
    found = session.execute(
        select(entries.therapist_id, is_listed_still, entries.import_id == import_id).where(
            is_among(entries.therapist_id, set(ids)), entries.source_name == source
        )
    )
    listed: dict[UUID, bool | None] = {}
    for therapist_id, is_listed, is_of_import in found:
        before = listed.get(therapist_id, False)
        listed[therapist_id] = None if is_of_import or before is None else before or is_listed
    return listed


def of_therapists(session: Session, therapist_ids: Iterable[UUID]) -> Sequence[TherapistSource]:
    """All entries of these therapists, in the order in which they were assigned."""
    meant = TherapistSource.therapist_id == any_(literal(sorted(set(therapist_ids)), ARRAY(Uuid)))
    return session.scalars(select(TherapistSource).where(meant).order_by(TherapistSource.id)).all()


def records_of(session: Session, entry_ids: Collection[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """What these entries said last, by their ids; those are left out of which it is not known."""
    if not entry_ids:
        return {}
    meant = (TherapistSource.id.in_(entry_ids), TherapistSource.record.is_not(None))
    wanted = select(TherapistSource.id, TherapistSource.record).where(*meant)
    return {id: record for id, record in session.execute(wanted) if record is not None}


def leading_entries(session: Session, therapist_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The entry that leads of each of these therapists who has one, by therapist."""
    if not therapist_ids:
        return {}
    meant = (TherapistSource.therapist_id.in_(therapist_ids), TherapistSource.gone_at.is_(None))
    wanted = select(TherapistSource.therapist_id, TherapistSource.id).where(*meant).order_by(TherapistSource.id)
    return dict(session.execute(wanted).all())


def gone_at(session: Session, source: str, therapist_ids: Collection[UUID], at: datetime) -> set[UUID]:
    """Those of these therapists of whom an entry of the source is gone since the file of this time."""
    if not therapist_ids:
        return set()
    meant = (TherapistSource.therapist_id.in_(therapist_ids), TherapistSource.source_name == source)
    return set(session.scalars(select(TherapistSource.therapist_id).where(*meant, TherapistSource.gone_at == at)))


def keep_records(session: Session, records: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Keep what these entries said last, by their ids, since another entry leads from now on."""
    for id, record in records.items():
        meant = update(TherapistSource).where(TherapistSource.id == id).values(record=record)
        session.execute(meant.execution_options(synchronize_session=False))


def entry(session: Session, source: str, external_id: str) -> TherapistSource | None:
    """The entry of this source, locked."""
    wanted = (TherapistSource.source_name == source, TherapistSource.external_id == external_id)
    return session.scalar(
        select(TherapistSource).where(*wanted).with_for_update().execution_options(populate_existing=True)
    )


def known_as(session: Session, external_id: str) -> Sequence[UUID]:
    """The therapists whom a source knows, or knew, by this id."""
    return session.scalars(select(TherapistSource.therapist_id).where(TherapistSource.external_id == external_id)).all()


def reassign(session: Session, therapist_id: UUID, *, to: UUID) -> None:
    """Let the entries of sources, and the reviews of a therapist, be another one's; the caller holds both locks."""
    for table in (TherapistSource, ImportReview):
        theirs = update(table).where(table.therapist_id == therapist_id).values(therapist_id=to)
        session.execute(theirs.execution_options(synchronize_session=False))
    named = literal(therapist_id, Uuid) == any_(ImportReview.candidate_ids)
    replaced = func.array_replace(ImportReview.candidate_ids, therapist_id, to)
    session.execute(
        update(ImportReview)
        .where(ImportReview.state == "pending", named)
        .values(candidate_ids=replaced)
        .execution_options(synchronize_session=False)
    )


def write_entries(session: Session, rows: Sequence[Row], *, new: Collection[UUID]) -> None:
    """Insert the entries whose ids are new, and update the others; all rows name the same columns."""
    updated = [name for name in rows[0] if name not in ("id", "source_name", "external_id")] if rows else ()
    write_rows(session, TherapistSource, [row for row in rows if row["id"] in new])
    write_rows(session, TherapistSource, [row for row in rows if row["id"] not in new], updated=updated)


def record_shown(session: Session, entry_ids: Collection[UUID], at: datetime) -> None:
    """Note when the source showed these entries of which nothing else is written."""
    if entry_ids:
        table = TherapistSource.__table__
        session.execute(update(table).where(is_among(table.c.id, entry_ids)).values(last_seen_at=at, gone_at=None))  # type: ignore[arg-type]


def count_therapists(session: Session, source: str) -> int:
    """How many therapists the source has, as its files say."""
    meant = (TherapistSource.source_name == source, TherapistSource.gone_at.is_(None))
    return session.scalar(select(func.count(TherapistSource.therapist_id.distinct())).where(*meant)) or 0


def set_gone(session: Session, source: str, external_ids: Collection[str], gone_at: datetime | None) -> None:
    """Note of these entries when the source had them no more; None: it has them."""
    if external_ids:
        meant = (TherapistSource.source_name == source, TherapistSource.external_id.in_(external_ids))
        session.execute(
            update(TherapistSource).where(*meant).values(gone_at=gone_at).execution_options(synchronize_session=False)
        )
