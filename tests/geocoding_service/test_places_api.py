"""Addresses over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


def test_an_address_is_found_by_its_postal_code(client: FlaskClient) -> None:
    answer = client.get("/api/geocode?street=Musterweg&house_number=1&postal_code=52062&city=Aachen")
    assert answer.status_code == 200
    of_the_place = {"latitude", "longitude", "precision", "source", "federal_state", "federal_states"}
    assert set(answer.json) == of_the_place | {"postal_code", "cities", "contradictory", "pending"}
    assert (answer.json["postal_code"], answer.json["cities"]) == ("52062", ["Aachen"])
    assert answer.json["latitude"] == pytest.approx(50.776, abs=0.02)
    assert (answer.json["precision"], answer.json["federal_state"]) == ("postal_code", "NW")


@pytest.mark.parametrize(
    ("question", "precision"),
    [("q=Domkloster 4, 50667 Köln", "postal_code"), ("q=Köln", "city"), ("city=Köln", "city")],
)
def test_an_address_may_be_one_line_or_a_city(client: FlaskClient, question: str, precision: str) -> None:
    assert client.get(f"/api/geocode?{question}").json["precision"] == precision


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("postal_code=52062&city=Hamburg", ("52062", ["Aachen"], True)),
        ("q=Musterweg 1, 52062 Hamburg-Altona", ("52062", ["Aachen"], True)),
        ("postal_code=22765&city=Ottensen", ("22765", ["Hamburg"], False)),
        ("postal_code=52062&city=Aachen-Burtscheid", ("52062", ["Aachen"], False)),
        ("postal_code=06122&city=Halle-Neustadt", ("06122", ["Halle (Saale)"], False)),
        ("postal_code=52056&city=Aachen", (None, ["Aachen"], False)),
        ("city=limburg", (None, ["Limburg an der Lahn"], False)),
    ],
)
def test_an_answer_names_what_was_found_and_whether_the_city_is_elsewhere(
    client: FlaskClient, question: str, names: tuple[str | None, list[str], bool]
) -> None:
    answer = client.get(f"/api/geocode?{question}").json
    assert (answer["postal_code"], answer["cities"], answer["contradictory"]) == names


@pytest.mark.parametrize("question", ["city=Frankfurt", "q=Frankfurt", "q=Hauptstr. 1, Frankfurt"])
def test_towns_that_a_name_may_mean_are_named_and_found_by_what_is_said_of_them(
    client: FlaskClient, question: str
) -> None:
    answer = client.get(f"/api/geocode?{question}")
    assert (answer.status_code, answer.json["code"]) == (404, "address.not_found")
    oder, main = answer.json["candidates"]
    assert [(town["city"], town["federal_state"]) for town in (oder, main)] == [
        ("Frankfurt (Oder)", "BB"),
        ("Frankfurt am Main", "HE"),
    ]
    assert "15230" in oder["postal_codes"]
    for town in (oder, main):
        by_code = {"postal_code": town["postal_codes"][0]}
        for asked in (by_code, {"city": town["city"]}):
            found = client.get("/api/geocode", query_string=asked).json
            assert (found["cities"], found["federal_state"]) == ([town["city"]], town["federal_state"])
    in_one_state = [
        town for town in client.get("/api/geocode?city=Halle").json["candidates"] if town["city"] == "Halle"
    ]
    assert [town["federal_state"] for town in in_one_state] == ["NI", "NI"]
    assert "candidates" not in (client.get("/api/geocode?city=Atlantis").json or {})


SENTENCE = "q=Wir sind im roten Haus hinter dem Bahnhof, bitte zweimal klingeln und 5 Minuten warten"


@pytest.mark.parametrize("question", ["postal_code=52056", "city=Atlantis", "q=nowhere", "q=00001", "q=,", SENTENCE])
def test_what_nobody_knows_is_not_found(client: FlaskClient, question: str) -> None:
    answer = client.get(f"/api/geocode?{question}")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "question",
    [
        "",
        "street=Musterweg",
        "q=",
        "q=52062&city=Aachen",
        "postal_code=abc",
        "postal_code=5206",
        "postal_code=52062&postal_code=50667",
        "colour=red",
        f"q={'x' * 201}",
        "q=a%00b",
    ],
)
def test_a_question_that_says_nothing_or_nonsense_is_refused(client: FlaskClient, question: str) -> None:
    assert client.get(f"/api/geocode?{question}").status_code == 422


def test_a_place_is_in_the_nearest_postal_code_area(client: FlaskClient) -> None:
    answer = client.get("/api/reverse-geocode?latitude=50.776&longitude=6.084").json
    assert (answer["postal_code"], answer["cities"], answer["federal_state"]) == ("52062", ["Aachen"], "NW")
    assert answer["distance_km"] < 1


def test_near_a_border_of_states_the_nearest_area_does_not_say_which_state(client: FlaskClient) -> None:
    mannheim = client.get("/api/reverse-geocode?latitude=49.4836&longitude=8.4630").json
    assert mannheim["cities"] == ["Mannheim"]
    assert (mannheim["federal_state"], mannheim["federal_states"]) == (None, ["BW", "RP"])


@pytest.mark.parametrize(
    "place", ["latitude=48.85&longitude=2.35", "latitude=0&longitude=0", "latitude=90&longitude=0"]
)
def test_a_place_outside_germany_is_not_found(client: FlaskClient, place: str) -> None:
    answer = client.get(f"/api/reverse-geocode?{place}")
    assert answer.status_code == 404
    assert {each["message"] for each in answer.json["errors"]} == {"is not in Germany"}


def test_latitude_and_longitude_that_seem_to_be_swapped_are_refused_with_a_hint(client: FlaskClient) -> None:
    answer = client.get("/api/reverse-geocode?latitude=6.084&longitude=50.776")
    assert answer.status_code == 404
    assert "swapped" in answer.json["detail"]
    assert [each["field"] for each in answer.json["errors"]] == ["latitude", "longitude"]


@pytest.mark.parametrize(
    "place", ["", "latitude=50", "latitude=91&longitude=0", "latitude=nan&longitude=0", "latitude=x&longitude=0"]
)
def test_what_is_no_place_is_refused(client: FlaskClient, place: str) -> None:
    assert client.get(f"/api/reverse-geocode?{place}").status_code == 422


def test_the_documentation_credits_the_sources(client: FlaskClient) -> None:
    description = client.get("/openapi.json").json["info"]["description"]
    assert "OpenStreetMap" in description
    assert "Open Database License" in description


def test_a_postal_code_across_a_border_names_all_federal_states(client: FlaskClient) -> None:
    border = client.get("/api/postal-codes/22113").json
    assert (border["federal_state"], border["federal_states"]) == (None, ["HH", "SH"])
    assert {"city": "Oststeinbek", "federal_state": "SH"} in border["places"]
    assert client.get("/api/geocode?postal_code=22113").json["federal_states"] == ["HH", "SH"]
    whole = client.get("/api/postal-codes/52062").json
    assert (whole["federal_state"], whole["places"]) == ("NW", [{"city": "Aachen", "federal_state": "NW"}])
    assert whole["latitude"] == pytest.approx(50.776, abs=0.02)
    for unknown in ("00001", "5206", "abc", "52062%00", "%F0%9F%99%82"):
        assert client.get(f"/api/postal-codes/{unknown}").status_code == 404, unknown
