"""Work with servers outside: all processes together ask each of them in turns, and trust none.

No transaction is open while one is asked. While the geocoder does not answer, addresses lie where their postal codes
do; while a router does not answer, routes are estimated. The jobs ask for them as soon as it answers again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from geocoding_service.clients.nominatim import Nominatim
from geocoding_service.clients.routers import PlaceOffNetwork, Router
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import distances, geocoder_requests, outside_servers, route_judging, routes
from geocoding_service.domain.offline_geocoding import address_of
from geocoding_service.domain.outside_servers import GEOCODER as THE_GEOCODER
from geocoding_service.domain.outside_servers import ROUTERS as ALL_ROUTERS
from geocoding_service.domain.outside_servers import Turn, router_of
from geocoding_service.domain.schemas import DistanceMatrixRequest, DistanceQuery, GeocodeQuery
from geocoding_service.jobs.turns import LONGEST_WAIT, LONGEST_WAIT_OF_A_COMMAND, Clock, ServerTurns, lease
from geocoding_service.settings import NominatimSettings, RouterSettings
from shared.database import Session, transaction
from shared.errors import Outage
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place


@dataclass(frozen=True)
class Lookups:
    """Asks the geocoder for addresses that wait, one at a time."""

    rules: NominatimSettings
    geocoder: Nominatim

    def run(self, now: datetime) -> int:
        """Ask the geocoder for the address that has waited longest, when its turn has come."""
        with transaction() as session:
            is_waiting = geocoder_requests.is_any_waiting(session, now=now)
        return int(is_waiting and self.look_up(now=now))

    def look_up(self, *, now: datetime, key: str | None = None) -> bool:
        """Ask for the address that has waited longest, or for this one; returns whether there was an answer."""
        current = clock.running_from(now)
        turn = self._turns.take(now)
        if turn is None:
            return False
        with transaction() as session:
            claimed = geocoder_requests.claim(session, lease=lease(self.rules.timeout_seconds), now=current(), key=key)
        if claimed is None:
            return False
        address = claimed.address
        answers = self._ask(
            turn,
            lambda: self.geocoder.search(
                street=address.street or "",
                house_number=address.house_number,
                postal_code=address.postal_code,
                city=address.city,
            ),
            current,
            if_failed=lambda session: geocoder_requests.record_failure(session, claimed, now=current()),
        )
        if answers is None:
            return False
        with transaction() as session:
            believed = geocoder_requests.record_answer(session, claimed, answers, rules=self.rules, now=current())
        metrics.geocoder_requests.labels(believed.outcome).inc()
        return True

    def address_at(self, place: Place, *, now: datetime) -> Sequence[GeocoderPlace]:
        """Returns what the geocoder says is at a place; nothing where it does not answer. None of it is kept."""
        turn = self._turns.take(now)
        if turn is None:
            return []
        answers = self._ask(turn, lambda: self.geocoder.reverse(place), clock.running_from(now))
        if answers is None:
            return []
        metrics.geocoder_requests.labels("found" if answers else "not_found").inc()
        return answers

    @property
    def _turns(self) -> ServerTurns:
        return ServerTurns(THE_GEOCODER, self.rules.interval_seconds)

    def _ask(
        self,
        turn: Turn,
        ask: Callable[[], Sequence[GeocoderPlace]],
        current: Clock,
        *,
        if_failed: Callable[[Session], None] | None = None,
    ) -> Sequence[GeocoderPlace] | None:
        answers = self._turns.ask(turn, ask, current, if_failed=if_failed)
        if answers is None:
            metrics.geocoder_requests.labels("failed").inc()
        return answers


@dataclass(frozen=True)
class Routing:
    """Asks the router of one mode for routes that wait, from one place to several at a time."""

    rules: RouterSettings
    mode: TravelMode
    router: Router
    wait: Callable[[float], None] = time.sleep

    @property
    def server(self) -> str:
        """The name of the server among those outside."""
        return router_of(None if self.rules.is_one_server else self.mode)

    def run(self, now: datetime) -> int:
        """Ask for the routes that have waited longest, when the turn has come; returns the number that was answered."""
        with transaction() as session:
            is_waiting = routes.is_any_waiting(session, self.mode, now=now)
        return self.find(now=now) if is_waiting else 0

    def find(self, *, now: datetime, keys: Collection[str] | None = None) -> int:
        """Ask for the routes that have waited longest, or for some of these; returns the number that was answered."""
        current = clock.running_from(now)
        turn = self._turns.take(now)
        if turn is None:
            return 0
        with transaction() as session:
            claimed = routes.claim(
                session,
                self.mode,
                at_most=self.rules.most_targets,
                lease=lease(self.rules.timeout_seconds),
                now=current(),
                keys=keys,
            )
        if claimed is None:
            return 0
        found = self._turns.ask(
            turn,
            lambda: self.ask(claimed.start, claimed.ends),
            current,
            if_failed=lambda session: routes.record_failure(session, claimed, now=current()),
        )
        if found is None:
            self._count("failed", len(claimed.keys))
            return 0
        if not found:
            with transaction() as session:
                routes.let_ask_alone(session, claimed, now=now)
            return len(claimed.keys)
        with transaction() as session:
            outcomes = routes.record_answers(session, claimed, found, rules=self.rules, now=current())
        for outcome, number in outcomes.items():
            self._count(outcome, number)
        return len(claimed.keys)

    @property
    def _turns(self) -> ServerTurns:
        return ServerTurns(self.server, self.rules.interval_seconds, self.wait)

    def ask(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        """Returns the routes to these places; of a single one with its line, which shows its unit.

        Nothing where one of several keeps the others from an answer: then each is to be asked for alone.
        """
        if len(ends) == 1:
            return [self.router.route(start, ends[0])]
        try:
            return self.router.table(start, ends)
        except PlaceOffNetwork:
            return []

    def measure(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        """Returns the routes to these places as soon as the turn has come, without keeping them: for the command.

        None where a single request failed. Raises `Outage` while the router is in trouble, so that it is not asked.
        """
        most = self.rules.most_targets
        parts = [ends[first : first + most] for first in range(0, len(ends), most)]
        return [route for part in parts for route in self._measure(start, part)]

    def _measure(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        is_table = route_judging.shows_its_unit(start, ends)
        found = self._ask_in_turn(start, ends) if is_table or len(ends) == 1 else []
        return found or [route for end in ends for route in self._ask_in_turn(start, [end])]

    def _ask_in_turn(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        turn = self._turns.take(clock.now(), longest=LONGEST_WAIT_OF_A_COMMAND)
        if turn is None:
            _routers_answer([self.server])
            raise Outage("router.in_trouble", f"{self.server} is asked by too many others")
        found = self._turns.ask(turn, lambda: self.ask(start, ends), clock.now)
        return [None] * len(ends) if found is None else found

    def _count(self, outcome: str, number: int) -> None:
        metrics.router_requests.labels(self.mode, outcome).inc(number)


def plan_lookups(now: datetime) -> int:
    """Let new addresses of practices be looked up, and publish answers that were not used yet."""
    with transaction() as session:
        done = geocoder_requests.plan(session, now=now)
    with transaction() as session:
        done += geocoder_requests.publish_better(session, now=now)
    with transaction() as session:
        metrics.geocoder_in_trouble.set(outside_servers.trouble(session, THE_GEOCODER) is not None)
        metrics.addresses_waiting.set(geocoder_requests.count_waiting(session, now=now))
    return done


def forget_lookups(now: datetime) -> int:
    """Delete addresses that no practice has any more, and what somebody asked for a day ago."""
    with transaction() as session:
        return geocoder_requests.forget(session, now=now)


def forget_routes(now: datetime) -> int:
    """Delete routes that nobody asked for lately, and say how many wait."""
    with transaction() as session:
        forgotten = routes.forget(session, now=now)
        troubles = [outside_servers.trouble(session, each) for each in ALL_ROUTERS]
        metrics.routers_in_trouble.set(len([each for each in troubles if each is not None]))
        metrics.routes_waiting.set(routes.count_waiting(session, now=now))
    return forgotten


def look_up_for_request(query: GeocodeQuery, dependencies: Dependencies, *, now: datetime) -> None:
    """Look up now what somebody asks for, where a setting allows it and no answer is known.

    Without an answer within seconds the address waits for the job.
    """
    rules, server = dependencies.rules, dependencies.geocoder
    key = geocoder_requests.key_of(address_of(query))
    if server is None or not rules.for_requests or key is None:
        return
    with transaction() as session:
        is_wanted = geocoder_requests.request_one(session, address_of(query), now=now)
    with _as_one_of_few(dependencies) as may_wait:
        if is_wanted and may_wait:
            Lookups(rules, server).look_up(now=now, key=key)


def address_at(place: Place, dependencies: Dependencies, *, now: datetime) -> Sequence[GeocoderPlace]:
    """What the geocoder says is at a place that somebody asks for, where a setting allows to ask it."""
    rules, server = dependencies.rules, dependencies.geocoder
    if server is None or not rules.for_requests:
        return []
    with _as_one_of_few(dependencies) as may_wait:
        return Lookups(rules, server).address_at(place, now=now) if may_wait else []


def route_for_request(
    query: DistanceQuery | DistanceMatrixRequest, dependencies: Dependencies, *, now: datetime
) -> None:
    """Ask a router now for the routes that somebody asks for, where a setting allows it and no answer is known.

    One request for each place where they start; without answers within seconds the routes wait for the job.
    """
    rules, router = dependencies.route_rules, dependencies.routers.get(query.mode)
    wanted = distances.routes_to_ask_for(query, rules) if router else None
    if router is None or wanted is None:
        return
    with transaction() as session:
        waiting = routes.request(session, wanted.routes, kept=wanted.kept, now=now)
    ends_at, asking = clock.monotonic() + LONGEST_WAIT, Routing(rules, query.mode, router)
    with _as_one_of_few(dependencies) as may_wait:
        while waiting and may_wait and clock.monotonic() < ends_at and asking.find(now=now, keys=waiting):
            with transaction() as session:
                waiting = routes.request(session, wanted.routes, kept=wanted.kept, now=now)


@contextmanager
def _as_one_of_few(dependencies: Dependencies) -> Iterator[bool]:
    """Yields whether this thread may wait for a server outside: the others of this process go on answering.

    Who may not is answered by what is known; what was asked for waits for the job.
    """
    may_wait = dependencies.waiting.acquire(blocking=False)
    try:
        yield may_wait
    finally:
        if may_wait:
            dependencies.waiting.release()


def _geocoder_answers() -> bool:
    if problem := _troubles([THE_GEOCODER]):
        raise Outage("geocoder.in_trouble", problem)
    return True


def _routers_answer(servers: Sequence[str] = ALL_ROUTERS) -> bool:
    if problem := _troubles(servers):
        raise Outage("router.in_trouble", problem)
    return True


def _troubles(servers: Sequence[str]) -> str:
    with transaction() as session:
        found = [outside_servers.trouble(session, each) for each in servers]
    return "; ".join(filter(None, found))


GEOCODER = ReadinessCheck("geocoder", _geocoder_answers, decisive=False)
"""Not decisive: a restarted worker would not be answered either, and everything else goes on."""
ROUTERS = ReadinessCheck("routers", _routers_answer, decisive=False)


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """All jobs; without servers only what was asked for before is forgotten."""
    found = [
        Job("forget-lookups", timedelta(minutes=1), forget_lookups),
        Job("forget-routes", timedelta(minutes=1), forget_routes),
    ]
    if dependencies.geocoder is not None:
        asking = Lookups(dependencies.rules, dependencies.geocoder)
        found += [
            Job("plan-lookups", timedelta(seconds=15), plan_lookups),
            Job("look-up", timedelta(seconds=1), asking.run),
        ]
    for mode, router in dependencies.routers.items():
        routing = Routing(dependencies.route_rules, mode, router)
        found.append(Job(f"find-routes-by-{mode}", timedelta(seconds=1), routing.run))
    return found
