"""Conditions on many values at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, ColumnElement, String, Text, any_, bindparam, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def is_among(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of these values, of which there may be hundreds.

    For PostgreSQL's planner it is a set that it does not know. Each value of an `IN`, and of an array that stands in
    the statement, it would compare with the column's statistics: that took longer than to look the rows up. As one
    text of JSON they also cost little to send and to parse.
    """
    return _is_in(column, literal(as_set(values), Text))


def is_among_given(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same of the values that the parameter of this name will have, by `as_set`: for a statement that is kept."""
    return _is_in(column, bindparam(name, type_=Text))


def as_set(values: Collection[Any]) -> str:
    """The values as a parameter."""
    return to_json(sorted(values)).decode()


def _is_in(column: ColumnElement[Any] | InstrumentedAttribute[Any], given: ColumnElement[str]) -> ColumnElement[bool]:
    kind = Text() if isinstance(column.type, String) else column.type  # its collation is no part of a type
    texts = func.json_array_elements_text(cast(given, JSON))
    known_when_executed = select(cast(texts, kind)).scalar_subquery()
    return column == any_(func.array(known_when_executed, type_=ARRAY(kind)))
