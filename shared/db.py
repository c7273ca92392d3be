"""The door to PostgreSQL through PgBouncer: `transaction()` is the only place that commits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import psycopg2
import uuid_utils.compat
from pydantic_core import to_json
from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    DateTime,
    Engine,
    Text,
    TextClause,
    create_engine,
    exc,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.orm.interfaces import ORMOption

from shared.values.places import Place, to_ewkt
from shared.values.weekly import Weekly

__all__ = [
    "Aggregate",
    "Copy",
    "Executor",
    "Session",
    "column_types",
    "connect",
    "database_answers",
    "is_trouble",
    "keep_newest",
    "new_id",
    "next_locked",
    "single_statements",
    "transaction",
    "use",
]

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> UUID:
    """A UUID that sorts by the time it was made (version 7)."""
    return uuid_utils.compat.uuid7()


GERMAN = "de-x-icu"
"""The collation of columns by which lists are sorted: as German does (DIN 5007-1), Özdemir beside Ozan, not after Z."""

column_types: dict[Any, Any] = {datetime: DateTime(timezone=True), str: Text}
"""How annotations of a service's tables become column types."""


class Aggregate:
    """Columns of everything that has an identity of its own: an id, two instants and two counters.

    `version` counts changes of the fields that people edit (`ETag`); `sequence` counts the aggregate's events.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-10)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"), sort_order=92)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"), sort_order=93)


class Copy:
    """Columns of a copy of another service's aggregate, kept from its events; never changed by anything else."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    sequence: Mapped[int] = mapped_column(BigInteger, sort_order=90)
    written_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)


def next_locked(
    session: Session, kind: type[AnyAggregate], *, after: UUID, limit: int, options: Sequence[ORMOption] = ()
) -> Sequence[AnyAggregate]:
    """The next aggregates by id, as they are now, locked."""
    return session.scalars(
        select(kind)
        .where(kind.id > after)
        .options(*options)
        .order_by(kind.id)
        .limit(limit)
        .with_for_update(of=kind)
        .execution_options(populate_existing=True)
    ).all()


def keep_newest(
    session: Session,
    copies: type[Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    by: str = "sequence",
    at_first: Mapping[str, Any] | None = None,
) -> None:
    """Insert or update copies in one statement, except where the stored one is newer.

    `copies` is a table class with the columns of `Copy`; every row has the same keys, `id` and `by` among them. Of
    several rows with one id the newest counts. An equal sequence is written again, so that a rebuild touches it.
    `at_first` holds further columns for rows that are not there yet.
    """
    newest: dict[UUID, Mapping[str, Any]] = {}
    for row in rows:
        if row["id"] not in newest or newest[row["id"]][by] <= row[by]:
            newest[row["id"]] = row
    if not newest:
        return
    first = dict(at_first or {})
    statement = _keeping(copies.__tablename__, tuple(rows[0]), by, tuple(first))
    # in one order everywhere, or two workers could wait for each other
    ordered = [{**first, **_written(newest[key])} for key in sorted(newest)]
    session.execute(statement, {"rows": to_json(ordered).decode()})


@cache
def _keeping(table: str, columns: tuple[str, ...], by: str, at_first: tuple[str, ...]) -> TextClause:
    """One parameter however many rows: SQLAlchemy would spend longer on a thousand rows than PostgreSQL."""
    written = ", ".join((*columns, *at_first))
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "id")
    return text(
        f"INSERT INTO {table} ({written})"  # noqa: S608 - names of our own tables
        f" SELECT {written} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))"
        f" ON CONFLICT (id) DO UPDATE SET {changed}, written_at = clock_timestamp()"
        f" WHERE {table}.{by} <= excluded.{by}"
    )


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with weeks and places as the text that PostgreSQL reads; JSON has the rest."""
    return {name: _TEXTS[type(value)](value) if type(value) in _TEXTS else value for name, value in row.items()}


_TEXTS: dict[type, Callable[[Any], str]] = {Weekly: Weekly.to_multirange, Place: to_ewkt}


@dataclass(frozen=True)
class _Opened:
    """This process's way to the database."""

    pid: int
    transactions: sessionmaker[Session]
    statements: Engine | None = None
    """With connections of its own: switching one to autocommit and back would cost a round trip."""


class _Database:
    """The process's one database: set by `connect` at start, or by `use` in a test."""

    url: URL | None = None
    pool_size: int = 4
    opened: _Opened | None = None


def connect(url: URL, *, pool_size: int = 4) -> None:
    """Say where the database is. Connections are made at first use, so that none crosses a fork."""
    _Database.url, _Database.pool_size, _Database.opened = url, pool_size, None


def use(connection: Connection) -> None:
    """Let every `transaction()` run inside this connection's open transaction (tests roll it back)."""
    sessions = sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    _Database.opened = _Opened(os.getpid(), sessions)


def engine_for(url: URL, *, pool_size: int, **options: Any) -> Engine:
    """An engine fit for PgBouncer in transaction mode: no session state, a small pool, dead connections replaced."""
    return create_engine(
        url,
        **options,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,
        connect_args={"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3},
        hide_parameters=True,  # a parameter may be health data and errors are logged
    )


def _opened() -> _Opened:
    opened = _Database.opened
    if opened is None or opened.pid != os.getpid():
        if _Database.url is None:
            raise RuntimeError("connect() was not called")
        whole = engine_for(_Database.url, pool_size=_Database.pool_size)
        single = engine_for(_Database.url, pool_size=_Database.pool_size, isolation_level="AUTOCOMMIT")
        opened = _Database.opened = _Opened(os.getpid(), sessionmaker(whole, expire_on_commit=False), single)
    return opened


@contextmanager
def transaction() -> Iterator[Session]:
    """A session whose work is committed at the end of the block, or rolled back whole if it raises."""
    with _opened().transactions() as session:
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


Executor = Session | Connection
"""What executes statements, whether in one transaction together or each in its own."""


@contextmanager
def single_statements() -> Iterator[Executor]:
    """An executor whose every statement is a transaction of its own, for work that one statement does whole.

    It saves the round trips of BEGIN and COMMIT and a session's bookkeeping, which cost more than most statements.
    """
    statements = _opened().statements
    if statements is None:  # a test's connection, whose transaction nothing here may end
        with transaction() as session:
            yield session
    else:
        with statements.connect() as connection:
            yield connection


def is_trouble(problem: BaseException) -> bool:
    """Whether the database (or the way to it) failed rather than the statement: trying again later can help."""
    # psycopg2's own, where SQLAlchemy prepares a connection or takes one back rather than runs a statement
    if isinstance(problem, exc.TimeoutError | psycopg2.OperationalError | psycopg2.InterfaceError):
        return True
    if not isinstance(problem, exc.DBAPIError):
        return False
    state: Any = getattr(problem.orig, "pgcode", None)
    if problem.connection_invalidated or isinstance(problem, exc.OperationalError | exc.InterfaceError):
        return True
    # a connection lost inside a statement arrives as a plain DatabaseError without a state
    if state is None and type(problem) is exc.DatabaseError:
        return True
    # SQLSTATE classes: 08 connection, 40 rollback (deadlock, serialisation), 53 resources, 57 operator intervention,
    # 58 system; 25006 is a server that has become read-only
    return isinstance(state, str) and (state[:2] in {"08", "40", "53", "57", "58"} or state == "25006")


def database_answers() -> bool:
    """Whether a statement reaches the database now."""
    try:
        with single_statements() as session:
            session.execute(text("SELECT 1"))
        return True
    except exc.SQLAlchemyError:
        return False
