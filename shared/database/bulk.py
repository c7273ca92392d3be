"""Writing many rows in one statement: by `COPY`, or where rows may be known, PostgreSQL unpacks one JSON document.

A parameter for every value would cost three times as much as the JSON: SQLAlchemy would spend longer on a thousand rows
than PostgreSQL. `COPY` costs PostgreSQL half as much.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import TextClause, text
from sqlalchemy.orm import DeclarativeBase, Session

from shared.database.connections import COPY
from shared.database.copy_text import copy_text
from shared.database.written_values import Row, WrittenAsText

COPIED_FROM: Final = 20
"""Rows from which on `COPY` is used: it costs a round trip more, and half as much for each row."""


def write_rows(
    session: Session,
    table: type[DeclarativeBase],
    rows: Sequence[Row],
    *,
    columns: Sequence[str] = (),
    updated: Collection[str] = (),
) -> None:
    """Insert these rows in one statement; all of them name the same columns.

    With `columns`, only these of what the rows name. With `updated`, a row whose id is there already gives that row
    these columns instead. Without, it is an error.
    """
    if not rows:
        return
    columns = columns or tuple(rows[0])
    if len(rows) >= COPIED_FROM and not updated:
        copy_lines(session, table.__tablename__, columns, copy_text(table, columns, rows))
    else:
        statement = _insert_statement(table.__tablename__, tuple(columns), tuple(updated))
        session.execute(statement, {"rows": as_json(table, rows)})


def copy_lines(session: Session, table: str, columns: Sequence[str], lines: str) -> None:
    """Insert the rows that these lines have, which `copy_text.lines` wrote."""
    # text() would look for parameters
    session.connection().exec_driver_sql(f"{COPY}{table} ({', '.join(columns)}) FROM STDIN", (lines,))


@cache
def _insert_statement(table: str, columns: tuple[str, ...], updated: tuple[str, ...]) -> TextClause:
    statement = insert_of_rows(table, columns)
    changes = ", ".join(f"{name} = excluded.{name}" for name in updated)
    return text(f"{statement} ON CONFLICT (id) DO UPDATE SET {changes}" if updated else statement)


def insert_of_rows(table: str, columns: Sequence[str], computed: Mapping[str, str] | None = None) -> str:
    """The SQL that inserts the rows of the parameter `rows`, which `as_json` wrote; `known` is the table.

    `computed` holds further columns with the SQL of their values.
    """
    further = dict(computed or {})
    return (
        f"INSERT INTO {table} AS known ({', '.join((*columns, *further))})"  # noqa: S608 - names of our own tables
        f" SELECT {', '.join((*columns, *further.values()))} FROM {rows_of(table)}"
    )


def rows_of(table: str) -> str:
    """The SQL of a table's rows that the parameter `rows` holds; PostgreSQL passes over what is no column."""
    return f"json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))"


def as_json(table: type[DeclarativeBase], rows: Sequence[Row]) -> str:
    """The rows as one parameter; the types of the table's columns say how their values are written."""
    writers = [(name, write) for name, write in _writers(table) if rows and name in rows[0]]
    if writers:
        rows = [{**row, **{name: write(row[name]) for name, write in writers}} for row in rows]
    return to_json(rows).decode()


@cache
def _writers(table: type[DeclarativeBase]) -> Sequence[tuple[str, Callable[[Any], str | None]]]:
    return [(each.name, each.type.as_text) for each in table.__table__.columns if isinstance(each.type, WrittenAsText)]
