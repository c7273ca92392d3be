"""Whatever numbers and texts are asked of the geocoding service: an answer in its schema, a 404 or a 422, in time."""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.values.travel import DETOUR_FACTORS, minutes
from shared.values.words import TravelMode

FIXTURES = [HealthCheck.function_scoped_fixture]
NUMBERS = [
    "nan", "-nan", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "1e-320", "5e-324", "-0.0", "0", "90", "-90",
    "90.0000000001", "180", "-180", "180.0000001", "0x10", "1_0", "٥٠", "50,7", " 50", "+50", "", "9" * 5000, "null",
    "\x00", "50.7\x00", "🙂", "50;51", "50 51",
]  # fmt: skip
TEXTS = [
    "\x00", "a\x00b", "\ud800", "\u202e50667 Köln", "5\u00ad0667 Köln", "٥٠٦٦٧", "50667" * 40, "x" * 200, "x" * 201,
    "," * 200, "a" * 199 + "é", "e" + "\u0301" * 199, "(" * 200, "St. " * 50, "' OR 1=1 --", "%", "null", " am " * 40,
    "- - - / ( a", "50667 Köln, 52062 Aachen", "\u2028", "\u2800", "00000", "99999", "99998 99999",
]  # fmt: skip

coordinates = st.one_of(
    st.sampled_from([0.0, -0.0, 90.0, -90.0, 180.0, -180.0, 5e-324, 1e-12, 89.9999999999999, 179.9999999999999]),
    st.floats(-180, 180),
)
places = st.tuples(st.one_of(st.sampled_from([90.0, -90.0, 0.0, 1e-300]), st.floats(-90, 90)), coordinates)


def asked(client: FlaskClient, path: str, **question: str) -> Any:
    """The answer, which is never the service's fault."""
    query = urlencode(question, errors="surrogatepass")
    answer = client.get(f"{path}?{query}")
    assert answer.status_code in (200, 400, 404, 422), (question, answer.json)
    json.loads(answer.data, parse_constant=lambda number: pytest.fail(f"{number} is no JSON"))
    return answer


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", ["from_latitude", "to_longitude"])
def test_a_hostile_number_is_a_coordinate_or_refused(client: FlaskClient, field: str, number: str) -> None:
    question = {"from_latitude": "50.7", "from_longitude": "6.1", "to_latitude": "50.9", "to_longitude": "6.9"}
    assert asked(client, "/api/distance", **question | {field: number}).status_code in (200, 422)
    at = {"latitude": "50.7", "longitude": "6.1"}
    asked(client, "/api/reverse-geocode", **at | {field.partition("_")[2]: number})


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["q", "city", "street", "house_number", "postal_code"])
def test_a_hostile_text_is_an_address_or_refused(client: FlaskClient, field: str, text: str) -> None:
    asked(client, "/api/geocode", **{field: text})
    if field in ("street", "house_number"):
        asked(client, "/api/geocode", **{field: text, "postal_code": "52062"})
    if field == "postal_code":
        asked(client, "/api/distance", from_postal_code=text, to_postal_code="52062")


@given(places, places, st.sampled_from(TravelMode))
@settings(max_examples=200, deadline=None, suppress_health_check=FIXTURES)
def test_any_two_places_have_a_way(
    client: FlaskClient, one: tuple[float, float], other: tuple[float, float], mode: TravelMode
) -> None:
    """Poles, antipodes, the other side of the date line, the same place: never more than half around the earth."""
    ways = [
        asked(
            client,
            "/api/distance",
            from_latitude=repr(a[0]), from_longitude=repr(a[1]), to_latitude=repr(b[0]), to_longitude=repr(b[1]),
            mode=mode,
        ).json
        for a, b in ((one, other), (other, one), (one, one))
    ]  # fmt: skip
    there, back, here = ways
    assert there["straight_line_km"] == pytest.approx(back["straight_line_km"], abs=0.01)
    assert 0 <= there["straight_line_km"] <= 20015.12
    assert there["distance_km"] == pytest.approx(there["straight_line_km"] * DETOUR_FACTORS[mode], abs=0.02)
    assert abs(there["travel_minutes"] - math.ceil(minutes(there["straight_line_km"], mode))) <= 1
    assert (here["straight_line_km"], here["distance_km"], here["travel_minutes"]) == (0, 0, 0)


@given(places)
@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES)
def test_any_place_is_in_germany_or_not(client: FlaskClient, place: tuple[float, float]) -> None:
    answer = asked(client, "/api/reverse-geocode", latitude=repr(place[0]), longitude=repr(place[1]))
    assert answer.status_code in (200, 404)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e309", "1e308", "9" * 400, '"6"', "true", "null", "[]"]
)
def test_a_hostile_number_in_a_matrix_is_refused(client: FlaskClient, number: str) -> None:
    point = '{"latitude": 50.7, "longitude": %s}'
    body = '{"origins": [%s], "destinations": [{"postal_code": "52062"}]}' % (point % number)
    answer = client.post("/api/distance-matrix", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)


@given(st.lists(places, min_size=1, max_size=4), st.lists(places, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=FIXTURES)
def test_a_matrix_of_any_places_is_answered(
    client: FlaskClient, origins: list[tuple[float, float]], destinations: list[tuple[float, float]]
) -> None:
    points = [[{"latitude": n, "longitude": e} for n, e in places] for places in (origins, destinations)]
    answer = client.post("/api/distance-matrix", json={"origins": points[0], "destinations": points[1]})
    assert answer.status_code == 200
    assert [len(row) for row in answer.json["distances_km"]] == [len(destinations)] * len(origins)
    assert all(0 <= km <= 20015.12 * 1.33 for row in answer.json["distances_km"] for km in row)


@given(
    st.dates() | st.sampled_from(["0001-01-01", "9999-12-31", "2026-02-30", "0", "", "today", "2026-06-04T00:00:00Z"]),
    st.none() | st.dates(),
    st.sampled_from(["", "NW", "XX", "BY-Augsburg", "Augsburg", "BYP", "nw", "🙂"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=FIXTURES)
def test_any_days_are_listed_or_refused(client: FlaskClient, first: Any, last: Any, state: str) -> None:
    question = {"from": str(first)} | ({"to": str(last)} if last else {}) | ({"federal_state": state} if state else {})
    assert asked(client, "/api/holidays", **question).status_code in (200, 422)
