"""Which answer of a router is believed: one that leads from where to where was asked, in its unit, at a possible speed.

A router may answer in another unit, by another network, or for a place that it moved to the nearest road, across the
sea. What is not believed is as if there were no way: it is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

from shared.values.enums import TravelMode
from shared.values.places import Place, distance_km
from shared.values.router_ways import RouterWay

FARTHEST_ROAD_KM: Final = 2.0
"""Nobody lives farther from a road."""
SHORTER_BY_ROUNDING: Final = 0.99
"""What a way may be shorter by than the straight line: our sphere differs from the ellipsoid by 0.6 %."""
SHORTEST_JUDGED_KM: Final = 0.2
"""Seconds of shorter ways are rounding."""
LEAST_DRAWN: Final = 0.95
MOST_DRAWN: Final = 1.5
"""A way is as long as its line on the map, whose bends are simplified. In feet it would be 3.3 times as long."""
ENOUGH_TO_COMPARE: Final = 3
MOST_USUAL_DETOUR: Final = 2.5
"""A single way may be far longer (a river, a mountain), half of many ways may not: that is another unit."""
SPEEDS_KMH: Final[Mapping[TravelMode, tuple[float, float]]] = MappingProxyType(
    {
        TravelMode.CAR: (3.0, 160.0),
        TravelMode.TRANSIT: (1.0, 250.0),
        TravelMode.BICYCLE: (3.0, 40.0),
        TravelMode.FOOT: (1.5, 9.0),
    }
)
"""The slowest and the fastest that a whole way can be: ferries, motorways."""
Outcome = Literal["found", "not_found", "implausible"]


def judge(mode: TravelMode, start: Place, ends: Sequence[Place], ways: Sequence[RouterWay | None]) -> list[Outcome]:
    """Returns what is thought of each of these ways from one place to others."""
    if _is_another_unit([way for way in ways if way]):
        return ["implausible" if way else "not_found" for way in ways]
    return [_judge(mode, start, end, way) for end, way in zip(ends, ways, strict=True)]


def _judge(mode: TravelMode, start: Place, end: Place, way: RouterWay | None) -> Outcome:
    if way is None:
        return "not_found"
    is_there = _is_near(start, way.start) and _is_near(end, way.end)
    return "found" if is_there and _is_long_enough(way) and _is_possible(mode, way) else "implausible"


def _is_near(place: Place, road: Place) -> bool:
    return distance_km(place, road) <= FARTHEST_ROAD_KM


def _is_long_enough(way: RouterWay) -> bool:
    """Not shorter than the straight line, and as long as it is drawn."""
    straight = distance_km(way.start, way.end)
    if way.kilometres < straight * SHORTER_BY_ROUNDING:
        return False
    if way.drawn_km is None or way.kilometres < SHORTEST_JUDGED_KM:
        return True
    return way.drawn_km * LEAST_DRAWN <= way.kilometres <= way.drawn_km * MOST_DRAWN


def _is_possible(mode: TravelMode, way: RouterWay) -> bool:
    if way.kilometres < SHORTEST_JUDGED_KM:
        return way.minutes <= 60
    slowest, fastest = SPEEDS_KMH[mode]
    return slowest <= way.kilometres / max(way.minutes / 60, 1e-9) <= fastest


def _is_another_unit(ways: Sequence[RouterWay]) -> bool:
    """Whether half of several ways are longer than ways are: one of them cannot say it, and has a line instead."""
    detours = [
        way.kilometres / straight
        for way in ways
        if way.drawn_km is None and (straight := distance_km(way.start, way.end)) >= 1
    ]
    return len(detours) >= ENOUGH_TO_COMPARE and median(detours) > MOST_USUAL_DETOUR
