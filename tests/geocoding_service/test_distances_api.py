"""Distances over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

AACHEN = {"postal_code": "52062"}
KOELN = {"latitude": 50.9413, "longitude": 6.9583}
NOWHERE = {"postal_code": "52056"}


def test_a_way_is_longer_than_the_straight_line(client: FlaskClient) -> None:
    way = client.get("/api/distance?from_postal_code=52062&to_postal_code=50667").json
    assert way["straight_line_km"] == pytest.approx(64, abs=2)
    assert way["distance_km"] == pytest.approx(way["straight_line_km"] * 1.32, abs=0.1)
    assert way["travel_minutes"] == pytest.approx(way["distance_km"] / 33 * 60, abs=1)
    assert way["mode"] == "car"
    assert "OpenStreetMap" in way["source"]


@pytest.mark.parametrize("mode", ["car", "transit", "bicycle", "foot"])
def test_there_and_back_are_equally_far(client: FlaskClient, mode: str) -> None:
    there = client.get(f"/api/distance?from_postal_code=52062&to_latitude=50.9&to_longitude=6.9&mode={mode}").json
    back = client.get(f"/api/distance?to_postal_code=52062&from_latitude=50.9&from_longitude=6.9&mode={mode}").json
    assert there == back


def test_from_a_place_to_itself_it_is_nothing(client: FlaskClient) -> None:
    way = client.get("/api/distance?from_latitude=50&from_longitude=6&to_latitude=50&to_longitude=6").json
    assert (way["distance_km"], way["travel_minutes"]) == (0, 0)
    assert "OpenStreetMap" not in way["source"]


def test_an_unknown_postal_code_is_not_found(client: FlaskClient) -> None:
    assert client.get("/api/distance?from_postal_code=52056&to_postal_code=50667").status_code == 404


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
    wanted = {"origins": [AACHEN, KOELN], "destinations": [AACHEN, KOELN, NOWHERE], "mode": "bicycle"}
    answer = client.post("/api/distance-matrix", json=wanted)
    assert answer.status_code == 200
    kilometres = answer.json["distances_km"]
    assert kilometres[0][0] == kilometres[1][1] == 0
    assert kilometres[0][1] == kilometres[1][0] > 64
    assert [row[2] for row in kilometres] == [row[2] for row in answer.json["travel_minutes"]] == [None, None]
    one = client.get("/api/distance?from_postal_code=52062&to_latitude=50.9413&to_longitude=6.9583&mode=bicycle").json
    assert (one["distance_km"], one["travel_minutes"]) == (kilometres[0][1], answer.json["travel_minutes"][0][1])


def test_a_matrix_of_a_hundred_points_is_answered_and_a_larger_one_refused(client: FlaskClient) -> None:
    hundred = {"origins": [KOELN] * 100, "destinations": [AACHEN] * 100}
    assert client.post("/api/distance-matrix", json=hundred).status_code == 200
    too_many = {**hundred, "origins": [KOELN] * 101}
    answer = client.post("/api/distance-matrix", json=too_many)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "origins"


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
