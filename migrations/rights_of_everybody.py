"""What PostgreSQL lets every role do, and no service needs: taken away where the administrator may do that.

PostgreSQL knows no way to take it from some alone. So roles of others on the same server are given the databases by
name to which they could connect; large objects belong to the platform's own database, and nobody needs them there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

DATABASES = ("postgres", "template1")
"""They are on every server; a role that connects to them sees what else there is, outside of PgBouncer's limits."""
LARGE_OBJECTS = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'lo\\_%' OR proname IN ('loread', 'lowrite'))
    AND has_function_privilege('public', oid, 'EXECUTE')
"""
"""The functions by which every role makes large objects, which lie in no table."""
OPEN_DATABASE = "SELECT FROM pg_database WHERE datname = %s AND has_database_privilege('public', oid, 'CONNECT')"
OTHERS = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname <> ALL (%s)"


def take(admin: Connection, *, ours: Sequence[str]) -> list[str]:
    """Take it from everybody but the roles of others; returns what stays, in words. Safe to run again."""
    with admin, admin.cursor() as cursor:
        databases = [each for each in DATABASES if not _is_closed(cursor, each, ours)]
        words = [f"every role may connect to the database {each}" for each in databases]
        return words if _has_no_large_objects(cursor) else [*words, "every role may make large objects"]


def _is_closed(cursor: Cursor, database: str, ours: Sequence[str]) -> bool:
    if not _found(cursor, OPEN_DATABASE, database):
        return True
    _try(cursor, lambda: _close(cursor, database, ours))
    return not _found(cursor, OPEN_DATABASE, database)


def _close(cursor: Cursor, database: str, ours: Sequence[str]) -> None:
    name = sql.Identifier(database)
    for (other,) in _found(cursor, OTHERS, list(ours)):
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(other)))
    cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))


def _has_no_large_objects(cursor: Cursor) -> bool:
    functions = [sql.SQL(function) for (function,) in _found(cursor, LARGE_OBJECTS)]
    if not functions:
        return True
    revoke = sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(sql.SQL(", ").join(functions))
    _try(cursor, lambda: cursor.execute(revoke))
    return not _found(cursor, LARGE_OBJECTS)


def _try(cursor: Cursor, change: Callable[[], None]) -> None:
    """Change something, or leave it as it was: on a server of others the administrator may have few rights."""
    cursor.execute("SAVEPOINT change")
    try:
        change()
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO SAVEPOINT change")


def _found(cursor: Cursor, question: str, *values: object) -> list[tuple[str, ...]]:
    cursor.execute(question, values or None)
    return cursor.fetchall()
