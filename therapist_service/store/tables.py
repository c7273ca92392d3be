"""The tables of this service. Field names are those of the API contract."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Index, MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.api.tables import add_api_tables
from shared.db import NAMES, Aggregate, column_types
from shared.events.tables import add_event_tables
from shared.values.weekly import Weekly, WeeklyColumn


class Tables(DeclarativeBase):
    """All tables of the therapist service."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = column_types


def _words() -> Any:
    return mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))


class Therapist(Aggregate, Tables):
    """One therapist at one practice address."""

    __tablename__ = "therapists"

    salutation: Mapped[str | None]
    title: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str]
    gender: Mapped[str] = mapped_column(default="unknown", server_default="unknown")
    street: Mapped[str | None]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    phone: Mapped[str | None]
    mobile: Mapped[str | None]
    fax: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    accreditation: Mapped[str] = mapped_column(default="unknown", server_default="unknown")
    seat_share: Mapped[float | None]
    procedures: Mapped[list[str]] = _words()
    age_groups: Mapped[list[str]] = _words()
    settings: Mapped[list[str]] = _words()
    languages: Mapped[list[str]] = _words()
    qualifications: Mapped[list[str]] = _words()
    offers: Mapped[list[str]] = _words()
    phone_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    working_hours: Mapped[Weekly | None] = mapped_column(WeeklyColumn)
    holidays: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    free_individual_from: Mapped[date | None]
    free_group_from: Mapped[date | None]
    potentially_available: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    potentially_available_note: Mapped[str | None]
    contact_preference: Mapped[str] = mapped_column(default="any", server_default="any")
    email_opt_out: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    status: Mapped[str] = mapped_column(default="active", server_default="active")
    block_reason: Mapped[str | None]
    block_since: Mapped[date | None]
    block_until: Mapped[date | None]
    inactive_by: Mapped[str | None]
    """import or staff: only an inactivity that an import set is lifted when the therapist reappears."""
    protected_fields: Mapped[list[str]] = _words()
    """Set by staff, therefore never overwritten by an import."""
    source_name: Mapped[str | None]
    external_id: Mapped[str | None]
    last_seen_on: Mapped[date | None]
    set_aside: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default=text("'{}'"))
    """Fields of an import record that nobody here knows."""

    __table_args__ = (
        Index("uq_therapists_source", "source_name", "external_id", unique=True),
        Index("ix_therapists_postal_code", "postal_code"),
        Index("ix_therapists_name", "last_name", "first_name", "id"),
        CheckConstraint("status IN ('active', 'blocked', 'inactive')", name="status"),
        CheckConstraint("(status = 'blocked') = (block_reason IS NOT NULL)", name="block_has_a_reason"),
        CheckConstraint("inactive_by IN ('import', 'staff')", name="inactive_by"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="place"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
    )


add_event_tables(Tables.metadata)
add_api_tables(Tables.metadata)
