"""Wrapped keys in a table of their own, each with its owner: which keys wrapped them, which are to be wrapped anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    Row,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

KEY_ID_BYTES: Final = 8
"""The bytes with which a wrapped key names the key that wrapped it (`shared.security.encryption.KEY_ID`)."""

# from one id to the next in the index: however many rows there are, a few probes
_IN_USE = """
    WITH RECURSIVE used (id) AS (
        (SELECT {id} FROM {table} WHERE {id} IS NOT NULL ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT {id} FROM {table} WHERE {id} > used.id ORDER BY 1 LIMIT 1) FROM used WHERE used.id IS NOT NULL
    )
    SELECT id FROM used WHERE id IS NOT NULL
"""


def distinct_ids(session: Session, *, table: str, id: str) -> Sequence[bytes]:
    """The different values of an indexed column or expression; `table` and `id` are SQL."""
    return [bytes(each) for each in session.scalars(text(_IN_USE.format(table=table, id=id)))]


def count_by_id(session: Session, id: ColumnElement[bytes]) -> Mapping[bytes, int]:
    """The number of rows with each value of a column or expression."""
    counted = select(id, func.count(literal_column("1"))).where(id.is_not(None)).group_by(id)
    return {bytes(key): number for key, number in session.execute(counted)}


def id_of_wrapping_key(wrapped: Any) -> ColumnElement[bytes]:
    """The id of the key that wrapped a data key, as SQL; an index of it says which keys are in use."""
    return func.substr(wrapped, 1, literal_column(str(KEY_ID_BYTES)), type_=LargeBinary)


@dataclass(frozen=True)
class WrappedKeys:
    """The data keys of one table, each wrapped for its owner; one that was destroyed has no row, or is null."""

    table: Table
    owner: Column[UUID]
    wrapped: Column[Any]

    @property
    def _key_id(self) -> ColumnElement[bytes]:
        return id_of_wrapping_key(self.wrapped)

    def ids_in_use(self, session: Session) -> Sequence[bytes]:
        """The ids of all keys that wrapped one of them."""
        return distinct_ids(session, table=self.table.name, id=f"substr({self.wrapped.name}, 1, {KEY_ID_BYTES})")

    def count_by_key(self, session: Session) -> Mapping[bytes, int]:
        """The number of those that each key wrapped."""
        return count_by_id(session, self._key_id)

    def count_wrapped_by(self, session: Session, keys: Sequence[bytes]) -> int:
        """The number of those that one of these keys wrapped."""
        return session.scalar(select(func.count()).where(self._key_id.in_(keys))) or 0

    def wrapped_by(
        self, session: Session, keys: Sequence[bytes], *, after: UUID, limit: int
    ) -> Sequence[Row[UUID, bytes]]:
        """The next owners, by their ids, with what one of these keys wrapped for them, locked."""
        return session.execute(
            select(self.owner, self.wrapped)
            .where(self._key_id.in_(keys), self.owner > after)
            .order_by(self.owner)
            .limit(limit)
            .with_for_update()
        ).all()

    def write(self, session: Session, wrapped: Mapping[UUID, bytes]) -> None:
        """Replace the wrapped keys of these owners, whose rows are locked."""
        if wrapped:
            anew = update(self.table).where(self.owner == bindparam("of")).values({self.wrapped: bindparam("new")})
            session.connection().execute(anew, [{"of": id, "new": new} for id, new in wrapped.items()])
