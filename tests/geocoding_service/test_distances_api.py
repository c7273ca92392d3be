"""Distances over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

AACHEN = {"postal_code": "52062"}
KOELN = {"latitude": 50.9413, "longitude": 6.9583}
NOWHERE = {"postal_code": "52056"}
NORTH_SEA = {"latitude": 54.5, "longitude": 7.0}


def test_a_route_is_longer_than_the_straight_line(client: FlaskClient) -> None:
    route = client.get("/api/distance?from_postal_code=52062&to_postal_code=50667").json
    assert route["distance_km"] == pytest.approx(64, abs=2)
    assert 1.2 * route["distance_km"] < route["route_km"] < 1.35 * route["distance_km"]
    assert route["travel_minutes"] == pytest.approx(60, abs=5)
    assert (route["mode"], route["estimated"], route["not_routed"]) == ("car", True, "no_router")
    assert "OpenStreetMap" in route["source"]


@pytest.mark.parametrize("mode", ["car", "transit", "bicycle", "foot"])
def test_there_and_back_are_equally_far(client: FlaskClient, mode: str) -> None:
    there = client.get(f"/api/distance?from_postal_code=52062&to_latitude=50.9&to_longitude=6.9&mode={mode}").json
    back = client.get(f"/api/distance?to_postal_code=52062&from_latitude=50.9&from_longitude=6.9&mode={mode}").json
    assert there == back


def test_from_a_place_to_itself_it_is_nothing(client: FlaskClient) -> None:
    route = client.get("/api/distance?from_latitude=50&from_longitude=6&to_latitude=50&to_longitude=6").json
    assert (route["distance_km"], route["route_km"], route["travel_minutes"]) == (0, 0, 0)
    assert "OpenStreetMap" not in route["source"]


@pytest.mark.parametrize(
    ("end", "fields", "hint"),
    [
        ("postal_code=52056", ["postal_code"], "coordinates are known"),
        ("latitude=54.5&{}longitude=7.0", ["latitude", "longitude"], "is not in Germany"),
        ("latitude=6.1&{}longitude=50.8", ["latitude", "longitude"], "seems to be swapped with"),
    ],
)
def test_where_nobody_can_be_is_not_found_and_the_fields_are_named(
    client: FlaskClient, end: str, fields: list[str], hint: str
) -> None:
    """An unknown postal code, the North Sea, and coordinates in the wrong order."""
    for prefix, other in (("from_", "to_"), ("to_", "from_")):
        answer = client.get(f"/api/distance?{prefix}{end.format(prefix)}&{other}postal_code=50667")
        assert (answer.status_code, answer.json["code"]) == (404, "postal_code.not_found")
        assert [each["field"] for each in answer.json["errors"]] == [f"{prefix}{field}" for field in fields]
        assert hint in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    "question",
    [
        "",
        "from_postal_code=52062",
        "from_postal_code=52062&to_latitude=50",
        "from_postal_code=52062&from_latitude=50&from_longitude=6&to_postal_code=50667",
        "from_postal_code=52062&to_latitude=50&to_longitude=181",
        "from_postal_code=52062&to_postal_code=50667&mode=horse",
        "from_postal_code=x&to_postal_code=50667",
    ],
)
def test_a_question_without_two_points_is_refused(client: FlaskClient, question: str) -> None:
    assert client.get(f"/api/distance?{question}").status_code == 422


def test_a_matrix_has_a_row_for_each_origin(client: FlaskClient) -> None:
    wanted = {"origins": [AACHEN, KOELN], "destinations": [AACHEN, KOELN, NOWHERE, NORTH_SEA], "mode": "bicycle"}
    answer = client.post("/api/distance-matrix", json=wanted)
    assert answer.status_code == 200
    kilometres = answer.json["distances_km"]
    assert kilometres[0][0] == kilometres[1][1] == 0
    assert kilometres[0][1] == kilometres[1][0] > 62
    for name in ("distances_km", "routes_km", "travel_minutes", "estimated"):
        assert [row[2:] for row in answer.json[name]] == [[None, None]] * 2
    assert [row[:2] for row in answer.json["estimated"]] == [[True, True]] * 2
    assert answer.json["not_routed"] == "not_wanted"
    assert client.post("/api/distance-matrix", json={**wanted, "routed": True}).json["not_routed"] == "no_router"
    one = client.get("/api/distance?from_postal_code=52062&to_latitude=50.9413&to_longitude=6.9583&mode=bicycle").json
    assert one["distance_km"] == kilometres[0][1]
    assert one["route_km"] == answer.json["routes_km"][0][1]
    assert one["travel_minutes"] == answer.json["travel_minutes"][0][1]


def test_thousands_of_targets_are_answered_and_more_routes_refused(client: FlaskClient) -> None:
    for origins, destinations in ((1, 5000), (100, 100), (2, 5000)):
        body = {"origins": [KOELN] * origins, "destinations": [AACHEN] * destinations}
        answer = client.post("/api/distance-matrix", json=body)
        assert answer.status_code == 200
        assert [len(row) for row in answer.json["routes_km"]] == [destinations] * origins
    for origins, destinations, refused in ((101, 1, "origins"), (1, 5001, "destinations"), (3, 5000, "destinations")):
        body = {"origins": [KOELN] * origins, "destinations": [AACHEN] * destinations}
        answer = client.post("/api/distance-matrix", json=body)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == refused


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"origins": [], "destinations": [AACHEN]},
        {"origins": [AACHEN], "destinations": [{}]},
        {"origins": [AACHEN], "destinations": [{**AACHEN, **KOELN}]},
        {"origins": [AACHEN], "destinations": [{"latitude": "50", "longitude": 6}]},
        {"origins": [AACHEN], "destinations": [KOELN], "mode": None},
        {"origins": AACHEN, "destinations": [KOELN]},
        [],
    ],
)
def test_a_matrix_without_points_is_refused(client: FlaskClient, body: object) -> None:
    assert client.post("/api/distance-matrix", json=body).status_code == 422


def test_what_is_not_json_is_refused(client: FlaskClient) -> None:
    sent = client.post("/api/distance-matrix", data="{", content_type="application/json")
    assert sent.status_code == 400
    assert client.post("/api/distance-matrix", data="a=b").status_code == 415
    assert client.get("/api/distance-matrix").status_code == 405
