"""How far it is from one point to another, estimated from the straight line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geocoding_service.domain.schemas import (
    DistanceMatrixRequest,
    DistanceMatrixView,
    DistanceQuery,
    DistanceView,
    Point,
)
from shared.errors import NotFound
from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.places import Place
from shared.values.places import distance_km as straight_km
from shared.values.postal_codes import SOURCE, area

ESTIMATED = "estimate from the straight line, by mode and length"


def estimate(wanted: DistanceQuery) -> DistanceView:
    """The distance from one point to the other; raises `NotFound` for an unknown postal code."""
    origin, destination = _place(wanted.origin), _place(wanted.destination)
    if origin is None or destination is None:
        raise NotFound("postal_code")
    straight = straight_km(origin, destination)
    return DistanceView(
        distance_km=round(straight, 2),
        route_km=_route_km(straight, wanted.mode),
        travel_minutes=_minutes(straight, wanted.mode),
        mode=wanted.mode,
        estimated=True,
        source=_source([wanted.origin, wanted.destination]),
    )


def estimate_matrix(wanted: DistanceMatrixRequest) -> DistanceMatrixView:
    """The distances from every origin to every destination; None where a postal code is not known."""
    ends = [_place(point) for point in wanted.destinations]
    straight = [_straight_lines(_place(point), ends) for point in wanted.origins]
    known = travel.estimates(wanted.mode)
    route_km, minutes = known.route_km.at, known.minutes.at
    return DistanceMatrixView(
        mode=wanted.mode,
        source=_source([*wanted.origins, *wanted.destinations]),
        distances_km=[[None if km is None else round(km, 2) for km in row] for row in straight],
        routes_km=[[None if km is None else round(route_km(km), 2) for km in row] for row in straight],
        travel_minutes=[[None if km is None else math.ceil(minutes(km)) for km in row] for row in straight],
    )


def _straight_lines(start: Place | None, ends: Sequence[Place | None]) -> list[float | None]:
    return [straight_km(start, end) if start and end else None for end in ends]


def _place(point: Point) -> Place | None:
    if point.postal_code is not None:
        return area(point.postal_code)
    assert point.latitude is not None and point.longitude is not None  # noqa: PT018 - a Point has one or the other
    return Place(point.latitude, point.longitude)


def _route_km(straight: float, mode: TravelMode) -> float:
    return round(travel.route_km(straight, mode), 2)


def _minutes(straight: float, mode: TravelMode) -> int:
    return math.ceil(travel.minutes(straight, mode))


def _source(points: Sequence[Point]) -> str:
    by_code = any(point.postal_code is not None for point in points)
    return f"{ESTIMATED}; {SOURCE}" if by_code else ESTIMATED
