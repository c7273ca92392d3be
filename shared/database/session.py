"""The endpoint to PostgreSQL through PgBouncer: `transaction()` is the only place that commits."""

from __future__ import annotations

import os
import random
import select as sockets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg2
import uuid_utils.compat
from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Connection,
    DateTime,
    Engine,
    Text,
    Uuid,
    any_,
    create_engine,
    event,
    exc,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.orm.interfaces import ORMOption

from shared.runtime import metrics

__all__ = [
    "Aggregate",
    "Copy",
    "Executor",
    "Session",
    "column_types",
    "connect",
    "database_answers",
    "is_trouble",
    "lock_rows",
    "lost_to_others",
    "new_id",
    "next_locked",
    "repeat_if_lost",
    "single_statements",
    "sqlstate",
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
    told_at: Mapped[datetime | None] = mapped_column(sort_order=90)
    """When what is known happened, by its source; a place may be known before its owner."""
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


def lock_rows(session: Session, kind: type[Any], ids: Iterable[UUID]) -> None:
    """Let no other transaction change these rows before ours ends.

    In the order of their ids, as everywhere: two transactions that lock several rows cannot wait for each other.
    """
    wanted = sorted(set(ids))
    if wanted:
        # one parameter however many ids: a poll brings hundreds
        meant = kind.id == any_(literal(wanted, ARRAY(Uuid)))
        session.execute(select(kind.id).where(meant).order_by(kind.id).with_for_update(key_share=True)).all()


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
    engine = create_engine(
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
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection that PgBouncer has closed meanwhile, before anybody's statement meets it."""
    if _is_dead(connection):
        raise exc.DisconnectionError("closed by the server")


def _is_dead(connection: Any) -> bool:
    """Whether the other end has gone, asked without a round trip: a connection that waits for us has nothing to say.

    What can be read all the same is the end of the stream, or a message (as TLS has some), after which it is quiet.
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


def _opened() -> _Opened:
    opened = _Database.opened
    if opened is None or opened.pid != os.getpid():
        if _Database.url is None:
            raise RuntimeError("connect() was not called")
        whole = engine_for(_Database.url, pool_size=_Database.pool_size)
        single = engine_for(_Database.url, pool_size=_Database.pool_size, isolation_level="AUTOCOMMIT")
        event.listen(single, "after_cursor_execute", _count_commit)
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
    _commits.number += 1


class _Commits(threading.local):
    """How many transactions this thread has committed."""

    number = 0


_commits = _Commits()


def _count_commit(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if not statement.startswith("SELECT"):  # what only reads may be done again
        _commits.number += 1


REPEATS = 2
"""How often work is done again whose transaction lost against others."""
Result = TypeVar("Result")


def repeat_if_lost(work: Callable[[], Result], *, resumes: bool = False) -> Result:
    """What `work` returns; done again, twice at most, where its transaction lost against others.

    Such a transaction (a deadlock, a failed serialisation) was rolled back whole, with all that `work` did in it. Work
    that committed something before is not repeated: the problem rises. Unless it `resumes`: a job's turn finds what is
    left to do in the rows that it claims.
    """
    for turn in range(1, REPEATS + 1):
        before = _commits.number
        try:
            return work()
        except Exception as problem:
            if not lost_to_others(problem) or (_commits.number != before and not resumes):
                raise
            metrics.transactions_repeated.inc()
        # whoever won needs a moment to finish; two that lost must not meet again
        time.sleep(turn * random.uniform(0.005, 0.03))
    return work()


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


def sqlstate(problem: BaseException) -> str | None:
    """PostgreSQL's code for this problem; None where it has none, such as a connection that broke."""
    found = problem.orig if isinstance(problem, exc.DBAPIError) else problem
    state = getattr(found, "pgcode", None)
    return state if isinstance(state, str) else None


LOST_TO_OTHERS = frozenset({"40001", "40P01"})
"""Failed serialisation, deadlock: the transaction was rolled back for the good of another one."""
PASSING_CLASSES = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
"""Connection, sign-in, no such database, rollback, resources, intervention, system: not the statement's fault."""
PASSING_STATES = frozenset(
    {
        "25006",  # read-only: a server that is being replaced
        "25P03",  # idle for too long in its transaction
        "25P04",  # a transaction that took too long
        "26000",  # prepared statements that another connection of PgBouncer's has, or has not
        "42P05",
        "55006",  # somebody else has it or locks it now
        "55P03",
    }
)
LASTING_STATES = frozenset({"53400"})
"""A limit of the configuration, such as that of temporary files: the same statement meets it again."""


def lost_to_others(problem: BaseException) -> bool:
    """Whether a transaction was rolled back for the good of another one: doing it again helps."""
    return sqlstate(problem) in LOST_TO_OTHERS


def is_trouble(problem: BaseException) -> bool:
    """Whether the database (or the way to it) failed rather than the statement: trying again later can help.

    Where PostgreSQL gave a code, that alone decides: psycopg2 raises OperationalError also for what can never work,
    such as a row too long for its index (54000). That trying again can help does not say it will: who tries again
    needs an end (`shared.events.consumer`).
    """
    state = sqlstate(problem)
    if state is not None:
        return state in PASSING_STATES or (state[:2] in PASSING_CLASSES and state not in LASTING_STATES)
    # psycopg2's own, where SQLAlchemy prepares a connection or takes one back rather than runs a statement
    if isinstance(problem, exc.TimeoutError | psycopg2.OperationalError | psycopg2.InterfaceError):
        return True
    if not isinstance(problem, exc.DBAPIError):
        return False
    if problem.connection_invalidated or isinstance(problem, exc.OperationalError | exc.InterfaceError):
        return True
    # a connection lost inside a statement arrives as a plain DatabaseError without a state
    return type(problem) is exc.DatabaseError


def database_answers() -> bool:
    """Whether a statement reaches the database now."""
    try:
        with single_statements() as session:
            session.execute(text("SELECT 1"))
        return True
    except exc.SQLAlchemyError:
        return False
