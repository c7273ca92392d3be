"""Named questions to the reviews of imports, and what is written of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, any_, bindparam, literal, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Session

from shared.database import lock_rows
from shared.database.bulk import as_json, rows_of, write_rows
from shared.database.rows import find_row
from shared.database.sets import as_set, is_among_given
from shared.database.written_values import Row
from therapist_service.store.tables import Import, ImportRecord, ImportReview


def one(session: Session, review_id: UUID, *, lock: bool = False) -> ImportReview | None:
    """One review; with `lock` no other transaction can change it before ours ends."""
    return find_row(session, ImportReview, review_id, lock=lock)


def lock(session: Session, ids: Iterable[UUID]) -> None:
    """Let no other transaction change these reviews before ours ends."""
    lock_rows(session, ImportReview, ids)


def these(session: Session, ids: Collection[UUID]) -> Sequence[ImportReview]:
    """The reviews with these ids, in their order."""
    meant = ImportReview.id == any_(literal(sorted(ids), ARRAY(Uuid)))
    return session.scalars(select(ImportReview).where(meant).order_by(ImportReview.id)).all()


def applied_at_once(session: Session, reviews: Collection[ImportReview]) -> dict[UUID, list[dict[str, Any]]]:
    """What the records of these reviews changed without a decision, by review, while the records are kept."""
    places = {(each.import_id, each.position) for each in reviews}
    columns = (ImportRecord.import_id, ImportRecord.position)
    wanted = select(*columns, ImportRecord.difference).where(tuple_(*columns).in_(places))
    found = {(import_id, position): difference for import_id, position, difference in session.execute(wanted)}
    return {each.id: found.get((each.import_id, each.position), []) for each in reviews}


def newest(session: Session, source: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The newest review of each of these entries, locked, by external id."""
    found = session.execute(_newest(), {"source": source, "external_ids": as_set(external_ids)})
    return {row["external_id"]: dict(row) for row in found.mappings()}


@cache
def _newest() -> Select[Any]:
    """Kept: to put it together takes longer than to execute it."""
    table = ImportReview.__table__
    last = (
        select(table.c.id)
        .ext(distinct_on(table.c.external_id))
        .where(table.c.source_name == bindparam("source"), is_among_given(table.c.external_id, "external_ids"))
        .order_by(table.c.external_id, table.c.id.desc())
    )
    return select(*table.c).where(table.c.id.in_(last)).order_by(table.c.id).with_for_update()


def has_newer(session: Session, review: ImportReview) -> bool:
    """Whether a newer file brought something else to decide about the same entry."""
    newer = select(ImportReview.id).where(
        ImportReview.source_name == review.source_name,
        ImportReview.external_id == review.external_id,
        ImportReview.id > review.id,
    )
    return session.scalar(select(newer.exists())) or False


def add(session: Session, rows: Sequence[Row]) -> None:
    """Add these reviews; all rows name the same columns."""
    write_rows(session, ImportReview, rows)


def supersede(session: Session, ids: Collection[UUID], columns: Row) -> None:
    """Give these reviews the columns of one that is superseded, unless people decided them."""
    if ids:
        table = ImportReview.__table__
        these = (table.c.id == any_(literal(sorted(ids), ARRAY(Uuid))), table.c.state == "pending")
        session.execute(update(table).where(*these).values(**columns, version=table.c.version + 1))  # type: ignore[arg-type]


def pending_of_import(session: Session, import_id: UUID) -> Sequence[UUID]:
    """The reviews of an import that wait, locked."""
    wanted = (ImportReview.import_id == import_id, ImportReview.state == "pending")
    return session.scalars(select(ImportReview.id).where(*wanted).order_by(ImportReview.id).with_for_update()).all()


def remember(session: Session, rows: Sequence[Row]) -> None:
    """Give reviews (`id`) what of the rejected the source still says (`declined`)."""
    if rows:
        session.execute(_REMEMBER, {"rows": as_json(ImportReview, rows)})


_REMEMBER = text(
    f"UPDATE import_reviews AS known SET declined = new.declined FROM {rows_of('import_reviews')} AS new"  # noqa: S608
    " WHERE known.id = new.id"
)


def pass_on(session: Session, known: Import, *, now: datetime) -> None:
    """Let reviews of the import that wait be those of the newest later file that says the same."""
    of_import = {"import_id": known.id, "source": known.source, "file": known.file, "now": now}
    session.execute(_PASS_ON, of_import)


def overtaken_by(session: Session, known: Import) -> list[dict[str, Any]]:
    """The reviews that waited before the import and that its records overtook: all columns.

    No other file may have said anything of the entry since, but for undone ones.
    """
    found = session.execute(_OVERTAKEN, {"import_id": known.id, "source": known.source})
    these = [row.id for row in found if row.state == "superseded"]
    table = ImportReview.__table__
    wanted = select(*table.c).where(table.c.id == any_(literal(sorted(these), ARRAY(Uuid)))).order_by(table.c.id)
    return [dict(row) for row in session.execute(wanted).mappings()] if these else []


_PASS_ON = text("""
    WITH later AS MATERIALIZED (
        SELECT DISTINCT ON (record.external_id) record.external_id, record.import_id, record.position
          FROM import_records AS record
          JOIN imports AS import ON import.id = record.import_id
         WHERE import.source = :source AND import.status = 'completed' AND import.file > :file
           AND record.outcome <> 'rejected'
         ORDER BY record.external_id, import.file DESC, record.position DESC)
    UPDATE import_reviews AS review
       SET import_id = later.import_id, position = later.position, updated_at = :now, version = review.version + 1
      FROM later
     WHERE review.import_id = :import_id AND review.state = 'pending' AND review.source_name = :source
       AND review.external_id = later.external_id
""").bindparams(bindparam("import_id", type_=Uuid))
_OVERTAKEN = text("""
    WITH others AS MATERIALIZED (
        SELECT record.external_id, max(import.file) AS file
          FROM import_records AS record
          JOIN imports AS import ON import.id = record.import_id
         WHERE import.source = :source AND import.status = 'completed' AND import.id <> :import_id
           AND record.outcome <> 'rejected'
           AND record.external_id IN (SELECT external_id FROM import_records WHERE import_id = :import_id)
         GROUP BY record.external_id)
    SELECT DISTINCT ON (review.external_id) review.id, review.state
      FROM import_reviews AS review
      JOIN imports AS import ON import.id = review.import_id AND import.status <> 'undone'
      JOIN others ON others.external_id = review.external_id AND others.file <= import.file
     WHERE review.source_name = :source AND review.import_id <> :import_id
     ORDER BY review.external_id, review.id DESC
""").bindparams(bindparam("import_id", type_=Uuid))
