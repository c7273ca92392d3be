"""What all tables of this service are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the communication service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


def many_ids() -> Any:
    """A column of ids, none at first."""
    return mapped_column(ARRAY(Uuid), default=list, server_default=text("'{}'"))
