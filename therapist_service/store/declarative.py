"""What the tables of this service have in common."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from shared.database import NAMES, column_types


class Tables(DeclarativeBase):
    """All tables of the therapist service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types
