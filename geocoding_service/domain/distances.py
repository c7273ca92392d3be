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
from shared.values.enums import TravelMode
from shared.values.places import Place
from shared.values.places import distance_km as straight_km
from shared.values.postal_codes import SOURCE, area
from shared.values.travel import DETOUR_FACTORS, SPEEDS_KMH, detour_km, minutes


def estimate(wanted: DistanceQuery) -> DistanceView:
    """The distance from one point to the other; raises `NotFound` for an unknown postal code."""
    origin, destination = _place(wanted.origin), _place(wanted.destination)
    if origin is None or destination is None:
        raise NotFound("postal_code")
    straight = straight_km(origin, destination)
    return DistanceView(
        distance_km=_kilometres(straight, wanted.mode),
        travel_minutes=_minutes(straight, wanted.mode),
        straight_line_km=round(straight, 2),
        mode=wanted.mode,
        source=_source(wanted.mode, [wanted.origin, wanted.destination]),
    )


def estimate_matrix(wanted: DistanceMatrixRequest) -> DistanceMatrixView:
    """The distances from every origin to every destination; None where a postal code is not known."""
    mode = wanted.mode
    starts, ends = [_place(point) for point in wanted.origins], [_place(point) for point in wanted.destinations]
    straight = [[straight_km(a, b) if a and b else None for b in ends] for a in starts]
    return DistanceMatrixView(
        mode=mode,
        source=_source(mode, [*wanted.origins, *wanted.destinations]),
        distances_km=[[None if km is None else _kilometres(km, mode) for km in row] for row in straight],
        travel_minutes=[[None if km is None else _minutes(km, mode) for km in row] for row in straight],
    )


def _place(point: Point) -> Place | None:
    if point.postal_code is not None:
        return area(point.postal_code)
    assert point.latitude is not None and point.longitude is not None  # noqa: PT018 - a Point has one or the other
    return Place(point.latitude, point.longitude)


def _kilometres(straight: float, mode: TravelMode) -> float:
    return round(detour_km(straight, mode), 2)


def _minutes(straight: float, mode: TravelMode) -> int:
    return math.ceil(minutes(straight, mode))


def _source(mode: TravelMode, points: Sequence[Point]) -> str:
    estimate = f"estimate: straight line x {DETOUR_FACTORS[mode]}, {SPEEDS_KMH[mode]} km/h"
    by_code = any(point.postal_code is not None for point in points)
    return f"{estimate}; {SOURCE}" if by_code else estimate
