"""Two people who do the same at the same moment, each in a transaction of their own on the real database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database import transaction

Work = Callable[[Session], Any]


def while_uncommitted(first: Work, second: Callable[[], Any], *, commits: bool = True) -> Any:
    """What `second` returns or raises that runs while `first` has done its work and not yet committed it.

    It either waits for the commit (or the rollback) or ends before; an exception of its own is returned.
    """
    with ThreadPoolExecutor(1) as other:
        try:
            with transaction() as session:
                session.execute(text("SELECT 1"))  # nothing that follows is a whole transaction then
                first(session)
                session.flush()
                running = other.submit(second)
                wait([running], timeout=0.4)
                if not commits:
                    raise _TakenBack
        except _TakenBack:
            pass
        return _outcome(running)


def in_turn(first: Work, second: Work) -> Any:
    """The same for a `second` that wants a session."""

    def in_a_transaction() -> Any:
        with transaction() as session:
            return second(session)

    return while_uncommitted(first, in_a_transaction)


def at_once(doers: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each returns, or raises, when all begin at the same moment."""
    start = Barrier(len(doers))

    def when_all_are_there(do: Callable[[], Any]) -> Any:
        start.wait(10)
        return do()

    with ThreadPoolExecutor(len(doers)) as crowd:
        return [_outcome(each) for each in [crowd.submit(when_all_are_there, do) for do in doers]]


class _TakenBack(Exception):
    """The transaction is to be rolled back."""


def _outcome(running: Future[Any]) -> Any:
    problem = running.exception(timeout=30)
    return running.result() if problem is None else problem
