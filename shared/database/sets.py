"""Conditions on many values at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def is_among(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of these values, of which there may be hundreds.

    For PostgreSQL's planner it is a set that it does not know. Each value of an `IN`, and of an array that stands in
    the statement, it would compare with the column's statistics: that took longer than to look the rows up.
    """
    array = ARRAY(column.type)
    known_when_executed = select(func.unnest(literal(sorted(values), array))).scalar_subquery()
    return column == any_(func.array(known_when_executed, type_=array))
