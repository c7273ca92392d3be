"""Areas on the map, as boxes of degrees: a circle covers each, and a box that holds too many people is quartered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from therapist_scraper.errors import ScraperError

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = math.pi * EARTH_RADIUS_KM / 180
SMALLEST_RADIUS_KM = 0.1
"""A box of this size is one house in a town; quartering it would separate nobody any more."""


@dataclass(frozen=True)
class Circle:
    """What a search asks for."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, order=True)
class Box:
    """Part of the map; a place on its northern or eastern edge is outside."""

    south: float
    west: float
    north: float
    east: float

    @property
    def name(self) -> str:
        """The corners, as messages name them."""
        return f"{self.south:.4f},{self.west:.4f} to {self.north:.4f},{self.east:.4f}"

    def circle(self) -> Circle:
        """Returns the circle around the box, a little larger than needed."""
        latitude, longitude = (self.south + self.north) / 2, (self.west + self.east) / 2
        corners = [(self.south, self.west), (self.north, self.west)]  # those in the east are as far away
        reach = max(distance_km(latitude, longitude, *corner) for corner in corners)
        return Circle(round(latitude, 6), round(longitude, 6), math.ceil(reach * 100 + 1) / 100)

    def quarters(self) -> tuple[Box, Box, Box, Box]:
        """Returns the four boxes that cover this one."""
        middle, half = (self.south + self.north) / 2, (self.west + self.east) / 2
        return (
            Box(self.south, self.west, middle, half),
            Box(self.south, half, middle, self.east),
            Box(middle, self.west, self.north, half),
            Box(middle, half, self.north, self.east),
        )

    def contains(self, latitude: float, longitude: float) -> bool:
        """Whether a place lies in it."""
        return self.south <= latitude < self.north and self.west <= longitude < self.east

    def pieces(self, largest_radius_km: float) -> Iterator[Box]:
        """Yields the boxes, quartered until the circle of each is small enough."""
        if self.circle().radius_km <= largest_radius_km:
            yield self
        else:
            for quarter in self.quarters():
                yield from quarter.pieces(largest_radius_km)


@dataclass(frozen=True)
class Area:
    """A box with the name that the operator gave it."""

    name: str
    box: Box


GERMANY = "germany"
NAMED = {
    GERMANY: Box(47.2, 5.8, 55.1, 15.1),
    "baden-wuerttemberg": Box(47.5, 7.5, 49.8, 10.5),
    "bayern": Box(47.2, 8.9, 50.6, 13.9),
    "berlin": Box(52.3, 13.0, 52.7, 13.8),
    "brandenburg": Box(51.3, 11.2, 53.6, 14.8),
    "bremen": Box(53.0, 8.4, 53.7, 9.0),
    "hamburg": Box(53.3, 8.4, 54.0, 10.4),
    "hessen": Box(49.3, 7.7, 51.7, 10.3),
    "mecklenburg-vorpommern": Box(53.1, 10.5, 54.7, 14.5),
    "niedersachsen": Box(51.2, 6.3, 54.2, 11.7),
    "nordrhein-westfalen": Box(50.3, 5.8, 52.6, 9.5),
    "rheinland-pfalz": Box(48.9, 6.1, 51.0, 8.6),
    "saarland": Box(49.1, 6.3, 49.7, 7.5),
    "sachsen": Box(50.1, 11.8, 51.7, 15.1),
    "sachsen-anhalt": Box(50.9, 10.5, 53.1, 13.3),
    "schleswig-holstein": Box(53.3, 7.8, 55.1, 11.4),
    "thueringen": Box(50.2, 9.8, 51.7, 12.7),
}
"""Boxes around Germany and its states: each also holds some of the neighbours."""


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Returns the distance between two places as the crow flies, in kilometres."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    half_north, half_east = (other_north - north) / 2, math.radians(other_longitude - longitude) / 2
    share = math.sin(half_north) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_east) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(share)))


def read_area(text: str) -> Area:
    """Returns the area that the operator names: one of `NAMED`, or `LATITUDE,LONGITUDE,KILOMETRES`.

    The latter is the square around that circle.

    Raises:
        ScraperError: it is neither, or lies outside the box around Germany.
    """
    name = text.strip().lower()
    if name in NAMED:
        return Area(name, NAMED[name])
    try:
        latitude, longitude, kilometres = (float(part) for part in name.split(","))
    except ValueError:
        raise ScraperError(
            f"no area is called {text!r}: LATITUDE,LONGITUDE,KILOMETRES, or one of {', '.join(NAMED)}"
        ) from None
    if not (NAMED[GERMANY].contains(latitude, longitude) and SMALLEST_RADIUS_KM <= kilometres <= 1000):
        raise ScraperError(f"the area {text!r} is not a place in Germany with 0.1 to 1000 kilometres around it")
    return Area(name, _around(latitude, longitude, kilometres))


def _around(latitude: float, longitude: float, kilometres: float) -> Box:
    high = kilometres / KM_PER_DEGREE
    wide = high / math.cos(math.radians(latitude))
    return Box(latitude - high, longitude - wide, latitude + high, longitude + wide)
