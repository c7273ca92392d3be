"""In which order transactions lock what others want too, as the database is asked for it."""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, exc

from shared.database import ChangedMeanwhile
from shared.errors import PlatformError

SECONDS = 8.0
MOST_SECONDS = 200.0
"""A machine that does much else brings few of the rare kinds of work in that time."""
DEADLOCK, WAITED_TOO_LONG = "40P01", "55P03"

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


class Workers:
    """Threads that do work again and again, all at once, each piece of it in transactions that commit."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        """How often work was done, or refused with a code of ours, or failed with one of PostgreSQL."""
        self.deadlocks: list[str] = []
        """What PostgreSQL said of each, and where."""

    def run(self, work: Sequence[Callable[[], None]], *, is_enough: Callable[[], bool]) -> None:
        """Do all of this at once for a while, and until that is enough, but for minutes more at most."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._again_and_again, args=(each, stop)) for each in work]
        for thread in threads:
            thread.start()
        stop.wait(SECONDS)
        deadline = time.monotonic() + MOST_SECONDS
        while not is_enough() and time.monotonic() < deadline:
            stop.wait(0.1)
        stop.set()
        for thread in threads:
            thread.join()

    def _again_and_again(self, work: Callable[[], None], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                work()
                self.ended["done"] += 1
            except PlatformError as refusal:
                self.ended[refusal.code] += 1
            except ChangedMeanwhile:  # run again, as every transaction that others overtook
                self.ended["merged meanwhile"] += 1
            except exc.DBAPIError as problem:
                code = str(getattr(problem.orig, "pgcode", None) or type(problem).__name__)
                # the second is a busy machine's; consumers, jobs and callers try again
                self.ended["waited too long" if code == WAITED_TOO_LONG else code] += 1
                if code == DEADLOCK:
                    self.deadlocks.append(f"{work.__name__}: {problem}\n{traceback.format_exc()}")
