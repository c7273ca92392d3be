"""Copies of other services' aggregates: the newest event is kept, and a wrong copy is corrected from its source.

Of two events, the one with the higher `sequence` is newer. A copy can still be ahead of its source: anybody can write
an event with a sequence of a million to Kafka, and a source may have been restored from a backup. Then every later
event looks old. This is detected where such an event has a later time than the copy (table `copies_ahead`), and
repaired by `republish`, whose states replace every state with an earlier time, whatever its sequence.

Who was erased leaves a tombstone (`shared.database.Erasable`): no state replaces it, however new it seems to be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import CursorResult, TextClause, TextualSelect, Uuid, func, select, text
from sqlalchemy import Row as RowOf
from sqlalchemy.orm import DeclarativeBase

from shared.database import Executor, Session, transaction
from shared.database.bulk import as_json, insert_of_rows, rows_of
from shared.database.tables import copies_ahead
from shared.database.written_values import Row
from shared.values.errors import NotAcceptable
from shared.values.weekly import Weekly

log = structlog.stdlib.get_logger(__name__)

REPUBLISHED = "republished"
SEQUENCE_LEAP = 1000
"""A later event whose sequence is lower by more than this: a difference between two clocks cannot explain it."""


def keep_newest(
    session: Session,
    copies: type[DeclarativeBase],
    rows: Sequence[Row],
    *,
    part: str = "",
    inserted: Mapping[str, str] | None = None,
) -> None:
    """Insert or update copies in one statement, except where the stored one is newer.

    `copies` is a table class with the columns of `shared.database.Copy`; every row has the same keys, `id` among them
    and what `EventEnvelope.position(part)` says; `part` is the prefix of the columns, such as `owner_`. Of several rows
    with one id the newest counts. An equal sequence is written again, so that a rebuild touches it. `inserted` holds
    further columns of rows that are not there yet, as SQL.
    """
    if rows:
        columns = tuple(name for name in rows[0] if name != REPUBLISHED)
        _upsert(copies, columns, part, tuple((inserted or {}).items())).keep(session, rows)


def keep_merged(session: Session, copies: type[DeclarativeBase], rows: Sequence[Row]) -> None:
    """Keep of aggregates that were merged only which one was kept, in one statement.

    A row is the `id`, `merged_into` and what `EventEnvelope.position` says; it is a state like others, so that one
    that is newer replaces it, and one that is older comes too late.
    """
    _emptied(copies, but="merged_into").keep(session, rows)


def keep_removed(session: Session, copies: type[DeclarativeBase], rows: Sequence[Row]) -> None:
    """Keep of aggregates that are no more only that nothing is known of them, in one statement.

    A row is the `id` and what `EventEnvelope.position` says; it is a state like others, as for `keep_merged`.
    """
    _emptied(copies, but=None).keep(session, rows)


def erase_copies(session: Session, copies: type[DeclarativeBase], erased: Sequence[Row]) -> None:
    """Replace copies of somebody who was erased by tombstones, also where there is no copy yet, in one statement.

    `copies` has the column of `shared.database.Erasable`; a row is the `id`, and what `EventEnvelope.position` says.
    """
    _emptied(copies, but="erased", is_last_state=True).keep(session, [{**row, "erased": True} for row in erased])


@cache
def _emptied(copies: type[DeclarativeBase], *, but: str | None, is_last_state: bool = False) -> UpsertIfNewer:
    """Every column gets its default but the position and this one.

    Also what other events keep in a part of the row; where that part's position stays, it goes on as it is.
    """
    kept = ("id", "sequence", "event_time", *([but] if but else []))
    emptied = {each.name for each in copies.__table__.columns if not each.computed} - {*kept, "written_at"}
    if not is_last_state:
        emptied = {name for name in emptied if not name.endswith(("_sequence", "_event_time"))}
    updated = dict.fromkeys(sorted(emptied), "DEFAULT") | {"written_at": "clock_timestamp()"}
    return UpsertIfNewer(copies, kept, inserted={}, updated=updated, is_last_state=is_last_state)


def kept_of(session: Executor, copies: type[DeclarativeBase], ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Who stands for these aggregates by their ids, also where one was merged several times; most for themselves.

    One whose copy has not arrived stands for itself, and so does each in a circle, which only false events make.
    """
    found = session.execute(_kept_statement(copies.__tablename__), {"ids": [str(each) for each in ids]}) if ids else ()
    return {id: id for id in ids} | {row.asked: row.kept for row in found}


def all_merged_into(session: Session, copies: type[DeclarativeBase], ids: Collection[UUID]) -> set[UUID]:
    """All into which these aggregates were merged, one after another; a circle is followed once."""
    found = session.scalars(_path_statement(copies.__tablename__), {"ids": [str(each) for each in ids]}) if ids else ()
    return set(found)


def _path(table: str) -> str:
    return f"""
        WITH RECURSIVE path AS (
            SELECT id AS asked, merged_into FROM {table}
            WHERE id = ANY (CAST(:ids AS uuid[])) AND merged_into IS NOT NULL
            UNION
            SELECT asked, next.merged_into FROM path JOIN {table} AS next ON next.id = path.merged_into
            WHERE next.merged_into IS NOT NULL
        )
    """  # noqa: S608 - names of our own tables


@cache
def _path_statement(table: str) -> TextualSelect:
    return text(f"{_path(table)} SELECT DISTINCT merged_into FROM path").columns(merged_into=Uuid())  # noqa: S608 - as above


@cache
def _kept_statement(table: str) -> TextualSelect:
    statement = f"""
        {_path(table)}
        SELECT asked, merged_into AS kept FROM path
        WHERE NOT EXISTS (SELECT FROM {table} AS next WHERE next.id = path.merged_into AND next.merged_into IS NOT NULL)
    """  # noqa: S608 - names of our own tables
    return text(statement).columns(asked=Uuid(), kept=Uuid())


@cache
def _upsert(
    copies: type[DeclarativeBase], columns: tuple[str, ...], part: str, inserted: tuple[tuple[str, str], ...]
) -> UpsertIfNewer:
    updated = {"written_at": "clock_timestamp()"}
    return UpsertIfNewer(copies, columns, part=part, inserted=dict(inserted), updated=updated)


class UpsertIfNewer:
    """The statement that keeps the newest state of each row in a table, or in a part of its columns.

    Beside the `columns` that a row holds, `inserted` and `updated` say in SQL what others become where a row is new or
    replaced; there `known` is the stored row and `excluded` the new one. Without `repeats` an event that is known
    already changes nothing. A tombstone stays as it is; the last state, which makes one, replaces everything.
    """

    def __init__(
        self,
        table: type[DeclarativeBase],
        columns: Sequence[str],
        *,
        part: str = "",
        inserted: Mapping[str, str],
        updated: Mapping[str, str],
        repeats: bool = True,
        is_last_state: bool = False,
        returning: Sequence[str] = (),
    ) -> None:
        self._table, self._name, self._part = table, table.__tablename__, part
        changes = {name: f"excluded.{name}" for name in columns if name != "id"} | dict(updated)
        replaces = (
            f"known.{part}sequence {'<=' if repeats else '<'} excluded.{part}sequence"
            " OR (known.id = ANY (CAST(:overruling AS uuid[]))"
            f" AND known.{part}event_time < excluded.{part}event_time)"
        )
        if is_last_state:
            replaces = f"excluded.erased OR {replaces}"
        elif "erased" in table.__table__.columns:
            replaces = f"NOT known.erased AND ({replaces})"
        self._statement = text(
            f"{insert_of_rows(self._name, columns, inserted)}"
            f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = {value}' for name, value in changes.items())}"
            f" WHERE {replaces}" + (f" RETURNING {', '.join(returning)}" if returning else "")
        )

    def keep(self, session: Session, rows: Sequence[Row], **parameters: Any) -> Sequence[RowOf[Any]]:
        """Keep these rows; returns the columns `returning` of those that were written."""
        if not rows:
            return []
        newest, overruling = newest_of(rows, part=self._part)
        given = as_json(self._table, newest)
        parameters |= {"rows": given, "overruling": overruling}
        written = cast("CursorResult[Any]", session.execute(self._statement, parameters))
        if written.rowcount < len(newest):
            notice_ahead(session, self._name, given, part=self._part)
        if overruling:
            forget_ahead(session, self._name, given, overruling, part=self._part)
        return written.all() if written.returns_rows else []


def week_of(owner: UUID, hours: object) -> Weekly | None:
    """Returns the week in an event; None (unknown) for one that cannot be read, so that the rest of it is kept."""
    try:
        return Weekly.from_json(hours)
    except NotAcceptable as problem:
        log.warning("copies.hours_set_aside", owner_id=str(owner), reason=problem.sentence.key)
        return None


def newest_of(rows: Sequence[Row], *, part: str = "") -> tuple[list[Row], list[str]]:
    """The newest row of each id, by id; and the ids where the source has overruled."""
    sequence, event_time = f"{part}sequence", f"{part}event_time"
    newest: dict[UUID, Row] = {}
    overruling: set[UUID] = set()
    for row in rows:
        id = row["id"]
        known = newest.get(id)
        if row[REPUBLISHED] and (known is None or known[event_time] < row[event_time]):
            overruling.add(id)
            newest[id] = row
        elif known is None or known[sequence] <= row[sequence]:
            newest[id] = row
    # in one order everywhere, or two workers could wait for each other
    return [newest[id] for id in sorted(newest)], sorted(map(str, overruling))


def take_newer(session: Session, row: Any, position: Row, *, part: str = "") -> bool:
    """Returns whether an event is newer than the last one of this row; if it is, the row gets the event's position.

    For a row that is locked in the session and changed by events one by one. `position` is what
    `EventEnvelope.position(part)` returns. An equal sequence counts as newer, since one of the two events is false.
    """
    sequence, event_time = f"{part}sequence", f"{part}event_time"
    known_time = getattr(row, event_time)
    overrules = position[REPUBLISHED] and (known_time is None or known_time < position[event_time])
    is_newer = overrules or position[sequence] >= getattr(row, sequence)
    if is_newer:
        setattr(row, sequence, position[sequence])
        setattr(row, event_time, position[event_time])
    session.flush()
    table, given = row.__tablename__, as_json(type(row), [{"id": row.id, **position}])
    if not is_newer:
        notice_ahead(session, table, given, part=part)
    elif overrules:
        forget_ahead(session, table, given, [str(row.id)], part=part)
    return bool(is_newer)


def notice_ahead(session: Session, table: str, rows: str, *, part: str = "") -> None:
    """Record, in `copies_ahead`, the copies of those rows whose time is later although their sequence is lower."""
    found = session.execute(
        _notice_statement(table, part), {"rows": rows, "copies": f"{table}.{part}sequence", "leap": SEQUENCE_LEAP}
    )
    if noticed := found.scalars().all():
        log.error("copies.ahead_of_source", copies=table, ids=[str(id) for id in noticed[:10]], number=len(noticed))


@cache
def _notice_statement(table: str, part: str) -> TextClause:
    # another process's clock may differ, and a request may have waited for the row: then the sequences are close
    return text(
        f"INSERT INTO copies_ahead (copies, id, known_sequence, event_sequence)"  # noqa: S608 - names of our own tables
        f" SELECT :copies, known.id, known.{part}sequence, event.{part}sequence FROM {table} AS known"
        f" JOIN {rows_of(table)} AS event ON event.id = known.id"
        f" WHERE event.{part}sequence < known.{part}sequence AND event.{part}event_time > known.{part}event_time"
        f" AND (event.{part}event_time > known.{part}event_time + interval '1 minute'"
        f" OR event.{part}sequence < known.{part}sequence - :leap)"
        " ON CONFLICT (copies, id) DO NOTHING RETURNING id"
    )


def forget_ahead(session: Session, table: str, rows: str, ids: Sequence[str], *, part: str = "") -> None:
    """Remove from `copies_ahead` the copies that are equal to the rows: their source has published these states.

    A state that it published before such a copy was made changes nothing.
    """
    given = {"rows": rows, "copies": f"{table}.{part}sequence", "ids": ids}
    corrected = session.execute(_forget_statement(table, part), given).scalars().all()
    if corrected:
        log.warning("copies.corrected", copies=table, number=len(corrected))


@cache
def _forget_statement(table: str, part: str) -> TextClause:
    return text(
        f"DELETE FROM copies_ahead USING {table} AS known"  # noqa: S608 - names of our own tables
        f" JOIN {rows_of(table)} AS event ON event.id = known.id"
        " WHERE copies_ahead.copies = :copies AND copies_ahead.id = known.id AND known.id = ANY (CAST(:ids AS uuid[]))"
        f" AND (known.{part}sequence, known.{part}event_time) = (event.{part}sequence, event.{part}event_time)"
        " RETURNING copies_ahead.id"
    )


def is_ahead(session: Session, table: str, id: UUID, *, part: str = "") -> bool:
    """Whether this copy is known to be ahead of its source."""
    wanted = (copies_ahead.c.copies == f"{table}.{part}sequence", copies_ahead.c.id == id)
    return session.scalar(select(copies_ahead.c.id).where(*wanted)) is not None


def list_ahead(session: Session) -> Sequence[RowOf[Any]]:
    """The copies that are known to be ahead of their source: table and column, id, both sequences, since when."""
    return session.execute(select(copies_ahead).order_by(copies_ahead.c.noticed_at)).all()


def count_ahead(session: Session) -> int:
    """The number of copies that are known to be ahead of their source."""
    return session.scalar(select(func.count()).select_from(copies_ahead)) or 0


def count_ahead_now() -> int:
    """Returns the number of copies ahead of their source, read in a transaction of its own."""
    with transaction() as session:
        return count_ahead(session)
