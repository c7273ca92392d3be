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

from geocoding_service.domain.offline_geocoding import is_in_germany
from shared.values.enums import TravelMode
from shared.values.places import Place
from shared.values.travel import minutes, route_km
from tests import hostile

FIXTURES = [HealthCheck.function_scoped_fixture]
LONGEST_IN_A_URL = 8000
"""Characters; gunicorn refuses longer request lines itself."""
NUMBERS = {
    **hostile.TEXTS,
    **hostile.WRITTEN_NUMBERS,
    **{name: repr(number) for name, number in hostile.NUMBERS.items() if name != "digits-400"},
    "beyond-the-pole": "90.0000000001",
    "beyond-the-date-line": "180.0000001",
    "decimal-comma": "50,7",
}
TEXTS = {
    **hostile.TEXTS,
    **hostile.BROKEN_TEXTS,
    "additions": " am " * 40,
    "punctuation": "- - - / ( a",
    "many-codes": "99998 99999 50667 Köln, 52062 Aachen",
    "saints": "St. " * 50,
}
DAYS = {**hostile.DATES, **hostile.INSTANTS}

coordinates = st.one_of(
    st.sampled_from([0.0, -0.0, 90.0, -90.0, 180.0, -180.0, 5e-324, 1e-12, 89.9999999999999, 179.9999999999999]),
    st.floats(-180, 180),
)
places = st.tuples(st.one_of(st.sampled_from([90.0, -90.0, 0.0, 1e-300]), st.floats(-90, 90)), coordinates)

places_in_germany = st.tuples(st.floats(49.5, 53.0), st.floats(8.0, 11.5))


def asked(client: FlaskClient, path: str, **question: str) -> Any:
    """The answer, which is never the service's fault."""
    query = urlencode(question, errors="surrogatepass")
    answer = client.get(f"{path}?{query}")
    assert answer.status_code in (200, 400, 404, 422), (question, answer.json)
    json.loads(answer.data, parse_constant=lambda number: pytest.fail(f"{number} is no JSON"))
    return answer


def in_a_url(values: dict[str, str]) -> list[str]:
    """The values that reach a service in a question."""
    return [value for value in values.values() if len(value) <= LONGEST_IN_A_URL]


@pytest.mark.parametrize("field", ["from_latitude", "to_longitude"])
def test_a_hostile_number_is_a_coordinate_or_refused(client: FlaskClient, field: str) -> None:
    question = {"from_latitude": "50.7", "from_longitude": "6.1", "to_latitude": "50.9", "to_longitude": "6.9"}
    at = {"latitude": "50.7", "longitude": "6.1"}
    for number in in_a_url(NUMBERS):
        asked(client, "/api/distance", **question | {field: number})
        asked(client, "/api/reverse-geocode", **at | {field.partition("_")[2]: number})


@pytest.mark.parametrize("field", ["q", "city", "street", "house_number", "postal_code"])
def test_a_hostile_text_is_an_address_or_refused(client: FlaskClient, field: str) -> None:
    for text in in_a_url(TEXTS):
        asked(client, "/api/geocode", **{field: text})
        if field in ("street", "house_number"):
            asked(client, "/api/geocode", **{field: text, "postal_code": "52062"})
        if field == "postal_code":
            asked(client, "/api/distance", from_postal_code=text, to_postal_code="52062")


@given(places, places)
@settings(max_examples=40, suppress_health_check=FIXTURES)
def test_between_any_two_places_is_a_route_or_one_of_them_is_refused(
    client: FlaskClient, one: tuple[float, float], other: tuple[float, float]
) -> None:
    """Poles, antipodes, the other side of the date line."""
    points = {"from_latitude": one[0], "from_longitude": one[1], "to_latitude": other[0], "to_longitude": other[1]}
    answer = asked(client, "/api/distance", **{name: repr(number) for name, number in points.items()})
    assert answer.status_code in (200, 404)
    outside = {name for name, (n, e) in {"from": one, "to": other}.items() if not is_in_germany(Place(n, e))}
    assert {each["field"].partition("_")[0] for each in answer.json.get("errors", [])} <= outside


@given(places_in_germany, places_in_germany, st.sampled_from(TravelMode))
@settings(max_examples=60, suppress_health_check=FIXTURES)
def test_any_two_places_in_germany_have_a_route(
    client: FlaskClient, one: tuple[float, float], other: tuple[float, float], mode: TravelMode
) -> None:
    routes = [
        asked(
            client,
            "/api/distance",
            from_latitude=repr(a[0]), from_longitude=repr(a[1]), to_latitude=repr(b[0]), to_longitude=repr(b[1]),
            mode=mode,
        ).json
        for a, b in ((one, other), (other, one), (one, one))
    ]  # fmt: skip
    there, back, here = routes
    assert there["distance_km"] == pytest.approx(back["distance_km"], abs=0.01)
    assert 0 <= there["distance_km"] <= 900
    assert there["distance_km"] <= there["route_km"] == pytest.approx(route_km(there["distance_km"], mode), abs=0.02)
    assert abs(there["travel_minutes"] - math.ceil(minutes(there["distance_km"], mode))) <= 1
    assert (here["distance_km"], here["route_km"], here["travel_minutes"]) == (0, 0, 0)


@given(places)
@settings(max_examples=30, suppress_health_check=FIXTURES)
def test_any_place_is_in_germany_or_not(client: FlaskClient, place: tuple[float, float]) -> None:
    answer = asked(client, "/api/reverse-geocode", latitude=repr(place[0]), longitude=repr(place[1]))
    assert answer.status_code in (200, 404)


@pytest.mark.slow
@pytest.mark.parametrize("field", ["longitude", "postal_code", "origins", "mode", "unknown"])
def test_a_hostile_value_in_a_matrix_is_answered_or_refused(client: FlaskClient, field: str) -> None:
    point = {"latitude": 50.7, "longitude": 6.1}
    for name, value in hostile.json_values():
        body: dict[str, Any] = {"origins": [point], "destinations": [{"postal_code": "52062"}], field: value}
        if field in ("longitude", "postal_code"):
            del body[field]
            body["origins"] = [{**point, field: value} if field == "longitude" else {field: value}]
        answer = client.post("/api/distance-matrix", json=body)
        assert answer.status_code in (200, 400, 413, 422), name
        json.loads(answer.data, parse_constant=lambda number: pytest.fail(f"{number} is no JSON"))


def test_a_hostile_body_of_a_matrix_or_of_several_addresses_is_refused(client: FlaskClient) -> None:
    for name, body in hostile.BODIES.items():
        for path in ("/api/distance-matrix", "/api/geocode"):
            answer = client.post(path, data=body, content_type="application/json")
            assert answer.status_code in (400, 413, 422), (path, name)


@pytest.mark.parametrize("field", ["from", "to", "federal_state"])
def test_a_hostile_day_is_a_day_or_refused(client: FlaskClient, field: str) -> None:
    for day in in_a_url(DAYS):
        assert asked(client, "/api/holidays", **{field: day}).status_code in (200, 422), day


@given(st.lists(places, min_size=1, max_size=4), st.lists(places, min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=FIXTURES)
def test_a_matrix_of_any_places_is_answered(
    client: FlaskClient, origins: list[tuple[float, float]], destinations: list[tuple[float, float]]
) -> None:
    points = [[{"latitude": n, "longitude": e} for n, e in places] for places in (origins, destinations)]
    answer = client.post("/api/distance-matrix", json={"origins": points[0], "destinations": points[1]})
    assert answer.status_code == 200
    assert [len(row) for row in answer.json["distances_km"]] == [len(destinations)] * len(origins)
    expected = [
        [is_in_germany(Place(*one)) and is_in_germany(Place(*other)) for other in destinations] for one in origins
    ]
    assert [[km is not None for km in row] for row in answer.json["distances_km"]] == expected


@given(
    st.dates() | st.sampled_from(["0001-01-01", "9999-12-31", "2026-02-30", "0", "", "today", "2026-06-04T00:00:00Z"]),
    st.none() | st.dates(),
    st.sampled_from(["", "NW", "XX", "BY-Augsburg", "Augsburg", "BYP", "nw", "🙂"]),
)
@settings(max_examples=100, suppress_health_check=FIXTURES)
def test_any_days_are_listed_or_refused(client: FlaskClient, first: Any, last: Any, state: str) -> None:
    question = {"from": str(first)} | ({"to": str(last)} if last else {}) | ({"federal_state": state} if state else {})
    assert asked(client, "/api/holidays", **question).status_code in (200, 422)
