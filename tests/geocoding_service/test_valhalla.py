"""What is asked of a Valhalla server, every answer that it can give, and that a setting chooses it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from geocoding_service import jobs
from geocoding_service.clients.routers import PlaceOffNetwork, RouterFailed
from geocoding_service.clients.valhalla import LARGEST, Valhalla
from geocoding_service.dependencies import Dependencies
from geocoding_service.settings import ValhallaSettings
from geocoding_service.store.tables import OutsideServer
from shared.http.web import web_app
from shared.runtime import registry
from shared.values.enums import TravelMode
from shared.values.geocoding_enums import RouterProtocol
from shared.values.places import Place, distance_km
from tests.fakes.other_service import Answer, raw, with_body, with_json
from tests.fakes.valhalla import DETOUR, SPEEDS_KMH, encoded, valhalla

AACHEN, KOELN, BONN = Place(50.7753, 6.0839), Place(50.9375, 6.9603), Place(50.7374, 7.0982)
NORTH_SEA = Place(54.5, 3.0)
CAR = TravelMode.CAR


def test_one_route_is_asked_for_with_its_line_and_several_as_a_table() -> None:
    with valhalla() as server:
        client = Valhalla(server.rules(user_agent="agency (it@agency.example)"), CAR)
        route = client.route(AACHEN, KOELN)
        routes = client.table(AACHEN, [KOELN, BONN])
        on_foot = Valhalla(server.rules(), TravelMode.FOOT).route(AACHEN, KOELN)
        asked, questions = server.asked, server.questions()
    assert [(each.method, each.path) for each in asked[:2]] == [("POST", "/route"), ("POST", "/sources_to_targets")]
    assert asked[0].headers["User-Agent"] == "agency (it@agency.example)"
    place = {"lat": 50.7753, "lon": 6.0839, "search_cutoff": 2000}
    assert questions[0]["locations"][0] == questions[1]["sources"][0] == place
    assert [each["costing"] for each in questions] == ["auto", "auto", "pedestrian"]
    assert route is not None
    assert route.kilometres == pytest.approx(distance_km(AACHEN, KOELN) * DETOUR, rel=0.001)
    assert route.minutes == pytest.approx(route.kilometres / SPEEDS_KMH["auto"] * 60, rel=0.001)
    assert route.drawn_km == pytest.approx(route.kilometres, rel=0.01)
    assert distance_km(route.end, KOELN) < 0.01
    assert "OpenStreetMap" in route.source
    assert on_foot is not None
    assert on_foot.minutes == pytest.approx(route.minutes * 12, rel=0.001)
    assert [each and round(each.kilometres, 1) for each in routes] == [
        round(route.kilometres, 1), round(distance_km(AACHEN, BONN) * DETOUR, 1)
    ]  # fmt: skip


def test_what_no_route_leads_to_is_nothing_and_other_codes_are_failures() -> None:
    with valhalla() as server:
        client = Valhalla(server.rules(), CAR)
        assert client.route(AACHEN, NORTH_SEA) is None  # 171
        with pytest.raises(PlaceOffNetwork):
            client.table(AACHEN, [KOELN, NORTH_SEA])
        server.unreachable = {(BONN.latitude, BONN.longitude)}
        assert client.route(AACHEN, BONN) is None  # 442
        near, away = client.table(AACHEN, [KOELN, BONN])
        assert (near is not None, away) == (True, None)
        for code, message in ((150, "code 150"), ("Exceeded", "unknown code"), ([442], "documentation")):
            server.otherwise = with_json({"error_code": code, "error": "Exceeded max locations"}, 400)
            with pytest.raises(RouterFailed, match=message) as failed:
                client.route(AACHEN, KOELN)
            assert "Exceeded" not in str(failed.value)
        server.otherwise = with_json({"error_code": 441, "error": "Unreachable"}, 400)
        assert client.table(AACHEN, [KOELN, BONN]) == [None, None]


TRIP: dict[str, Any] = {
    "legs": [{"summary": {"length": 80.0, "time": 4000}, "shape": encoded([(50.7753, 6.0839), (50.9375, 6.9603)])}],
    "units": "kilometers",
}


def trip(**changes: Any) -> Answer:
    return with_json({"trip": {**TRIP, **changes}})


def leg(**changes: Any) -> Answer:
    return trip(legs=[{**TRIP["legs"][0], **changes}])


HOSTILE: dict[str, Answer] = {
    "no JSON": with_body(b"<html>Bandwidth limit exceeded</html>", Content_Type="text/html"),
    "half of it": with_body(json.dumps({"trip": TRIP}).encode()[:-20]),
    "deep": with_body(b"[" * 100_000 + b"]" * 100_000),
    "huge": with_body(b'{"trip":"' + b" " * LARGEST + b'"}'),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a number": with_json(7),
    "a list": with_json([TRIP]),
    "no trip": with_json({}),
    "miles": trip(units="miles"),
    "no unit": with_json({"trip": {"legs": TRIP["legs"]}}),
    "two legs": trip(legs=TRIP["legs"] * 2),
    "a negative length": leg(summary={"length": -1, "time": 1}),
    "a text": leg(summary={"length": "far", "time": 1}),
    "infinity": with_body(json.dumps({"trip": TRIP}).replace("80.0", "Infinity").encode()),
    "no line": leg(shape=""),
    "half a point": leg(shape="_"),
    "one number": leg(shape="?"),
    "no letters": leg(shape="\u00e4\u00f6"),
    "an endless number": leg(shape="~" * 100_000),
    "beyond the pole": leg(shape=encoded([(50.0, 6.0), (99.0, 6.0)])),
    "a redirect": with_body(b"", 302, Location="http://127.0.0.1:1/route"),
    "an outage": with_json({"error": "overloaded"}, 503),
    "too many": with_json({"error": "Too Many Requests"}, 429),
}
SHORT_TABLE = with_json({"sources_to_targets": [[{"distance": 1.0, "time": 60}]], "units": "kilometers"})


def test_an_answer_that_cannot_be_read_is_a_failure_that_quotes_nothing_of_it() -> None:
    with valhalla() as server:
        client = Valhalla(server.rules(), CAR)
        for name, answer in HOSTILE.items():
            server.otherwise = answer
            with pytest.raises(RouterFailed) as failed:
                client.route(AACHEN, KOELN)
            assert not any(word in str(failed.value) for word in ("Bandwidth", "overloaded", "far", "6.08")), name
            assert failed.value.refuses_us == (name == "too many"), name
        server.otherwise = SHORT_TABLE
        with pytest.raises(RouterFailed, match="documentation"):
            client.table(AACHEN, [KOELN, BONN])
        server.otherwise = raw(until=server.is_over)
        with pytest.raises(RouterFailed, match="no answer"):
            Valhalla(server.rules(timeout_seconds=0.2), CAR).route(AACHEN, KOELN)


def test_a_setting_chooses_the_router_and_one_server_answers_for_all_modes_in_its_turns(
    session: Session, settings: Any
) -> None:
    with valhalla() as server:
        chosen = settings.model_copy(update={"router": RouterProtocol.VALHALLA, "valhalla": server.rules()})
        client = web_app(registry.load("geocoding_service"), chosen).test_client()
        for mode, minutes_a_km in (("car", 1), ("bicycle", 4)):
            answer = client.get(f"/api/distance?from_postal_code=52062&to_postal_code=50667&mode={mode}").json
            assert (answer["estimated"], "Valhalla" in answer["source"]) == (False, True), mode
            assert answer["route_km"] == pytest.approx(answer["distance_km"] * DETOUR, abs=0.1)
            assert answer["travel_minutes"] == pytest.approx(answer["route_km"] * minutes_a_km, abs=1)
        transit = client.get("/api/distance?from_postal_code=52062&to_postal_code=50667&mode=transit").json
        assert (transit["estimated"], transit["pending"]) == (True, False)
    assert session.scalars(select(OutsideServer.name)).all() == ["router_of_all_modes"]
    names = [job.name for job in jobs.jobs(Dependencies.of(chosen))]
    assert set(names[2:]) == {"find-routes-by-car", "find-routes-by-bicycle", "find-routes-by-foot"}
    assert Dependencies.of(settings).routers == {}
    assert [ValhallaSettings().url_of(mode) for mode in TravelMode] == [""] * 4
