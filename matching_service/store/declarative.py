"""What all tables of this service are made of."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the matching service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types
