"""What is written of rows without SQLAlchemy, which would take longer than PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

Row = Mapping[str, Any]
"""Columns and their values, as Python has them."""


@runtime_checkable
class WrittenAsText(Protocol):
    """A column type whose values PostgreSQL reads as text; all others are written as their Python types say."""

    def as_text(self, value: Any) -> str | None:
        """The value as PostgreSQL reads it; None for NULL."""
        ...
