"""The tables of this service."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, MetaData, Text, false, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import NAMES, Aggregate, Erasable, column_types, is_one_of
from shared.database.tables import add_shared_tables
from shared.values.enums import GeocodePrecision, TravelMode

EXACT = (GeocodePrecision.ADDRESS, GeocodePrecision.STREET)
"""What a geocoder may know better than the table of postal codes."""


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
    federal_states: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    source: Mapped[str | None]
    lookup_key: Mapped[str | None]
    """Of the address's row among `address_lookups`; None where no geocoder is asked, as for all patients."""

    __table_args__ = (
        Index("ix_located_addresses_lookup_key", "lookup_key", postgresql_where=text("lookup_key IS NOT NULL")),
        CheckConstraint("owner_kind IN ('patient', 'therapist')", name="owner_kind"),
        CheckConstraint("answered_sequence <= owner_sequence", name="answered_sequence"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
    )


class AskedRow:
    """Columns of what a server outside is asked for, and when: an address, or a route. It does not say whose it is."""

    key: Mapped[str] = mapped_column(primary_key=True, sort_order=-10)
    due_at: Mapped[datetime] = mapped_column(sort_order=80)
    """When the server is asked, at first or again. A job that asks at this moment puts it later: its lease."""
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"), sort_order=81)
    """How often it was asked since its last answer."""
    answered_at: Mapped[datetime | None] = mapped_column(sort_order=82)
    """When the server last answered, also that it does not know it."""
    source: Mapped[str | None] = mapped_column(sort_order=83)
    """Whose data the answer is, for the credits."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)


class AddressLookup(AskedRow, Tables):
    """A clean address that a geocoder is asked for, and what it answered last.

    Its key is the same for every spelling. It is kept while a practice has this address, or until `requested_until`
    for somebody who asked.
    """

    __tablename__ = "address_lookups"

    street: Mapped[str]
    house_number: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    requested_until: Mapped[datetime | None]
    """Until when it is kept although no practice has it; None where nobody asked for it."""
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    precision: Mapped[str | None]
    federal_state: Mapped[str | None]

    __table_args__ = (
        Index("ix_address_lookups_due_at", "due_at"),
        Index("ix_address_lookups_requested", "due_at", postgresql_where=text("requested_until IS NOT NULL")),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
        CheckConstraint(f"precision IS NULL OR {is_one_of('precision', EXACT)}", name="precision"),
    )


class CachedRoute(AskedRow, Tables):
    """A route that a router is asked for, and what it answered last."""

    __tablename__ = "routes"

    mode: Mapped[str]
    from_latitude: Mapped[float]
    from_longitude: Mapped[float]
    to_latitude: Mapped[float]
    to_longitude: Mapped[float]
    alone: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is asked for by itself, since a table with it was refused as a whole."""
    kept_until: Mapped[datetime]
    """When it is forgotten unless somebody asks for it again."""
    route_km: Mapped[float | None]
    travel_minutes: Mapped[float | None]

    __table_args__ = (
        Index("ix_routes_due_at", "mode", "due_at"),
        Index("ix_routes_kept_until", "kept_until"),
        CheckConstraint("(route_km IS NULL) = (travel_minutes IS NULL)", name="both_measures"),
        CheckConstraint("route_km >= 0 AND travel_minutes >= 0", name="measures"),
        CheckConstraint(is_one_of("mode", TravelMode), name="mode"),
    )


class OutsideServer(Tables):
    """What all processes together know of a server outside: no row before it was first asked."""

    __tablename__ = "outside_servers"

    name: Mapped[str] = mapped_column(primary_key=True)
    """`geocoder`, or `router_` with a mode of travel."""
    next_request_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """Before this no process sends it another request; by the database's clock, the only one that all share."""
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Requests in a row without an answer that could be read."""
    since: Mapped[datetime | None]
    """Since when it is in trouble."""
    cause: Mapped[str | None]
    """Why, in words of ours."""
    next_try_at: Mapped[datetime | None]
    """When it is asked again; None while it is not in trouble."""


add_shared_tables(Tables.metadata)
