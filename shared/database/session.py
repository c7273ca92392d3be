"""Sessions of PostgreSQL through PgBouncer: `transaction()` is the only place that commits."""

from __future__ import annotations

import os
import random
import select as sockets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import psycopg2
from prometheus_client import Counter
from psycopg2 import extensions
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    exc,
    text,
)
from sqlalchemy.orm import Session, sessionmaker

from shared.database.connections import LazyBeginConnection, LazyBeginCursor
from shared.database.errors import lost_to_others


@dataclass(frozen=True)
class _Engines:
    """The engines of this process."""

    pid: int
    transactions: sessionmaker[Session]
    statements: Engine | None = None
    """With connections of its own: switching one to autocommit and back would cost a round trip."""


class _Database:
    """The process's one database: set by `connect` at start, or by `use` in a test."""

    url: URL | None = None
    pool_size: int = 4
    engines: _Engines | None = None


def connect(url: URL, *, pool_size: int = 4) -> None:
    """Say where the database is. Connections are made at first use, so that none crosses a fork."""
    _Database.url, _Database.pool_size, _Database.engines = url, pool_size, None


def use(connection: Connection) -> None:
    """Let every `transaction()` run inside this connection's open transaction (tests roll it back)."""
    sessions = sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    _Database.engines = _Engines(os.getpid(), sessions)


def engine_for(url: URL, *, pool_size: int, autocommit: bool = False) -> Engine:
    """An engine fit for PgBouncer in transaction mode: no session state, a small pool, dead connections replaced.

    With `autocommit` every statement is a transaction of its own.
    """
    factory = extensions.connection if autocommit else LazyBeginConnection
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT" if autocommit else None,
        # those that a burst adds are kept: to close and open one costs a SCRAM login, as much time as several requests
        pool_size=2 * pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,
        connect_args={
            "connection_factory": factory,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
        # many executions of one statement are sent together
        executemany_mode="values_plus_batch",
        hide_parameters=True,  # a parameter may be health data and errors are logged
    )
    event.listen(engine, "checkout", _refuse_dead)
    if not autocommit:
        event.listen(engine, "before_cursor_execute", _begin_unless_whole)
        event.listen(engine, "after_cursor_execute", _count_if_whole)
    return engine


WHOLE_TRANSACTION: Final[Mapping[str, bool]] = {"is_whole_transaction": True}
"""The execution option of a statement with which a `transaction()` mostly begins and ends: it saves a round trip.

As the first statement it is committed as soon as it was executed, and what follows is a transaction of its own; after
others it is a part of theirs. So whatever must happen with it or not at all stands in the statement, or before it.
"""


def _begin_unless_whole(
    _connection: Any, cursor: LazyBeginCursor, _statement: str, _parameters: Any, context: Any, _is_many: bool
) -> None:
    cursor.is_whole = context is not None and "is_whole_transaction" in context.execution_options


def _count_if_whole(_connection: Any, cursor: LazyBeginCursor, *_: Any) -> None:
    _commits.number += cursor.is_whole


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection that PgBouncer has closed, before a statement fails on it."""
    if _is_dead(connection):
        raise exc.DisconnectionError("closed by the server")


def _is_dead(connection: Any) -> bool:
    """Whether the server has closed the connection, without a round trip: an idle open connection has nothing to read.

    Where something can be read, it is the end of the stream, or messages (as of TLS) after which there is nothing.
    """
    readable = sockets.poll()
    readable.register(connection.fileno(), sockets.POLLIN)
    for _ in range(3):
        if not readable.poll(0):
            return False
        try:
            connection.poll()
        except psycopg2.Error:
            return True
    return True


def _engines() -> _Engines:
    engines = _Database.engines
    if engines is None or engines.pid != os.getpid():
        if _Database.url is None:
            raise RuntimeError("connect() was not called")
        whole = engine_for(_Database.url, pool_size=_Database.pool_size)
        single = engine_for(_Database.url, pool_size=_Database.pool_size, autocommit=True)
        event.listen(single, "after_cursor_execute", _count_commit)
        engines = _Database.engines = _Engines(os.getpid(), sessionmaker(whole, expire_on_commit=False), single)
    return engines


@contextmanager
def transaction() -> Iterator[Session]:
    """A session whose work is committed at the end of the block, or rolled back whole if it raises."""
    session = _engines().transactions()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()
    _commits.number += 1


class _Commits(threading.local):
    """How many transactions this thread has committed."""

    number = 0


_commits = _Commits()


def _count_commit(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if not statement.startswith("SELECT"):  # what only reads may be done again
        _commits.number += 1


transactions_repeated = Counter(
    "platform_transactions_repeated_total", "Transactions done again since they lost against others (40001, 40P01)"
)
REPEATS = 2
"""How often work is done again whose transaction lost against others."""
Result = TypeVar("Result")


def repeat_if_lost(work: Callable[[], Result], *, resumes: bool = False) -> Result:
    """Returns what `work` returns; runs it again, twice at most, where its transaction lost against others.

    Such a transaction (a deadlock, a failed serialisation) was rolled back whole, with all that `work` did in it. Work
    that committed something before is not repeated: the error is raised. Work that `resumes` is repeated even then, as
    a job's run: it continues with the rows that are left.
    """
    for turn in range(1, REPEATS + 1):
        before = _commits.number
        try:
            return work()
        except Exception as problem:
            if not lost_to_others(problem) or (_commits.number != before and not resumes):
                raise
            transactions_repeated.inc()
        # the transaction that won needs a moment to finish; two that lost must not collide again
        time.sleep(turn * random.uniform(0.005, 0.03))
    return work()


Executor = Session | Connection
"""What executes statements, whether in one transaction together or each in its own."""


@contextmanager
def single_statements() -> Iterator[Executor]:
    """An executor whose every statement is a transaction of its own, for work that one statement does whole.

    It saves the round trips of BEGIN and COMMIT and a session's bookkeeping, which cost more than most statements.
    """
    statements = _engines().statements
    if statements is None:  # a test's connection, whose transaction nothing here may end
        with transaction() as session:
            yield session
    else:
        with statements.connect() as connection:
            yield connection


def read_rows(statement: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Returns the rows of a statement that only reads, sent as it is (`%(name)s`): for what is asked all the time.

    SQLAlchemy would take three times as long for it. Raises the errors of psycopg2.
    """
    engine = _engines().statements
    if engine is None:  # a test's connection
        with transaction() as session:
            return session.connection().exec_driver_sql(statement, dict(parameters)).all()
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    except BaseException:
        pooled.invalidate()  # whether it broke is of no matter: a new one costs little beside trouble
        raise
    pooled.close()
    return rows


def database_clock() -> datetime:
    """Returns the time of the database's clock, the only one that all processes share."""
    with single_statements() as executor:
        now: datetime = executor.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now


def database_answers() -> bool:
    """Whether a statement reaches the database now."""
    try:
        with single_statements() as session:
            session.execute(text("SELECT 1"))
        return True
    except exc.SQLAlchemyError:
        return False
