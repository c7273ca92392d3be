"""Routes that a router is asked for: wanted by somebody, claimed by a job, answered, kept and forgotten.

Nothing says whose route it is. Between two postal codes it is kept as long as a setting says; a place by its
coordinates may be where a patient lives, so such a route is asked for only where a setting allows it, and kept for a
day (docs/decisions/0043).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from geocoding_service.domain import asked, route_judging
from geocoding_service.domain.route_judging import Outcome
from geocoding_service.settings import RouterSettings
from geocoding_service.store import asked as asked_store
from geocoding_service.store import routes as store
from geocoding_service.store.routes import WantedRoute
from geocoding_service.store.tables import CachedRoute
from shared.database import Session
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place

PLACES_KEPT: Final = timedelta(days=1)
"""For how long a route is kept whose start or end was given by coordinates."""
PORTION: Final = 500
DIGITS: Final = 5
"""Of a coordinate in degrees: a metre."""


class RouteEnds(NamedTuple):
    """From where to where, and how one travels."""

    mode: TravelMode
    start: Place
    end: Place

    @property
    def key(self) -> str:
        """The same for all routes between the same two places, to a metre."""
        return f"{self.mode}|{_written(self.start)}|{_written(self.end)}"


def _written(place: Place) -> str:
    return f"{place.latitude:.{DIGITS}f},{place.longitude:.{DIGITS}f}"


class KnownRoute(NamedTuple):
    """What a router answered of a route."""

    route_km: float
    minutes: float
    source: str


class ClaimedRoutes(NamedTuple):
    """Routes from one place that this process asks for now."""

    mode: TravelMode
    start: Place
    ends: Sequence[Place]
    keys: Sequence[str]


def known(session: Session, routes: Collection[RouteEnds], *, now: datetime) -> Mapping[RouteEnds, KnownRoute]:
    """Those of these routes that a router answered."""
    found = store.answered(session, {each.key for each in routes}, now=now)
    return {each: _known(found[each.key]) for each in routes if each.key in found}


def _known(route: CachedRoute) -> KnownRoute:
    return KnownRoute(route.route_km or 0.0, route.travel_minutes or 0.0, route.source or "")


def are_waiting(session: Session, routes: Collection[RouteEnds], *, now: datetime) -> bool:
    """Whether a router is still to be asked for one of these routes."""
    return bool(asked_store.waiting_keys(session, CachedRoute, {each.key for each in routes}, now=now))


def request(session: Session, routes: Collection[RouteEnds], *, kept: timedelta, now: datetime) -> set[str]:
    """Let a router be asked for these routes, and keep them so long; returns the keys of those that wait for an answer.

    Routes from a place to itself need no router.
    """
    wanted = [_wanted(each) for each in routes if each.start != each.end]
    store.add(session, wanted, until=now + kept, now=now)
    return asked_store.waiting_keys(session, CachedRoute, {each.key for each in wanted}, now=now)


def _wanted(route: RouteEnds) -> WantedRoute:
    start, end = ((round(each.latitude, DIGITS), round(each.longitude, DIGITS)) for each in (route.start, route.end))
    return WantedRoute(route.key, route.mode, *start, *end)


def claim(
    session: Session,
    mode: TravelMode,
    *,
    at_most: int,
    lease: timedelta,
    now: datetime,
    keys: Collection[str] | None = None,
) -> ClaimedRoutes | None:
    """The routes that are asked for next, or some of these; None where none waits, or others ask for it."""
    due = store.lock_due(session, mode, at_most=at_most, now=now, keys=keys)
    if not due:
        return None
    found = _asked_together(due)
    asked_store.lease(session, found, lease=lease, now=now)
    return ClaimedRoutes(mode, _start(found[0]), [_end(each) for each in found], [each.key for each in found])


def _asked_together(due: Sequence[CachedRoute]) -> Sequence[CachedRoute]:
    """The routes from one place that are asked for as a table; the first alone where a table would not show a unit."""
    first, together = due[0], [each for each in due if not each.alone]
    is_table = not first.alone and route_judging.shows_its_unit(_start(first), [_end(each) for each in together])
    return together if is_table else [first]


def _start(route: CachedRoute) -> Place:
    return Place(route.from_latitude, route.from_longitude)


def _end(route: CachedRoute) -> Place:
    return Place(route.to_latitude, route.to_longitude)


def let_ask_alone(session: Session, claimed: ClaimedRoutes, *, now: datetime) -> None:
    """Let each of these routes be asked for by itself: the table was refused for one, and nothing says which."""
    for route in asked_store.for_change(session, CachedRoute, claimed.keys):
        route.alone, route.attempts, route.due_at = True, 0, now
    session.flush()


def record_answers(
    session: Session,
    claimed: ClaimedRoutes,
    routes: Sequence[FoundRoute | None],
    *,
    rules: RouterSettings,
    now: datetime,
) -> Mapping[Outcome, int]:
    """Keep what a router answered, as far as it is believed; returns the number of routes by what is thought of them.

    An answer that is not believed changes nothing of what was known; it is asked for again sooner than a good one.
    """
    outcomes = route_judging.judge(claimed.mode, claimed.start, claimed.ends, routes)
    answers = dict(zip(claimed.keys, zip(outcomes, routes, strict=True), strict=True))
    for route in asked_store.for_change(session, CachedRoute, claimed.keys):
        outcome, answer = answers[route.key]
        asked.record_answer(route, is_found=outcome == "found", rules=rules, now=now)
        if outcome == "found" and answer is not None:
            route.alone = False
            route.route_km, route.travel_minutes, route.source = answer.kilometres, answer.minutes, answer.source
    session.flush()
    return Counter(outcomes)


def record_failure(session: Session, claimed: ClaimedRoutes, *, now: datetime) -> None:
    """Let routes without an answer wait: longer each time, and beside all others."""
    asked.record_failure(session, CachedRoute, claimed.keys, now=now)


def forget(session: Session, *, now: datetime) -> int:
    """Delete routes that nobody asked for lately; returns their number."""
    return store.forget(session, now=now, at_most=PORTION)


def count_waiting(session: Session, *, now: datetime) -> int:
    """The number of routes that wait for a router."""
    return asked_store.count_due(session, CachedRoute, now=now)


def is_any_waiting(session: Session, mode: TravelMode, *, now: datetime) -> bool:
    """Whether a route of this mode waits for a router."""
    return store.is_any_due(session, mode, now=now)
