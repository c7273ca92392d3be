"""What is asked of an OSRM server, and every answer that it can give: well, badly, late or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from geocoding_service.clients.osrm import LARGEST, Osrm
from geocoding_service.clients.routers import PlaceOffNetwork, RouterFailed
from geocoding_service.settings import OsrmSettings
from shared.values.enums import TravelMode
from shared.values.places import Place, distance_km
from tests.fakes.osrm import DETOUR, SPEED_KMH, osrm
from tests.fakes.other_service import Answer, raw, with_body, with_json

AACHEN, KOELN, BONN = Place(50.7753, 6.0839), Place(50.9375, 6.9603), Place(50.7374, 7.0982)
NORTH_SEA = Place(54.5, 3.0)
CAR = TravelMode.CAR


def test_one_route_is_asked_for_with_its_line_and_several_as_a_table() -> None:
    with osrm() as server:
        client = Osrm(server.rules(user_agent="agency (it@agency.example)"), CAR)
        route = client.route(AACHEN, KOELN)
        routes = client.table(AACHEN, [KOELN, BONN])
        one, several = server.asked
    assert one.path == (
        "/route/v1/driving/6.083900,50.775300;6.960300,50.937500?overview=simplified&geometries=geojson"
    )
    assert several.path == (
        "/table/v1/driving/6.083900,50.775300;6.960300,50.937500;7.098200,50.737400"
        "?sources=0&destinations=1;2&annotations=duration,distance"
    )
    assert one.headers["User-Agent"] == "agency (it@agency.example)"
    assert route is not None
    assert route.kilometres == pytest.approx(distance_km(AACHEN, KOELN) * DETOUR, rel=0.001)
    assert route.minutes == pytest.approx(route.kilometres / SPEED_KMH * 60, rel=0.001)
    assert route.drawn_km == pytest.approx(route.kilometres, rel=0.01)
    assert distance_km(route.end, KOELN) < 0.01
    assert "OpenStreetMap" in route.source
    assert [each and round(each.kilometres, 1) for each in routes] == [
        round(route.kilometres, 1), round(distance_km(AACHEN, BONN) * DETOUR, 1)
    ]  # fmt: skip


def test_what_no_route_leads_to_is_nothing_and_other_codes_are_failures_by_their_names() -> None:
    with osrm(most_places=2) as server:
        client = Osrm(server.rules(), CAR)
        assert client.route(AACHEN, NORTH_SEA) is None  # NoSegment
        with pytest.raises(PlaceOffNetwork):
            client.table(AACHEN, [NORTH_SEA])
        with pytest.raises(RouterFailed, match="TooBig"):
            client.table(AACHEN, [KOELN, BONN])
        server.most_places = 100
        server.unreachable = {(BONN.longitude + 0.000005, BONN.latitude)}
        assert client.route(AACHEN, BONN) is None  # NoRoute
        near, away = client.table(AACHEN, [KOELN, BONN])
        assert (near is not None, away) == (True, None)
        for code in (
            "InvalidUrl",
            "InvalidService",
            "InvalidVersion",
            "InvalidOptions",
            "InvalidQuery",
            "InvalidValue",
        ):
            server.otherwise = with_json({"code": code, "message": "Query string malformed close to position 5"}, 400)
            with pytest.raises(RouterFailed, match=code) as failed:
                client.route(AACHEN, KOELN)
            assert "malformed" not in str(failed.value)
        server.otherwise = with_json({"code": "Köln ist weg"}, 400)
        with pytest.raises(RouterFailed, match="unknown code"):
            client.route(AACHEN, KOELN)
        server.otherwise = with_json({"code": "NoTable"}, 400)
        assert client.table(AACHEN, [KOELN, BONN]) == [None, None]


ROUTE: dict[str, Any] = {
    "code": "Ok",
    "routes": [
        {
            "distance": 80_000,
            "duration": 4000,
            "geometry": {"type": "LineString", "coordinates": [[6.0839, 50.7753], [6.9603, 50.9375]]},
        }
    ],
    "waypoints": [{"location": [6.0839, 50.7753]}, {"location": [6.9603, 50.9375]}],
}


def route(**changes: Any) -> Answer:
    return with_json({**ROUTE, "routes": [{**ROUTE["routes"][0], **changes}]})


DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE: dict[str, Answer] = {
    "no JSON": with_body(b"<html>Bandwidth limit exceeded</html>", Content_Type="text/html"),
    "half of it": with_body(json.dumps(ROUTE).encode()[:-20]),
    "nothing": with_body(b""),
    "bytes": with_body(b"\xff\xfe\x00" * 50),
    "deep": with_body(DEEP),
    "deep in a line": with_body(b'{"code":"Ok","routes":[{"distance":1,"duration":1,"geometry":' + DEEP + b"}]}"),
    "huge": with_body(b'{"code":"' + b" " * LARGEST + b'"}'),
    "an endless answer": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a number": with_json(7),
    "a list": with_json([ROUTE]),
    "no code": with_json({"routes": []}),
    "a code that is none": with_json({"code": ["Ok"]}),
    "no routes": with_json({**ROUTE, "routes": []}),
    "one waypoint": with_json({**ROUTE, "waypoints": ROUTE["waypoints"][:1]}),
    "beyond the pole": with_json({**ROUTE, "waypoints": [{"location": [6, 91]}, {"location": [6, 50]}]}),
    "a place of one number": with_json({**ROUTE, "waypoints": [{"location": [6]}, {"location": [6, 50]}]}),
    "a negative length": route(distance=-1),
    "a negative time": route(duration=-1),
    "no time": route(duration=None),
    "a text": route(distance="far"),
    "more than the earth": route(distance=1e12),
    "infinity": with_body(json.dumps(ROUTE).replace("80000", "Infinity").encode()),
    "no line": route(geometry=None),
    "a line in letters": route(geometry="_p~iF~ps|U_ulLnnqC_mqNvxq`@"),
    "a redirect": with_body(b"", 302, Location="http://127.0.0.1:1/route"),
    "not found": with_body(b"<h1>Not Found</h1>", 404),
    "an outage": with_json({"message": "overloaded"}, 503),
    "too many": with_json({"message": "Too Many Requests"}, 429),
    "blocked": with_body(b"blocked", 403),
}


def test_an_answer_that_cannot_be_read_is_a_failure_that_quotes_nothing_of_it() -> None:
    with osrm() as server:
        client = Osrm(server.rules(), CAR)
        for name, answer in HOSTILE.items():
            server.otherwise = answer
            before = len(server.asked)
            with pytest.raises(RouterFailed) as failed:
                client.route(AACHEN, KOELN)
            assert len(server.asked) == before + 1, name  # no redirect is followed, nothing is tried again
            assert not any(word in str(failed.value) for word in ("Bandwidth", "overloaded", "far", "6.08")), name
            assert failed.value.refuses_us == (name in ("too many", "blocked")), name


def test_a_table_of_another_size_or_without_a_measure_is_a_failure() -> None:
    changes: list[Any] = [
        lambda found: {**found, "durations": [row[:-1] for row in found["durations"]]},
        lambda found: {**found, "distances": found["distances"] * 2},
        lambda found: {**found, "destinations": found["destinations"][:1]},
        lambda found: {name: value for name, value in found.items() if name != "distances"},
        lambda found: {**found, "durations": [["soon", "later"]]},
        lambda found: {**found, "sources": []},
    ]
    with osrm() as server:
        for server.change in changes:
            with pytest.raises(RouterFailed, match="documentation"):
                Osrm(server.rules(), CAR).table(AACHEN, [KOELN, BONN])


def test_a_server_that_is_slow_or_away_is_waited_for_no_longer_than_allowed() -> None:
    """One that sends a byte now and then would be listened to for a minute, or for ever."""
    with osrm() as server:
        client = Osrm(server.rules(timeout_seconds=0.2), CAR)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        for answer in (raw(until=server.is_over), raw(head, b" ", until=server.is_over)):
            server.otherwise = answer
            with pytest.raises(RouterFailed, match="no answer"):
                client.route(AACHEN, KOELN)
        server.stop()
        with pytest.raises(RouterFailed, match="no answer"):
            client.route(AACHEN, KOELN)


@pytest.mark.parametrize(
    "settings",
    [
        {"car_url": "osrm.example.org"},
        {"foot_url": "http://somebody@osrm.example.org"},
        {"bicycle_url": "https://osrm.example.org/?key=1"},
        {"car_url": "https://router.project-osrm.org", "interval_seconds": 0.5},
        {"most_targets": 100},
        {"user_agent": ""},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OsrmSettings(**settings)
    assert [OsrmSettings().url_of(mode) for mode in TravelMode] == [""] * 4
