"""A connection of psycopg2 that opens its transaction in one round trip with the first statement, or does without."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Any, Final, NamedTuple

from psycopg2 import errors, extensions
from psycopg2.sql import Composable

Statement = str | bytes | Composable
COPY: Final = "COPY "
"""How a statement begins whose rows follow it."""
TRIES: Final = 3
"""So often a prepared statement is tried before it goes as it is."""
_PARAMETER: Final = re.compile(r"%\((\w+)\)s")


class PreparedStatement(NamedTuple):
    """A statement with named parameters, and what prepares and executes it: for psycopg2, which knows of no such."""

    query: str
    execute: str
    prepare_and_execute: str


@lru_cache
def prepared(query: str) -> PreparedStatement:
    """A statement as one that PostgreSQL parses and plans once for each connection; named by what it says."""
    names = list(dict.fromkeys(_PARAMETER.findall(query)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", query)
    name = f"s_{sha256(query.encode()).hexdigest()[:32]}"
    given = ", ".join(f"%({each})s" for each in names)
    execute = f"EXECUTE {name}({given})" if names else f"EXECUTE {name}"
    # `%` stands doubled in the query already, where it is none of a parameter
    return PreparedStatement(query, execute, f"PREPARE {name} AS {numbered};{execute}")


class LazyBeginConnection(extensions.connection):
    """Sends `BEGIN` together with the first statement; psycopg2 sends it before, in a round trip of its own.

    PgBouncer gives a server connection from there to the end of the transaction, as with a `BEGIN` that comes alone.
    For psycopg2 the connection is in autocommit, so that it sends nothing by itself; the last status from the server
    says whether a transaction is open. Without a statement none is opened, so ending it costs nothing either.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.autocommit = True
        self.cursor_factory = LazyBeginCursor

    def commit(self) -> None:
        """Commit the open transaction, if there is one."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Roll the open transaction back, if there is one."""
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        if self.get_transaction_status() != extensions.TRANSACTION_STATUS_IDLE:
            extensions.cursor(self).execute(statement)


class LazyBeginCursor(extensions.cursor):
    """Opens the transaction where a statement is the first one."""

    is_whole = False
    """Whether its statement, where it is the first one, is a transaction of its own; after it, whether it was."""

    def execute(self, query: Statement, vars: Any = None) -> None:
        """Execute one statement."""
        if isinstance(query, str) and query.startswith(COPY):
            return self._copy(query, *vars)
        is_first = self._is_first()
        self.is_whole = self.is_whole and is_first
        if self.is_whole and isinstance(query, str):
            self._execute_prepared(prepared(query), vars)
        else:
            super().execute(self._opening(query) if is_first else query, vars)
        return None

    def _copy(self, query: str, lines: str) -> None:
        """Send a `COPY` and its lines, which SQLAlchemy knows as its one parameter."""
        if self._is_first():
            extensions.cursor(self.connection).execute("BEGIN")
        self.copy_expert(query, BytesIO(lines.encode()))

    def _execute_prepared(self, statement: PreparedStatement, vars: Any) -> None:
        """Execute a statement that the connections behind PgBouncer keep parsed and planned, each for itself."""
        for _ in range(TRIES):
            try:
                return super().execute(statement.execute, vars)
            except errors.InvalidSqlStatementName:
                # nothing was done: this one of the connections does not know it yet, and the next may be another one
                with suppress(errors.DuplicatePreparedStatement):
                    return super().execute(statement.prepare_and_execute, vars)
        return super().execute(statement.query, vars)

    def executemany(self, query: Statement, vars_list: Iterable[Any]) -> None:
        """Execute one statement for each of the parameters; psycopg2 sends them one by one."""
        if self._is_first():
            extensions.cursor(self.connection).execute("BEGIN")
        super().executemany(query, vars_list)

    def _is_first(self) -> bool:
        return self.connection.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE

    def _opening(self, query: Statement) -> Statement:
        written = query.as_string(self) if isinstance(query, Composable) else query
        return b"BEGIN;" + written if isinstance(written, bytes) else f"BEGIN;{written}"
