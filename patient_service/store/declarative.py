"""What all tables of this service are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Dialect, MetaData
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the patient service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class Numbers(ARRAY[int]):
    """Many numbers, which are sent as one text: psycopg2 would take longer to write each than the digests took."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(BigInteger)

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002
        """How a list is sent."""
        return lambda numbers: None if numbers is None else "{" + ",".join(map(str, numbers)) + "}"
