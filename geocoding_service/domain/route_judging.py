"""Which answer of a router is believed: one that leads from where to where was asked, in its unit, at a usual speed.

A router may answer in another unit, by another network (that of walks for cars), or for a place that it moved to the
nearest road, across the sea. What is not believed is as if there were no route: it is estimated. Where no source is
named beside a limit, it was chosen, generously, and not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place, distance_km

FARTHEST_ROAD_KM: Final = 2.0
"""A road farther from a place is another place."""
SHORTER_BY_ROUNDING: Final = 0.99
"""What a route may be shorter by than the straight line: our sphere differs from the ellipsoid by 0.6 %."""
SHORTEST_JUDGED_KM: Final = 0.2
"""Seconds of shorter routes are rounding."""
SHORTEST_COMPARED_KM: Final = 1.0
"""Detours of shorter straight lines say nothing of a unit: one block is twice as long as the other."""
LEAST_DRAWN: Final = 0.95
MOST_DRAWN: Final = 1.5
"""A route is as long as its line on the map, whose bends are simplified. In feet it would be 3.3 times as long."""
ENOUGH_TO_COMPARE: Final = 3
"""Fewer routes without lines do not show their unit: each of them is asked for with its line instead."""
MOST_USUAL_DETOUR: Final = 2.5
"""A single route may be far longer (a river, a mountain), half of many ways may not: that is another unit."""
MOST_USUAL_FACTOR: Final = 2.0
"""How many times slower or faster half of several routes may be than the table of estimates says of routes so long."""
MOST_FACTOR_OF_ONE: Final = 4.0
"""The same of a single route, which may have a ferry or a mountain. A walk for a route by car is slower."""
LITTLE_TO_WALK_KM: Final = 10.0
"""The table's short routes are slow by walks to the car or the stop, which routers leave out; longer ones are not."""
SPEEDS_KMH: Final[Mapping[TravelMode, tuple[float, float]]] = MappingProxyType(
    {
        TravelMode.CAR: (3.0, 160.0),
        TravelMode.TRANSIT: (1.0, 250.0),
        TravelMode.BICYCLE: (3.0, 40.0),
        TravelMode.FOOT: (1.5, 9.0),
    }
)
"""The slowest and the fastest that a whole route can be, whatever the table says: ferries, motorways."""
Outcome = Literal["found", "not_found", "implausible"]


def judge(mode: TravelMode, start: Place, ends: Sequence[Place], routes: Sequence[FoundRoute | None]) -> list[Outcome]:
    """Returns what is thought of each of these routes from one place to others."""
    found = [route for route in routes if route]
    detours = _detours_without_lines(found)
    is_shown = len(detours) >= ENOUGH_TO_COMPARE
    if (is_shown and median(detours) > MOST_USUAL_DETOUR) or _is_another_network(mode, found):
        return ["implausible" if route else "not_found" for route in routes]
    return [_judge(mode, start, end, route, is_shown=is_shown) for end, route in zip(ends, routes, strict=True)]


def shows_its_unit(start: Place, ends: Sequence[Place]) -> bool:
    """Whether routes from one place to these show their unit without lines, by comparison with each other."""
    return sum(distance_km(start, end) >= SHORTEST_COMPARED_KM for end in ends) >= ENOUGH_TO_COMPARE


def is_usual(mode: TravelMode, kilometres: float, minutes: float, *, factor: float) -> bool:
    """Whether a route is as fast as the table of estimates says of routes so long, give or take this factor."""
    speed = _speed_kmh(kilometres, minutes)
    slow, fast = (travel.speed_kmh(km, mode) for km in (kilometres, max(kilometres, LITTLE_TO_WALK_KM)))
    return slow / factor <= speed <= fast * factor


def _speed_kmh(kilometres: float, minutes: float) -> float:
    return kilometres / max(minutes / travel.MINUTES_AN_HOUR, 1e-9)


def _judge(mode: TravelMode, start: Place, end: Place, route: FoundRoute | None, *, is_shown: bool) -> Outcome:
    if route is None:
        return "not_found"
    is_there = _is_near(start, route.start) and _is_near(end, route.end)
    is_its_length = _is_long_enough(route) and (is_shown or _shows_its_unit(route))
    return "found" if is_there and is_its_length and _is_possible(mode, route) else "implausible"


def _is_near(place: Place, road: Place) -> bool:
    return distance_km(place, road) <= FARTHEST_ROAD_KM


def _is_long_enough(route: FoundRoute) -> bool:
    """Not shorter than the straight line, and as long as it is drawn."""
    straight = distance_km(route.start, route.end)
    if route.kilometres < straight * SHORTER_BY_ROUNDING:
        return False
    if route.drawn_km is None or route.kilometres < SHORTEST_JUDGED_KM:
        return True
    return route.drawn_km * LEAST_DRAWN <= route.kilometres <= route.drawn_km * MOST_DRAWN


def _is_possible(mode: TravelMode, route: FoundRoute) -> bool:
    if route.kilometres < SHORTEST_JUDGED_KM:
        return route.minutes <= 60
    slowest, fastest = SPEEDS_KMH[mode]
    is_possible = slowest <= _speed_kmh(route.kilometres, route.minutes) <= fastest
    return is_possible and is_usual(mode, route.kilometres, route.minutes, factor=MOST_FACTOR_OF_ONE)


def _shows_its_unit(route: FoundRoute) -> bool:
    """Whether a route that is compared with no others has a line, or needs none: it is hardly longer than straight."""
    if route.drawn_km is not None or route.kilometres < SHORTEST_JUDGED_KM:
        return True
    return route.kilometres <= distance_km(route.start, route.end) * MOST_USUAL_DETOUR


def _detours_without_lines(routes: Sequence[FoundRoute]) -> list[float]:
    return [
        route.kilometres / straight
        for route in routes
        if route.drawn_km is None and (straight := distance_km(route.start, route.end)) >= SHORTEST_COMPARED_KM
    ]


def _is_another_network(mode: TravelMode, routes: Sequence[FoundRoute]) -> bool:
    """Whether more than half of several routes are slower or faster than is usual for the mode."""
    usual = [
        is_usual(mode, route.kilometres, route.minutes, factor=MOST_USUAL_FACTOR)
        for route in routes
        if route.kilometres >= SHORTEST_JUDGED_KM
    ]
    return len(usual) >= ENOUGH_TO_COMPARE and sum(usual) * 2 < len(usual)
