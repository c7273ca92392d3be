"""Keeping copies of other services' aggregates: the newest event counts, and where a copy is wrong, its source.

Which of two events is newer, their `sequence` says. A copy can be ahead of its source all the same: anybody can write
an event with a sequence of a million to Kafka, and a source may have been restored from a backup. Then every later
event looks old. It is noticed where such an event happened later than what the copy knows (table `copies_ahead`), and
repaired by `republish`, whose states overrule by their time: the source says now what is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import CursorResult, TextClause, func, select, text
from sqlalchemy import Row as RowOf

from shared.db import Session, transaction
from shared.events.tables import copies_ahead
from shared.logs import logger
from shared.values.places import Place, to_ewkt
from shared.values.refusals import NotAcceptable
from shared.values.weekly import Weekly

log = logger(__name__)

Row = Mapping[str, Any]

MARK = "republished"
LEAP = 1000
"""An event so far behind a copy, and later all the same, is no neighbour whose clock differs a little."""


def keep_newest(
    session: Session, copies: type[Any], rows: Sequence[Row], *, part: str = "", at_first: Row | None = None
) -> None:
    """Insert or update copies in one statement, except where the stored one is newer.

    `copies` is a table class with the columns of `shared.db.Copy`; every row has the same keys, `id` among them and
    what `Envelope.position(part)` says. Of several rows with one id the newest counts. An equal sequence is written
    again, so that a rebuild touches it. `at_first` holds further columns for rows that are not there yet.
    """
    if not rows:
        return
    newest, overruling = newest_of(rows, part=part)
    first = dict(at_first or {})
    table = copies.__tablename__
    columns = tuple(name for name in newest[0] if name != MARK)
    statement = _keeping(table, columns, part, tuple(first))
    given = as_json(newest, first)
    written = cast("CursorResult[Any]", session.execute(statement, {"rows": given, "overruling": overruling}))
    if written.rowcount < len(newest):
        notice_ahead(session, table, given, part=part)
    if overruling:
        forget_ahead(session, table, given, overruling, part=part)


def week_of(owner: UUID, hours: object) -> Weekly | None:
    """The week that an event tells; None (unknown) for one that cannot be read: it costs nothing but itself."""
    try:
        return Weekly.from_json(hours)
    except NotAcceptable as problem:
        log.warning("copies.hours_set_aside", owner_id=str(owner), reason=str(problem))
        return None


def newest_of(rows: Sequence[Row], *, part: str = "") -> tuple[list[Row], list[str]]:
    """The newest row of each id, by id; and the ids where the source has overruled."""
    sequence, told_at = f"{part}sequence", f"{part}told_at"
    newest: dict[UUID, Row] = {}
    overruling: set[UUID] = set()
    for row in rows:
        id = row["id"]
        known = newest.get(id)
        if row[MARK] and (known is None or known[told_at] < row[told_at]):
            overruling.add(id)
            newest[id] = row
        elif known is None or known[sequence] <= row[sequence]:
            newest[id] = row
    # in one order everywhere, or two workers could wait for each other
    return [newest[id] for id in sorted(newest)], sorted(map(str, overruling))


def as_json(rows: Sequence[Row], first: Row | None = None) -> str:
    """The rows as one parameter, with weeks and places as the text that PostgreSQL reads; JSON has the rest.

    `first` stands in every row that does not say otherwise. PostgreSQL passes over what is no column.
    """
    written = [_written(row) for row in rows]
    return to_json([{**first, **row} for row in written] if first else written).decode()


def _written(row: Row) -> dict[str, Any]:
    return {name: _TEXTS[type(value)](value) if type(value) in _TEXTS else value for name, value in row.items()}


_TEXTS: dict[type, Callable[[Any], str]] = {Weekly: Weekly.to_multirange, Place: to_ewkt}


def is_newer(known: str, part: str = "", *, than: str = "<=") -> str:
    """The SQL that says whether the row `excluded` may replace the one of the table (or its alias) `known`."""
    return (
        f"({known}.{part}sequence {than} excluded.{part}sequence"
        f" OR ({known}.id = ANY (CAST(:overruling AS uuid[])) AND {known}.{part}told_at < excluded.{part}told_at))"
    )


@cache
def _keeping(table: str, columns: tuple[str, ...], part: str, at_first: tuple[str, ...]) -> TextClause:
    """One parameter however many rows: SQLAlchemy would spend longer on a thousand rows than PostgreSQL."""
    written = ", ".join((*columns, *at_first))
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    return text(
        f"INSERT INTO {table} ({written})"  # noqa: S608 - names of our own tables
        f" SELECT {written} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))"
        f" ON CONFLICT (id) DO UPDATE SET {changed}, written_at = clock_timestamp()"
        f" WHERE {is_newer(table, part)}"
    )


def notice_ahead(session: Session, table: str, rows: str, *, part: str = "") -> None:
    """Write down those of the rows that happened later than what is known, though their sequence is lower."""
    found = session.execute(_noticing(table, part), {"rows": rows, "copies": f"{table}.{part}sequence", "leap": LEAP})
    if noticed := found.scalars().all():
        log.error("copies.ahead_of_source", copies=table, ids=[str(id) for id in noticed[:10]], number=len(noticed))


@cache
def _noticing(table: str, part: str) -> TextClause:
    # a neighbour's clock may differ, and a request may have waited for the row: then the sequences are close
    return text(
        f"INSERT INTO copies_ahead (copies, id, known_sequence, told_sequence)"  # noqa: S608 - names of our own tables
        f" SELECT :copies, known.id, known.{part}sequence, told.{part}sequence FROM {table} AS known"
        f" JOIN json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json)) AS told ON told.id = known.id"
        f" WHERE told.{part}sequence < known.{part}sequence AND told.{part}told_at > known.{part}told_at"
        f" AND (told.{part}told_at > known.{part}told_at + interval '1 minute'"
        f" OR told.{part}sequence < known.{part}sequence - :leap)"
        " ON CONFLICT (copies, id) DO NOTHING RETURNING id"
    )


def forget_ahead(session: Session, table: str, rows: str, ids: Sequence[str], *, part: str = "") -> None:
    """The source has said what is of these: copies that are as the rows say are not ahead of it any more.

    What it said before such a copy came to be changes nothing, and hides nothing.
    """
    given = {"rows": rows, "copies": f"{table}.{part}sequence", "ids": ids}
    corrected = session.execute(_forgetting(table, part), given).scalars().all()
    if corrected:
        log.warning("copies.corrected", copies=table, number=len(corrected))


@cache
def _forgetting(table: str, part: str) -> TextClause:
    return text(
        f"DELETE FROM copies_ahead USING {table} AS known"  # noqa: S608 - names of our own tables
        f" JOIN json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json)) AS told ON told.id = known.id"
        " WHERE copies_ahead.copies = :copies AND copies_ahead.id = known.id AND known.id = ANY (CAST(:ids AS uuid[]))"
        f" AND (known.{part}sequence, known.{part}told_at) = (told.{part}sequence, told.{part}told_at)"
        " RETURNING copies_ahead.id"
    )


def is_ahead(session: Session, table: str, id: UUID, *, part: str = "") -> bool:
    """Whether this copy is known to be ahead of its source."""
    wanted = (copies_ahead.c.copies == f"{table}.{part}sequence", copies_ahead.c.id == id)
    return session.scalar(select(copies_ahead.c.id).where(*wanted)) is not None


def ahead(session: Session) -> Sequence[RowOf[Any]]:
    """The copies that are known to be ahead of their source: table and column, id, both sequences, since when."""
    return session.execute(select(copies_ahead).order_by(copies_ahead.c.noticed_at)).all()


def number_ahead(session: Session) -> int:
    """The number of copies that are known to be ahead of their source."""
    return session.scalar(select(func.count()).select_from(copies_ahead)) or 0


def figure() -> int:
    """The same, asked in a transaction of its own."""
    with transaction() as session:
        return number_ahead(session)
