"""Reading lists by keyset: a part begins after the entry with which the part before ended, however many come before.

An entry that is added or removed between two parts moves nobody: none is shown twice and none is left out. One whose
value of the order itself changes moves to its new place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, tuple_
from sqlalchemy.orm import Session

from shared.database.rows import count_of, number_of
from shared.values.lists import Listed, Part, Position

Row = TypeVar("Row")
Columns = tuple[Any, ...]


class NoOrder(TypeError):
    """An order of a list that does not end with a column that identifies the entry."""


@dataclass(frozen=True)
class Found(Generic[Row]):
    """The rows of one part, and what is known of the whole list."""

    rows: Sequence[Row]
    total: int
    counts: Mapping[str, int] | None
    position: Position | None

    def shown(self, items: Sequence[Any]) -> Listed:
        """The part with these objects, one for each row."""
        return Listed(items, self.total, self.counts, self.position)


@dataclass(frozen=True)
class Listing:
    """The orders of a list and the columns by which it is counted.

    `sorts` names the columns of each order, which are never null (`coalesce` them), compare alike in both directions,
    and end with one that is unique; an index has the same columns, unless the rows are few. `default` is the order of
    a request that names none. `identity` is compared with `ids`. Columns of `counts` are never null.
    """

    sorts: Mapping[str, Columns]
    default: str
    identity: Any = None
    counts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.default.removeprefix("-") not in self.sorts:
            raise NoOrder(f"{self.default} is not one of the orders")

    @cached_property
    def types(self) -> dict[str, tuple[Any, ...]]:
        """The Python types of the position in each order."""
        return {name: tuple(each.type.python_type for each in columns) for name, columns in self.sorts.items()}

    def read(self, session: Session, wanted: Select[Any], part: Part, *, total: int | None = None) -> Found[Any]:
        """The part of the rows that are wanted; `total` where it is known how many rows the select has.

        Rows are objects where the select is of one table, else rows with the names of its columns.
        """
        if part.ids:
            wanted = wanted.where(self.identity.in_(part.ids))
        if part.is_export:
            rows, position, _ = self._rows(session, wanted, part)
            return Found(rows, len(rows), None, position)
        counts = self._counts(session, wanted, part.count_by)
        if counts is not None:
            total = sum(counts.values())
        elif part.ids:
            total = None
        rows, position, counted = self._rows(session, wanted, part, is_counted=total is None)
        return Found(rows, counted if total is None else total, counts, position)

    def _rows(
        self, session: Session, wanted: Select[Any], part: Part, *, is_counted: bool = False
    ) -> tuple[list[Any], Position | None, int]:
        """Returns the rows of the part, the position of the last one where more follow, and, where all rows are to be
        counted, the number of them: the same statement counts them, which saves a round trip.
        """
        columns = self.sorts[part.sort.removeprefix("-")]
        keys = [each.label(f"key_{place}") for place, each in enumerate(columns)]
        counted = [number_of(wanted).label("all_rows")] if is_counted else []
        # one more than is shown, to know whether there are more
        selected = self._ordered(wanted, part).add_columns(*keys, *counted).limit(part.limit + 1)
        found = session.execute(selected).all()
        shown = found[: part.limit]
        end = len(columns) + len(counted)
        position = tuple(shown[-1][-end:][: len(columns)]) if len(found) > part.limit and shown else None
        is_object = bool(found) and len(found[0]) == end + 1
        number = (found[0].all_rows if found else self._number_beyond(session, wanted, part)) if is_counted else 0
        return [row[0] if is_object else row for row in shown], position, number

    def _ordered(self, wanted: Select[Any], part: Part) -> Select[Any]:
        """The rows from the beginning of the part on, in its order."""
        columns, is_reversed = self.sorts[part.sort.removeprefix("-")], part.sort.startswith("-")
        ordered = wanted.order_by(None).order_by(*(each.desc() if is_reversed else each for each in columns))
        if part.position is not None:
            return ordered.where(_after(columns, part.position, is_reversed))
        return ordered.offset(part.offset) if part.offset else ordered

    def _number_beyond(self, session: Session, wanted: Select[Any], part: Part) -> int:
        """The number of all rows where the part has none to say it."""
        return count_of(session, wanted) if part.offset or part.position is not None else 0

    def _counts(self, session: Session, wanted: Select[Any], name: str | None) -> dict[str, int] | None:
        if name is None:
            return None
        column = self.counts[name]
        counted = wanted.with_only_columns(column, func.count(), maintain_column_froms=True)
        return {_word(value): number for value, number in session.execute(counted.order_by(None).group_by(column))}


def _after(columns: Columns, position: Position, is_reversed: bool) -> ColumnElement[bool]:
    """The condition on rows behind this position; PostgreSQL begins there in an index of the columns."""
    here = tuple_(*columns)
    there = tuple_(*(literal(value, each.type) for value, each in zip(position, columns, strict=True)))
    return here < there if is_reversed else here > there


def _word(value: Any) -> str:
    """How JSON writes a value of a field."""
    return str(value).lower() if isinstance(value, bool) else str(value)
