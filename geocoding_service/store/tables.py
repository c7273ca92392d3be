"""The tables of this service."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMES, Aggregate, Erasable, column_types
from shared.database.tables import add_shared_tables


class Tables(DeclarativeBase):
    """All tables of the geocoding service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


class LocatedAddress(Aggregate, Erasable, Tables):
    """The current address of a patient or therapist and where it lies; the id is the owner's."""

    __tablename__ = "located_addresses"

    owner_kind: Mapped[str]
    owner_sequence: Mapped[int] = mapped_column(BigInteger)
    """The owner's newest event that was looked at."""
    owner_event_time: Mapped[datetime | None]
    """When that happened."""
    answered_sequence: Mapped[int] = mapped_column(BigInteger)
    """The owner's event that our newest `address.geocoded` answers."""
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    precision: Mapped[str | None]
    federal_state: Mapped[str | None]
    source: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("owner_kind IN ('patient', 'therapist')", name="owner_kind"),
        CheckConstraint("answered_sequence <= owner_sequence", name="answered_sequence"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
    )


add_shared_tables(Tables.metadata)
