"""In which order transactions lock what others want too, as the database is asked for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_CHANGES = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)
_IN_PARENTHESES = re.compile(r"\([^()]*\)")
_LOCKS = re.compile(r"\sFROM\s+(\w+).*\sFOR\s+(?:NO KEY UPDATE|UPDATE|SHARE)", re.IGNORECASE | re.DOTALL)


class LockOrder:
    """What each transaction locked first and then; `wrong` holds the orders that are not the agreed one."""

    def __init__(self, order: Sequence[str], advisory: Callable[[Any], str]) -> None:
        self.order, self.advisory = list(order), advisory
        self.wrong: set[tuple[str, ...]] = set()
        self.seen: set[str] = set()
        self.statements: list[str] = []
        """All that were sent to the database."""

    def begins(self, connection: Connection) -> None:
        """A transaction begins."""
        connection.info["locked"] = []

    def executes(
        self, connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
    ) -> None:
        """A statement goes to the database."""
        self.statements.append(statement)
        name = self._locked_by(statement, parameters)
        locked: list[str] = connection.info.setdefault("locked", [])
        if name not in self.order or name in locked:
            return
        locked.append(name)
        self.seen.add(name)
        if locked != sorted(locked, key=self.order.index):
            self.wrong.add(tuple(locked))

    def _locked_by(self, statement: str, parameters: Any) -> str | None:
        if "pg_advisory_xact_lock" in statement:
            return self.advisory(parameters)
        found = _CHANGES.match(statement) or _LOCKS.search(_without_subqueries(statement))
        return found[1] if found else None


def _without_subqueries(statement: str) -> str:
    """The statement without what is in parentheses: `FOR UPDATE` locks the rows of the outermost tables."""
    while (shorter := _IN_PARENTHESES.sub("", statement)) != statement:
        statement = shorter
    return statement


@contextmanager
def observed(order: Sequence[str], advisory: Callable[[Any], str] = lambda _: "") -> Iterator[LockOrder]:
    """Every transaction of this process, observed until the end of the block."""
    observer = LockOrder(order, advisory)
    listeners = (("begin", observer.begins), ("before_cursor_execute", observer.executes))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield observer
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)
