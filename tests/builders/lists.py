"""Requests for lists, without HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.database.listing import Listing
from shared.values.lists import ListOf, ListRequest


def asked_for(declared: ListOf[Any], **parameters: Any) -> ListRequest[Any]:
    """The request with these parameters for the beginning of a list."""
    return declared.wanted(declared.query(**parameters), position=None, offset=0)


def sorted_without_index(session: Session, rows: Select[Any], listing: Listing) -> list[str]:
    """The orders of a list for which PostgreSQL would sort all rows for each page, as no index has them."""
    session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
    session.connection().exec_driver_sql("SET LOCAL enable_sort = off")
    found = []
    for name, columns in listing.sorts.items():
        for ordered in (columns, [each.desc() for each in columns]):
            statement = rows.order_by(*ordered).limit(5)
            text = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
            plan = session.connection().exec_driver_sql(f"EXPLAIN {text}".replace("%", "%%")).scalars()
            # the step, not the key by which another one merges what indexes have in order
            found += [name] if any("Sort  (" in line for line in plan) else []
    return found
