"""How far it is from one point to another: as a router knows it, else estimated from the straight line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from geocoding_service.domain import routes
from geocoding_service.domain.offline_geocoding import is_in_germany, outside_germany
from geocoding_service.domain.routes import PLACES_KEPT, KnownRoute, RouteEnds
from geocoding_service.domain.schemas import (
    DistanceMatrixRequest,
    DistanceMatrixView,
    DistanceQuery,
    DistanceView,
    Point,
)
from geocoding_service.settings import RouterSettings
from shared.database import Session
from shared.errors import FieldProblem, NotFound
from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.geocoding_enums import NotRouted
from shared.values.places import Place
from shared.values.places import distance_km as straight_km
from shared.values.postal_codes import SOURCE, area

ESTIMATED = "estimate from the straight line, by mode and length"


class WantedRoutes(NamedTuple):
    """Routes that a router may be asked for, and for how long they are kept."""

    routes: Sequence[RouteEnds]
    kept: timedelta


def routes_to_ask_for(wanted: DistanceQuery | DistanceMatrixRequest, rules: RouterSettings) -> WantedRoutes | None:
    """Returns the routes that a router may be asked for; None where it may not, or need not."""
    if why_not_routed(wanted, rules, has_router=True):
        return None
    origins, destinations = _points(wanted)
    all_routes = [route for row in _routes(origins, destinations, wanted.mode) for route in row if route is not None]
    return WantedRoutes(all_routes, rules.kept if _are_by_code(wanted) else PLACES_KEPT)


def why_not_routed(
    wanted: DistanceQuery | DistanceMatrixRequest, rules: RouterSettings, *, has_router: bool
) -> NotRouted | None:
    """Returns why no router is asked; None where one may be.

    A place by its coordinates may be where a patient lives.
    """
    if isinstance(wanted, DistanceMatrixRequest) and not wanted.routed:
        return NotRouted.NOT_WANTED
    if not has_router:
        return NotRouted.NO_ROUTER
    return None if rules.for_coordinates or _are_by_code(wanted) else NotRouted.COORDINATES


def _are_by_code(wanted: DistanceQuery | DistanceMatrixRequest) -> bool:
    return all(point.postal_code is not None for points in _points(wanted) for point in points)


def _points(wanted: DistanceQuery | DistanceMatrixRequest) -> tuple[Sequence[Point], Sequence[Point]]:
    if isinstance(wanted, DistanceMatrixRequest):
        return wanted.origins, wanted.destinations
    return [wanted.origin], [wanted.destination]


def _routes(origins: Sequence[Point], destinations: Sequence[Point], mode: TravelMode) -> list[list[RouteEnds | None]]:
    ends = [_place(point) for point in destinations]
    return [
        [RouteEnds(mode, start, end) if start and end else None for end in ends]
        for start in (_place(point) for point in origins)
    ]


def show(session: Session, wanted: DistanceQuery, *, not_routed: NotRouted | None, now: datetime) -> DistanceView:
    """The distance from one point to the other.

    Raises `NotFound`, with the fields, for an unknown postal code and for a place outside Germany.
    """
    start, end = _known_place(wanted.origin, "from"), _known_place(wanted.destination, "to")
    route, has_router = RouteEnds(wanted.mode, start, end), not_routed is not NotRouted.NO_ROUTER
    known = routes.known(session, [route], now=now).get(route) if has_router else None
    straight = straight_km(route.start, route.end)
    return DistanceView(
        distance_km=round(straight, 2),
        route_km=_route_km(straight, wanted.mode, known),
        travel_minutes=_minutes(straight, wanted.mode, known),
        mode=wanted.mode,
        estimated=known is None,
        not_routed=not_routed,
        pending=has_router and routes.are_waiting(session, [route], now=now),
        source=_source([wanted.origin, wanted.destination], known.source if known else ESTIMATED),
    )


def show_matrix(
    session: Session, wanted: DistanceMatrixRequest, *, not_routed: NotRouted | None, now: datetime
) -> DistanceMatrixView:
    """The distances from every origin to every destination; None where a postal code is not known, or outside."""
    if not_routed in (None, NotRouted.COORDINATES):  # of these routes some may be known from between postal codes
        return _routed_matrix(session, wanted, not_routed, now=now)
    return estimate_matrix(wanted, not_routed)


def estimate_matrix(wanted: DistanceMatrixRequest, not_routed: NotRouted | None) -> DistanceMatrixView:
    """The estimated distances: thousands of them in some milliseconds."""
    ends = [_place(point) for point in wanted.destinations]
    straight = [_straight_lines(_place(point), ends) for point in wanted.origins]
    estimates = travel.estimates(wanted.mode)
    route_km, minutes = estimates.route_km.at, estimates.minutes.at
    return DistanceMatrixView.unchecked(  # to check thousands of numbers of our own takes longer than to compute them
        {
            "mode": wanted.mode,
            "source": _source([*wanted.origins, *wanted.destinations], ESTIMATED),
            "distances_km": [[None if km is None else round(km, 2) for km in row] for row in straight],
            "routes_km": [[None if km is None else round(route_km(km), 2) for km in row] for row in straight],
            "travel_minutes": [[None if km is None else math.ceil(minutes(km)) for km in row] for row in straight],
            "estimated": [[None if km is None else True for km in row] for row in straight],
            "not_routed": not_routed,
            "pending": False,
        }
    )


def _straight_lines(start: Place | None, ends: Sequence[Place | None]) -> list[float | None]:
    return [straight_km(start, end) if start and end else None for end in ends]


def _routed_matrix(
    session: Session, wanted: DistanceMatrixRequest, not_routed: NotRouted | None, *, now: datetime
) -> DistanceMatrixView:
    rows = _routes(wanted.origins, wanted.destinations, wanted.mode)
    all_routes = {route for row in rows for route in row if route is not None}
    known = routes.known(session, all_routes, now=now)
    sources = sorted({route.source for route in known.values()}) + ([ESTIMATED] if len(known) < len(all_routes) else [])
    return DistanceMatrixView(
        mode=wanted.mode,
        source=_source([*wanted.origins, *wanted.destinations], "; ".join(sources)),
        distances_km=[[route and round(straight_km(route.start, route.end), 2) for route in row] for row in rows],
        routes_km=[[_kilometres_of(route, known) for route in row] for row in rows],
        travel_minutes=[[_minutes_of(route, known) for route in row] for row in rows],
        estimated=[[None if route is None else route not in known for route in row] for row in rows],
        not_routed=not_routed,
        pending=routes.are_waiting(session, all_routes, now=now),
    )


def _kilometres_of(route: RouteEnds | None, known: Mapping[RouteEnds, KnownRoute]) -> float | None:
    return route and _route_km(straight_km(route.start, route.end), route.mode, known.get(route))


def _minutes_of(route: RouteEnds | None, known: Mapping[RouteEnds, KnownRoute]) -> int | None:
    return route and _minutes(straight_km(route.start, route.end), route.mode, known.get(route))


def _place(point: Point) -> Place | None:
    """Where the point is; None for an unknown postal code and outside Germany."""
    if point.postal_code is not None:
        return area(point.postal_code)
    place = _by_coordinates(point)
    return place if is_in_germany(place) else None


def _by_coordinates(point: Point) -> Place:
    assert point.latitude is not None and point.longitude is not None  # noqa: PT018 - a Point has one or the other
    return Place(point.latitude, point.longitude)


def _known_place(point: Point, end: str) -> Place:
    """Where the point is; raises `NotFound` with the fields of this end where it is not known."""
    if (place := _place(point)) is not None:
        return place
    if point.postal_code is not None:
        problem = FieldProblem.of(f"{end}_postal_code", "field.unknown_postal_code")
        raise NotFound("postal_code", errors=[problem])
    raise outside_germany(_by_coordinates(point), f"{end}_latitude", f"{end}_longitude")


def _route_km(straight: float, mode: TravelMode, known: KnownRoute | None) -> float:
    """A router's route begins at the nearest road, so it may be shorter than the straight line by some metres."""
    return round(travel.route_km(straight, mode) if known is None else max(known.route_km, straight), 2)


def _minutes(straight: float, mode: TravelMode, known: KnownRoute | None) -> int:
    return math.ceil(travel.minutes(straight, mode) if known is None else known.minutes)


def _source(points: Sequence[Point], route: str) -> str:
    by_code = any(point.postal_code is not None for point in points)
    return f"{route}; {SOURCE}" if by_code else route
