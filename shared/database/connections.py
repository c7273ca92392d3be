"""A connection of psycopg2 that opens its transaction in one round trip with the first statement, or does without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg2 import extensions
from psycopg2.sql import Composable

Statement = str | bytes | Composable


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
        is_first = self._is_first()
        if is_first and not self.is_whole:
            query = self._opening(query)
        self.is_whole = self.is_whole and is_first
        super().execute(query, vars)

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
