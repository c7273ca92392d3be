"""What all tables of this service are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Dialect, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the patient service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class Numbers(TypeDecorator[list[int]]):
    """Many numbers, which are sent as one text: psycopg2 would take longer to write each than the digests took, and
    PostgreSQL to read each.
    """

    impl = ARRAY(BigInteger)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002  # instead of that of the array
        """How a list is sent."""
        return _as_text


def _as_text(numbers: list[int] | None) -> str | None:
    return None if numbers is None else "{" + ",".join(map(str, numbers)) + "}"
