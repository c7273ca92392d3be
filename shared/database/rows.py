"""Reading one row, counting rows, and checking that a row is still the one that its reader saw."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy import ScalarSelect, Select, func
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from shared.errors import LostUpdate, NotFound

Kind = TypeVar("Kind")


class Versioned(Protocol):
    """A row that counts the changes people made, and says who made the last."""

    version: Any
    updated_by: Any
    updated_at: Any


def find_row(
    session: Session, kind: type[Kind], id: UUID, *, lock: bool = False, options: Sequence[ORMOption] = ()
) -> Kind | None:
    """The row with this id, or None. With `lock` it is read anew and locked until the transaction ends."""
    return session.get(kind, id, with_for_update=lock, populate_existing=lock, options=options)


def require(row: Kind | None, noun: str) -> Kind:
    """The row that was looked for; raises `NotFound` of this noun where there is none."""
    if row is None:
        raise NotFound(noun)
    return row


def check_version(row: Versioned, expected: Collection[int] | None, noun: str) -> None:
    """Raise `LostUpdate` where the row has none of the versions that its reader may have seen; None expects nothing."""
    if expected is not None and row.version not in expected:
        lost = LostUpdate(f"{noun}.changed_meanwhile")
        lost.members.update(to_jsonable_python({"updated_by": row.updated_by, "updated_at": row.updated_at}))
        raise lost


def count_of(session: Session, wanted: Select[Any]) -> int:
    """How many rows the select would return."""
    return session.scalar(_counting(wanted)) or 0


def number_of(wanted: Select[Any]) -> ScalarSelect[int]:
    """The same, as a value in another statement, also in one that reads these rows."""
    return _counting(wanted).correlate(None).scalar_subquery()


def _counting(wanted: Select[Any]) -> Select[int]:
    # over the same tables and conditions: a subquery would name every column, and the rows' order does not matter
    return wanted.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
