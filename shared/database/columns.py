"""Columns that tables have in common, and how columns and constraints are named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import BigInteger, DateTime, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> UUID:
    """A UUID that sorts by the time it was made (version 7)."""
    return uuid_utils.compat.uuid7()


GERMAN = "de-x-icu"
"""The collation of columns by which lists are sorted: as German does (DIN 5007-1), Özdemir beside Ozan, not after Z."""

column_types: dict[Any, Any] = {datetime: DateTime(timezone=True), str: Text}
"""How annotations of a service's tables become column types."""


def is_one_of(column: str, words: Iterable[str]) -> str:
    """The SQL condition that a column has one of these words: the CHECK constraint of an enum."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def first_version(*, by: UUID | None, now: datetime) -> dict[str, Any]:
    """The columns that say when an aggregate was made and by whose act; `by` is None where the platform made it."""
    return {"created_at": now, "updated_at": now, "updated_by": by, "version": 1}


class Aggregate:
    """Columns of everything that has an identity of its own: an id, two instants, two counters and the last editor.

    `version` counts changes of the fields that people edit (`ETag`), and `updated_by` says who made the last of them;
    `sequence` counts the aggregate's events. `updated_at` moves with every change, also with a machine's note.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-10)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)
    updated_by: Mapped[UUID | None] = mapped_column(sort_order=91)
    """The account of who made the last change that `version` counts; None where the platform did."""
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"), sort_order=92)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"), sort_order=93)

    def count_change(self, *, by: UUID | None, now: datetime) -> None:
        """Count a change of the fields that people edit, with its author; `by` is None where the platform made it.

        Nothing else changes `version` and `updated_by` of a row (tests/architecture/test_authors.py), so that no change
        that is counted can forget its author.
        """
        self.version += 1
        self.updated_at, self.updated_by = now, by


def text_list() -> Any:
    """A column with several texts, none of them to begin with."""
    return mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))


class Copy:
    """Columns of a copy of another service's aggregate, kept from its events; never changed by anything else."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    sequence: Mapped[int] = mapped_column(BigInteger, sort_order=90)
    event_time: Mapped[datetime | None] = mapped_column(sort_order=90)
    """When what is known happened, by its source; a place may be known before its owner."""
    written_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


class Erasable:
    """A column of what is kept of somebody who may be erased.

    Where it is true the row is a tombstone: nothing in it says anything about anybody, and no event changes it.
    """

    erased: Mapped[bool] = mapped_column(default=False, server_default=text("false"), sort_order=94)
