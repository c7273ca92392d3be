"""What an error of the database means: whether trying again can help, and whether other transactions caused it."""

from __future__ import annotations

import psycopg2
from sqlalchemy import exc


def sqlstate(problem: BaseException) -> str | None:
    """PostgreSQL's code for this problem; None where it has none, such as a connection that broke."""
    found = problem.orig if isinstance(problem, exc.DBAPIError) else problem
    state = getattr(found, "pgcode", None)
    return state if isinstance(state, str) else None


LOST_TO_OTHERS = frozenset({"40001", "40P01"})
"""Failed serialisation, deadlock: the transaction was rolled back so that another one could continue."""
PASSING_CLASSES = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
"""Connection, sign-in, no such database, rollback, resources, intervention, system: not the statement's fault."""
PASSING_STATES = frozenset(
    {
        "25006",  # read-only: a server that is being replaced
        "25P03",  # idle for too long in its transaction
        "25P04",  # a transaction that took too long
        "26000",  # prepared statements that this connection of PgBouncer lacks, or has already
        "42P05",
        "55006",  # somebody else has it or locks it now
        "55P03",
    }
)
LOCKED = "55P03"
"""What a statement waited for was held by another transaction for longer than `lock_timeout`."""
LASTING_STATES = frozenset({"53400"})
"""A limit of the configuration, such as that of temporary files: the same statement meets it again."""


class ChangedMeanwhile(exc.SQLAlchemyError):
    """What a transaction was about to lock is another one's business since it looked: it is rolled back and run again.

    To lock the rest now would break the order of locks.
    """

    pgcode = "40001"
    """Of a failed serialisation, which this is."""


def lost_to_others(problem: BaseException) -> bool:
    """Whether a transaction was rolled back so that another one could continue: running it again helps."""
    return sqlstate(problem) in LOST_TO_OTHERS


def waited_too_long(problem: BaseException) -> bool:
    """Whether another transaction held for too long what was waited for: the database itself does well."""
    return sqlstate(problem) == LOCKED


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
    # a connection lost inside a statement arrives as a plain DatabaseError without a state
    if type(problem) in (exc.DatabaseError, psycopg2.DatabaseError):
        return True
    if not isinstance(problem, exc.DBAPIError):
        return False
    return problem.connection_invalidated or isinstance(problem, exc.OperationalError | exc.InterfaceError)
