"""Routes are asked for by jobs in turns, kept, and estimated as long as no router knows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlalchemy.orm import Session

from geocoding_service import jobs
from geocoding_service.clients.osrm import Osrm
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import outside_servers, routes
from geocoding_service.domain.routes import RouteEnds
from geocoding_service.domain.schemas import DistanceQuery
from geocoding_service.jobs import Routing
from geocoding_service.settings import NominatimSettings, OsrmSettings
from geocoding_service.store.tables import CachedRoute
from shared.database import transaction
from shared.errors import Outage
from shared.http.web import web_app
from shared.runtime import registry
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place
from tests.conftest import MONDAY
from tests.fakes.osrm import OsrmServer, osrm
from tests.fakes.other_service import with_json

CAR = TravelMode.CAR
AACHEN, KOELN, BONN = Place(50.7753, 6.0839), Place(50.9375, 6.9603), Place(50.7374, 7.0982)
BY_CODE = "/api/distance?from_postal_code=52062&to_postal_code=50667"
BY_PLACE = "/api/distance?from_postal_code=52062&to_latitude=50.9375&to_longitude=6.9603"
MATRIX = {"origins": [{"postal_code": "52062"}], "destinations": [{"postal_code": c} for c in ("50667", "53111")]}
OUTAGE = with_json({"message": "overloaded"}, 503)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def server() -> Iterator[OsrmServer]:
    """An OSRM server for cars."""
    with osrm() as running:
        yield running


def client_of(settings: Any, rules: OsrmSettings) -> Any:
    """The API with these settings."""
    app = web_app(registry.load("geocoding_service"), settings.model_copy(update={"osrm": rules}))
    return app.test_client()


def routing(server: OsrmServer, **settings: Any) -> Routing:
    rules = server.rules(**settings)
    return Routing(rules, CAR, Osrm(rules, CAR))


def known(session: Session) -> Sequence[CachedRoute]:
    return session.scalars(
        select(CachedRoute).order_by(CachedRoute.key).execution_options(populate_existing=True)
    ).all()


def test_between_postal_codes_a_router_is_asked_once_and_its_answer_kept(
    session: Session, settings: Any, server: OsrmServer
) -> None:
    client = client_of(settings, server.rules())
    for _ in range(2):
        answer = client.get(BY_CODE).json
        assert (answer["estimated"], answer["pending"]) == (False, False)
        assert answer["distance_km"] == pytest.approx(63, abs=1)
        assert answer["route_km"] == pytest.approx(answer["distance_km"] * 1.3, abs=0.1)
        assert answer["travel_minutes"] == pytest.approx(answer["route_km"], abs=1)
        assert "OSRM" in answer["source"]
    assert len(server.asked) == 1
    back = client.get("/api/distance?to_postal_code=52062&from_postal_code=50667").json
    assert not back["estimated"]
    assert len(server.asked) == 2  # there and back differ where streets are one-way
    (row, _) = known(session)
    assert row.kept_until - row.due_at < DAY
    assert jobs.forget_routes(row.kept_until - HOUR) == 0
    assert jobs.forget_routes(row.kept_until + HOUR) == 2


def test_a_place_by_its_coordinates_is_sent_only_where_a_setting_allows_it_and_kept_for_a_day(
    session: Session, settings: Any, server: OsrmServer
) -> None:
    client = client_of(settings, server.rules())
    answer = client.get(BY_PLACE).json
    assert (answer["estimated"], answer["pending"], answer["not_routed"]) == (True, False, "coordinates")
    assert server.asked == []
    assert known(session) == []
    client = client_of(settings, server.rules(for_coordinates=True))
    assert client.get(BY_PLACE).json["estimated"] is False
    (row,) = known(session)
    assert row.answered_at is not None
    assert jobs.forget_routes(row.answered_at + DAY + HOUR) == 1


def test_other_modes_than_those_with_a_server_are_estimated(
    session: Session, settings: Any, server: OsrmServer
) -> None:
    client = client_of(settings, server.rules())
    for mode in ("bicycle", "foot", "transit"):
        answer = client.get(f"{BY_CODE}&mode={mode}").json
        assert (answer["estimated"], answer["pending"]) == (True, False)
    assert client.get("/api/distance?from_postal_code=52062&to_postal_code=52062").json["route_km"] == 0
    assert client.get("/api/distance?from_postal_code=52056&to_postal_code=52062").status_code == 404
    assert server.asked == []


class TrainTimetable:
    """Another router than OSRM, for another mode."""

    def route(self, start: Place, end: Place) -> FoundRoute | None:
        return FoundRoute(start, end, 70.0, 72.0, None, "a timetable")

    def table(self, start: Place, ends: Sequence[Place]) -> Sequence[FoundRoute | None]:
        return [self.route(start, end) for end in ends]


def test_another_router_than_osrm_fits_in_for_a_mode(session: Session) -> None:
    rules = OsrmSettings(interval_seconds=0.001)
    dependencies = Dependencies(NominatimSettings(), None, rules, {TravelMode.TRANSIT: TrainTimetable()})
    route = RouteEnds(TravelMode.TRANSIT, AACHEN, KOELN)
    routes.request(session, [route], kept=DAY, now=MONDAY)
    session.commit()
    names = [job.name for job in jobs.jobs(dependencies)]
    assert names == ["forget-lookups", "forget-routes", "find-routes-by-transit"]
    assert jobs.jobs(dependencies)[-1].run(MONDAY) == 1
    assert routes.known(session, [route], now=MONDAY)[route] == (70.0, 72.0, "a timetable")


def test_a_matrix_is_estimated_unless_it_is_to_be_routed(session: Session, settings: Any, server: OsrmServer) -> None:
    client = client_of(settings, server.rules())
    answer = client.post("/api/distance-matrix", json=MATRIX).json
    assert (answer["estimated"], answer["pending"], answer["not_routed"]) == ([[True, True]], False, "not_wanted")
    assert server.asked == []
    routed = {**MATRIX, "destinations": [*MATRIX["destinations"], {"postal_code": "52056"}], "routed": True}
    answer = client.post("/api/distance-matrix", json=routed).json
    assert (answer["estimated"], answer["pending"], answer["not_routed"]) == ([[False, False, None]], False, None)
    assert answer["routes_km"][0][0] == pytest.approx(answer["distances_km"][0][0] * 1.3, abs=0.1)
    assert [row[2] for row in (answer["routes_km"][0], answer["travel_minutes"][0])] == [None, None]
    assert len(server.asked) == 2
    assert client.post("/api/distance-matrix", json=routed).json == answer
    assert len(server.asked) == 2
    too_many = {**routed, "destinations": [{"postal_code": "50667"}] * 501}
    assert client.post("/api/distance-matrix", json=too_many).status_code == 422


def test_while_a_router_is_away_routes_are_estimated_and_the_job_asks_later(
    session: Session, settings: Any, server: OsrmServer
) -> None:
    well, server.otherwise = server.otherwise, OUTAGE
    client = client_of(settings, server.rules())
    for _ in range(2):
        answer = client.get(BY_CODE).json
        assert (answer["estimated"], answer["pending"]) == (True, True)
    assert len(server.asked) == 1  # the route waits for its pause
    (row,) = known(session)
    server.otherwise = well
    assert routing(server).run(row.due_at) == 1
    answer = client.get(BY_CODE).json
    assert (answer["estimated"], answer["pending"]) == (False, False)


def test_who_finds_others_waiting_for_a_router_has_an_estimate(session: Session, server: OsrmServer) -> None:
    rules = server.rules()
    dependencies = Dependencies(NominatimSettings(), None, rules, {CAR: Osrm(rules, CAR)})
    query = DistanceQuery(from_postal_code="52062", to_postal_code="50667")
    with dependencies.waiting:
        jobs.route_for_request(query, dependencies, now=MONDAY)
    assert server.asked == []
    assert [row.answered_at for row in known(session)] == [None]
    jobs.route_for_request(query, dependencies, now=MONDAY)
    assert len(server.asked) == 1


def test_an_outage_is_visible_leaves_the_server_alone_and_ends_by_itself(session: Session, server: OsrmServer) -> None:
    wanted = [RouteEnds(CAR, Place(50 + n / 10, 6), KOELN) for n in range(6)]
    routes.request(session, wanted, kept=DAY, now=MONDAY)
    session.commit()
    well, server.otherwise = server.otherwise, OUTAGE
    asking = routing(server)
    for _ in range(10):
        assert asking.run(MONDAY) == 0
    assert len(server.asked) == outside_servers.MOST_FAILURES  # then it is left alone
    with pytest.raises(Outage, match=r"router_car is not asked since 2026-11-23 09:0\d UTC: the answer has the status"):
        jobs.ROUTERS.holds()
    assert jobs.GEOCODER.holds()  # another server
    jobs.forget_routes(MONDAY)
    assert REGISTRY.get_sample_value("platform_routers_in_trouble") == 1
    assert REGISTRY.get_sample_value("platform_routes_waiting") == 3
    server.otherwise = well
    assert sum(iter(lambda: asking.run(MONDAY + HOUR), 0)) == 6
    assert jobs.ROUTERS.holds()


@pytest.mark.parametrize("factor", [0.62, 0.001, 3.28])
def test_a_route_in_another_unit_is_estimated_and_asked_for_again_after_a_week(
    session: Session, settings: Any, server: OsrmServer, factor: float
) -> None:
    server.change = lambda found: {**found, "routes": [{**found["routes"][0], "distance": 80_000 * factor}]}
    client = client_of(settings, server.rules())
    answer = client.get(BY_CODE).json
    assert (answer["estimated"], answer["pending"]) == (True, False)
    assert answer["route_km"] > answer["distance_km"]
    (row,) = known(session)
    assert row.answered_at is not None
    assert abs(row.due_at - row.answered_at - timedelta(days=7)) < HOUR


@pytest.mark.usefixtures("real_commits")
def test_two_workers_never_ask_for_the_same_route() -> None:
    """A claim is a lease: who claims next gets other ways, also while the first transaction is open."""
    lease = timedelta(minutes=1)

    def claim(session: Session, now: Any = MONDAY) -> Any:
        return routes.claim(session, CAR, at_most=1, lease=lease, now=now)

    with transaction() as session:
        routes.request(session, [RouteEnds(CAR, AACHEN, KOELN), RouteEnds(CAR, AACHEN, BONN)], kept=DAY, now=MONDAY)
    with transaction() as one, transaction() as other:
        assert {claim(each).ends[0] for each in (one, other)} == {KOELN, BONN}
    with transaction() as session:
        assert claim(session) is None
        assert claim(session, MONDAY + 2 * lease) is not None


def test_routes_from_one_place_are_asked_for_together_and_no_more_than_the_server_takes(
    session: Session, server: OsrmServer
) -> None:
    ends = [Place(50.9 + n / 100, 6.9) for n in range(5)]
    routes.request(session, [RouteEnds(CAR, AACHEN, end) for end in ends], kept=DAY, now=MONDAY)
    routes.request(session, [RouteEnds(CAR, BONN, KOELN)], kept=DAY, now=MONDAY - HOUR)
    session.commit()
    asking = routing(server, most_targets=3)
    assert list(iter(lambda: asking.run(MONDAY), 0)) == [1, 3, 1, 1]  # two are too few to show their unit
    assert all(route.route_km for route in known(session))


def test_one_or_two_routes_are_asked_for_with_their_lines_which_show_another_unit(
    session: Session, settings: Any, server: OsrmServer
) -> None:
    def in_feet(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "routes": [{**each, "distance": each["distance"] * 3.28} for each in found["routes"]]}

    server.change = in_feet
    answer = client_of(settings, server.rules()).post("/api/distance-matrix", json={**MATRIX, "routed": True}).json
    assert (answer["estimated"], answer["pending"]) == ([[True, True]], False)
    assert [each.path.split("/")[1] for each in server.asked] == ["route", "route"]


def test_a_place_without_a_road_keeps_no_other_from_its_route(session: Session, server: OsrmServer) -> None:
    """The server refuses the whole table for it, and does not say which place it is."""
    north_sea = Place(54.5, 3.0)
    ends = [KOELN, BONN, Place(51.2, 6.8), north_sea]
    routes.request(session, [RouteEnds(CAR, AACHEN, end) for end in ends], kept=DAY, now=MONDAY)
    session.commit()
    asking = routing(server)
    assert list(iter(lambda: asking.run(MONDAY), 0)) == [4, 1, 1, 1, 1]
    assert {row.to_longitude: (row.route_km is not None, row.alone) for row in known(session)} == {
        end.longitude: (end != north_sea, end == north_sea) for end in ends
    }
    measured = asking.measure(AACHEN, ends)
    assert [route is not None for route in measured] == [True, True, True, False]


def test_an_answer_for_a_route_that_was_forgotten_meanwhile_is_kept_nowhere(
    session: Session, server: OsrmServer
) -> None:
    asking = routing(server)
    claimed = routes.ClaimedRoutes(CAR, AACHEN, [KOELN], [RouteEnds(CAR, AACHEN, KOELN).key])
    found = asking.ask(AACHEN, [KOELN])
    outcomes = routes.record_answers(session, claimed, found, rules=asking.rules, now=MONDAY)
    assert outcomes == {"found": 1}
    assert known(session) == []
