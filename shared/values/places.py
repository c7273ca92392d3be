"""Places on the map: WGS 84 latitude and longitude in degrees."""

import math
import struct
from dataclasses import dataclass
from typing import Annotated, Any

from geoalchemy2 import Geography
from pydantic import Field
from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

SRID = 4326
MEAN_EARTH_RADIUS_KM = 6371.0088
"""R₁ = (2a + b) / 3 of the GRS 80 ellipsoid (Moritz, Geodetic Reference System 1980)."""

_WKB_POINT = 1
_EWKB_HAS_SRID = 0x20000000

Latitude = Annotated[float, Field(ge=-90, le=90, description="Degrees north, WGS 84", examples=[51.34])]
Longitude = Annotated[float, Field(ge=-180, le=180, description="Degrees east, WGS 84", examples=[12.37])]


@dataclass(frozen=True)
class Place:
    """A point; also a pydantic field type, in JSON `{"latitude": 51.34, "longitude": 12.37}`.

    Raises ValueError outside -90…90 and -180…180 and for what is not a finite number.
    """

    latitude: Latitude
    longitude: Longitude

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError("a place lies between -90 and 90 degrees north and -180 and 180 degrees east")


def distance_km(one: Place, other: Place) -> float:
    """Returns the great-circle distance in kilometres by the haversine formula, on a sphere of the mean earth radius.

    It is for code without the database. In SQL the distance is on a sphere too, and an index finds who is in the box
    around a circle (`matching_service/store/nearness.py`). Both are within 0.6 % of the distance on the ellipsoid.
    Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984).
    """
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    haversine = (
        math.sin((other_north - north) / 2) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    )
    return 2 * MEAN_EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(haversine)))


def to_ewkt(place: Place) -> str:
    """Returns the place as PostGIS reads it, longitude first: `SRID=4326;POINT(12.37 51.34)`."""
    return f"SRID={SRID};POINT({place.longitude!r} {place.latitude!r})"


def from_wkb(wkb: bytes) -> Place:
    """Returns the place of a point in PostGIS's binary form, with or without SRID. Raises ValueError otherwise."""
    order = "<" if wkb[:1] == b"\x01" else ">"
    (kind,) = struct.unpack_from(f"{order}I", wkb, 1)
    if kind & ~_EWKB_HAS_SRID != _WKB_POINT:
        raise ValueError("not a point")
    longitude, latitude = struct.unpack_from(f"{order}dd", wkb, 9 if kind & _EWKB_HAS_SRID else 5)
    return Place(latitude=latitude, longitude=longitude)


class PlaceColumn(TypeDecorator[Place]):
    """A PostGIS `geography(Point, 4326)` column holding a Place or NULL.

    No index comes with it: tables declare theirs (`Index(…, postgresql_using="gist")`). In functions a place is
    given its type by `literal(place, PlaceColumn())`; distances in SQL are metres.
    """

    impl = Geography
    cache_ok = True

    def __init__(self) -> None:
        super().__init__("POINT", srid=SRID, spatial_index=False)

    def __repr__(self) -> str:
        return "PlaceColumn()"  # what a generated migration contains: SQLAlchemy would list Geography's arguments

    @staticmethod
    def as_text(value: Place | None) -> str | None:
        """The place as PostgreSQL reads it."""
        return None if value is None else to_ewkt(value)

    def process_bind_param(self, value: Place | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's
        return self.as_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Place | None:  # noqa: ARG002 - signatures
        if value is None:
            return None
        return from_wkb(bytes.fromhex(value.data) if isinstance(value.data, str) else bytes(value.data))
