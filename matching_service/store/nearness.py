"""Which therapists are near a place, and how far away they are, by columns and an index that need no geometry.

A practice lies in a band of latitude, a twentieth of a degree high, and at a longitude: by both an index finds those in
the box around a circle, and has all that the judge reads. How far they are follows from a point on a sphere of radius
one. PostGIS takes six times as long for the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.values.places import MEAN_EARTH_RADIUS_KM, Place

BANDS_A_DEGREE: Final = 20
_RADIUS_METRES: Final = MEAN_EARTH_RADIUS_KM * 1000

THERAPIST_PLACE: Final = "COALESCE(given_place, CASE WHEN geocoded_address = address THEN geocoded_place END)"
"""Where a therapist is, as SQL."""
_LATITUDE: Final = f"ST_Y(CAST({THERAPIST_PLACE} AS geometry))"
_LONGITUDE: Final = f"ST_X(CAST({THERAPIST_PLACE} AS geometry))"
POSITION: Final[Mapping[str, str]] = {
    "latitude_band": f"CAST(floor({_LATITUDE} * {BANDS_A_DEGREE}) AS integer)",
    "longitude": _LONGITUDE,
    "sphere_x": f"cosd({_LATITUDE}) * cosd({_LONGITUDE})",
    "sphere_y": f"cosd({_LATITUDE}) * sind({_LONGITUDE})",
    "sphere_z": f"sind({_LATITUDE})",
}
"""The columns that say where a therapist is, as SQL; NULL where nobody knows."""

METRES: Final = f"""{_RADIUS_METRES!r} * acos(least(1, sphere_x * CAST(:sphere_x AS float8)
               + sphere_y * CAST(:sphere_y AS float8) + sphere_z * CAST(:sphere_z AS float8)))"""
"""How far a therapist whose place is known is from the place of the search, as SQL.

Exact to a hand's breadth; the farther, the more so.
"""
IN_BOX: Final = """latitude_band = ANY (CAST(:latitude_bands AS integer[]))
              AND longitude BETWEEN CAST(:west AS float8) AND CAST(:east AS float8)"""
"""The condition that a therapist is in the box around a circle."""


class Sphere(NamedTuple):
    """A place as a point on a sphere of radius one."""

    x: float
    y: float
    z: float


class Box(NamedTuple):
    """The bands of latitude that a circle touches, and the longitudes between which it lies."""

    latitude_bands: tuple[int, ...]
    west: float
    east: float


def on_sphere(place: Place) -> Sphere:
    """The place on the sphere, as the columns have it."""
    north, east = math.radians(place.latitude), math.radians(place.longitude)
    return Sphere(math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))


def box(place: Place, metres: float) -> Box:
    """The box around a circle; with all longitudes where a pole or the date line is in it."""
    angle = (metres + 1) / _RADIUS_METRES  # a metre more than rounding can take
    height = math.degrees(angle)
    south, north = place.latitude - height, place.latitude + height
    bands = tuple(range(math.floor(south * BANDS_A_DEGREE), math.floor(north * BANDS_A_DEGREE) + 1))
    if south > -90 and north < 90:  # else a pole is in it
        width = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(place.latitude))))
        west, east = place.longitude - width, place.longitude + width
        if west >= -180 and east <= 180:
            return Box(bands, west, east)
    return Box(bands, -180, 180)
