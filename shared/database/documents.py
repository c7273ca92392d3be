"""Rows as JSON documents, for people who want to know all that is stored: a new column is in it by itself."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import inspect


def stored_row(row: Any) -> dict[str, Any]:
    """Returns the columns of a row by their names, with the values that JSON has."""
    return {
        column.key: to_jsonable_python(getattr(row, column.key), fallback=lambda value: value.to_json())
        for column in inspect(type(row)).columns
    }
