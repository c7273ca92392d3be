"""What all tables of this service are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the matching service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


def text_list() -> Any:
    """A column with several texts, none of them to begin with."""
    return mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))
