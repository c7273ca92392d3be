"""Locking rows, always in the order of their ids, and turns: locks on what has no row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, select, text
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from shared.database.columns import Aggregate

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)

# made once: to build a statement costs as much as to execute it
_WAIT: Final = text("SELECT pg_advisory_xact_lock(:number)")
_WAIT_FOR_EACH: Final = "SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"
_TAKE_SEVERAL: Final = text(_WAIT_FOR_EACH)
# one who takes the whole waits for those who take parts, and these wait for one who takes the whole
_TAKE_PARTS: Final = text(f"SELECT pg_advisory_xact_lock_shared(:whole) UNION ALL {_WAIT_FOR_EACH}")
_TRY: Final = text("SELECT pg_try_advisory_xact_lock(:number)")
_TRY_SEVERAL: Final = text(
    "SELECT number, pg_try_advisory_xact_lock(number) AS taken FROM unnest(CAST(:numbers AS bigint[])) AS number"
)
_WAIT_LONGER: Final = text("SET LOCAL lock_timeout = '30s'")


def turn_number(*name: str) -> int:
    """The number of PostgreSQL's lock (advisory) with this name.

    Such locks are those of the database, which all services share: a name begins with that of the service.
    """
    return int.from_bytes(blake2b("\x00".join(name).encode(), digest_size=8).digest(), "big", signed=True)


def take_turn(session: Session, *name: str) -> None:
    """Wait until no other transaction has the turn of this name, and keep others out until ours ends."""
    session.execute(_WAIT, {"number": turn_number(*name)})


def take_turns(session: Session, names: Iterable[Sequence[str]], *, of: str | None = None) -> None:
    """The same of several names, in one order: two transactions that take several cannot wait for each other.

    `of`: a whole of which they are parts: who takes the turn of the whole has that of all parts. PostgreSQL's room for
    such locks is limited, and all services share it: of many rows take a limited number of names, or the whole.
    """
    numbers = sorted({turn_number(*name) for name in names})
    if of is not None:
        session.execute(_TAKE_PARTS, {"whole": turn_number(of), "numbers": numbers})
    elif numbers:
        session.execute(_TAKE_SEVERAL, {"numbers": numbers})


def try_to_take_turn(session: Session, *name: str) -> bool:
    """Whether no other transaction has the turn of this name; none will before ours ends."""
    return bool(session.scalar(_TRY, {"number": turn_number(*name)}))


def try_to_take_turns(session: Session, names: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Those of these names whose turn no other transaction has; none will before ours ends. Waits for nobody."""
    numbers = {turn_number(*name): name for name in names}
    if not numbers:
        return set()
    found = session.execute(_TRY_SEVERAL, {"numbers": list(numbers)})
    return {numbers[row.number] for row in found if row.taken}


def wait_for_longer(session: Session) -> None:
    """Let this transaction wait for others for longer than most do, since to begin it anew costs more.

    Who waits holds a thread of the web server or the worker: for work that few do at once.
    """
    session.execute(_WAIT_LONGER)


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
