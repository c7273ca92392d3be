"""Public holidays over HTTP."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


def holidays(client: FlaskClient, question: str) -> dict[str, list[str]]:
    answer = client.get(f"/api/holidays?{question}")
    assert answer.status_code == 200, answer.json
    return {f"{item['on']} {item['name']}": item["federal_states"] for item in answer.json["items"]}


def test_fronleichnam_is_a_holiday_in_north_rhine_westphalia_and_not_in_berlin(client: FlaskClient) -> None:
    june = "from=2026-06-01&to=2026-06-30"
    assert holidays(client, f"federal_state=NW&{june}") == {"2026-06-04 Fronleichnam": ["NW"]}
    assert holidays(client, f"federal_state=BE&{june}") == {}


@pytest.mark.parametrize(
    ("state", "day", "name", "where"),
    [
        ("BY", "2026-08-15", "Mariä Himmelfahrt", "in mostly Catholic municipalities, which the state names"),
        ("BY", "2026-08-08", "Augsburger Hohes Friedensfest", "in the city of Augsburg"),
        ("SN", "2026-06-04", "Fronleichnam", "in mostly Catholic municipalities, which the state names"),
        ("TH", "2026-06-04", "Fronleichnam", "in mostly Catholic municipalities, which the state names"),
    ],
)
def test_a_feast_of_a_part_of_a_state_is_one_of_the_state_and_says_so_and_where(
    client: FlaskClient, state: str, day: str, name: str, where: str
) -> None:
    items = client.get(f"/api/holidays?federal_state={state}&from={day}&to={day}").json["items"]
    assert items == [{"on": day, "name": name, "partial": True, "where": where, "federal_states": [state]}]


def test_several_states_are_asked_for_by_comma_and_in_small_letters(client: FlaskClient) -> None:
    answer = client.get("/api/holidays?federal_state=by,NW,by&from=2026-08-15&to=2026-11-01").json
    assert answer["federal_states"] == ["BY", "NW"]
    found = {item["on"]: (item["where"] is None, item["federal_states"]) for item in answer["items"]}
    assert found["2026-08-15"] == (False, ["BY"])
    assert found["2026-11-01"] == (True, ["BY", "NW"])


def test_days_on_which_nobody_is_phoned_are_shown_beside_the_holidays(client: FlaskClient) -> None:
    answer = client.get("/api/holidays?federal_state=NW&from=2026-12-24&to=2027-01-01").json
    assert answer["no_calls_on"] == ["2026-12-24", "2026-12-31"]
    assert [item["on"] for item in answer["items"]] == ["2026-12-25", "2026-12-26", "2027-01-01"]


def test_a_feast_of_some_states_and_of_parts_of_others_is_listed_for_each_kind(client: FlaskClient) -> None:
    items = client.get("/api/holidays?from=2026-06-04&to=2026-06-04").json["items"]
    assert [(item["partial"], item["federal_states"]) for item in items] == [
        (False, ["BW", "BY", "HE", "NW", "RP", "SL"]),
        (True, ["SN", "TH"]),
    ]


def test_where_the_state_is_not_known_every_state_counts(client: FlaskClient) -> None:
    assert list(holidays(client, "from=2026-08-15&to=2026-08-15")) == ["2026-08-15 Mariä Himmelfahrt"]
    assert len(holidays(client, "from=2026-10-03&to=2026-10-03")["2026-10-03 Tag der Deutschen Einheit"]) == 16
    assert "2026-03-08 Frauentag" in holidays(client, "from=2026-03-01&to=2026-03-31")


def test_the_last_known_year_is_answered_to_its_end(client: FlaskClient) -> None:
    answer = client.get("/api/holidays?federal_state=NW&from=2099-12-01").json
    assert (answer["to"], [item["on"] for item in answer["items"]]) == ("2099-12-31", ["2099-12-25", "2099-12-26"])
    assert client.get("/api/holidays?federal_state=NW&from=2099-12-31&to=2100-01-01").status_code == 422


def test_both_ends_are_included_and_days_are_in_order(client: FlaskClient) -> None:
    found = list(holidays(client, "federal_state=NW&from=2026-12-25&to=2027-01-01"))
    assert found == ["2026-12-25 Erster Weihnachtstag", "2026-12-26 Zweiter Weihnachtstag", "2027-01-01 Neujahr"]


def test_without_days_it_is_the_year_that_starts_today(client: FlaskClient) -> None:
    answer = client.get("/api/holidays?federal_state=NW").json
    assert answer["from"] < answer["to"]
    assert len({item["name"] for item in answer["items"]}) == 11


@pytest.mark.parametrize(
    "question",
    [
        "federal_state=XX",
        "federal_state=",
        "from=2026-13-01",
        "from=0",
        "from=2026-02-02&to=2026-02-01",
        "from=2026-01-01&to=2036-01-01",
        "from=1800-01-01",
        "from=9999-12-31",
        "to=9999-12-31",
        "to=2000-01-01",
        "state=NW",
    ],
)
def test_an_impossible_question_is_refused(client: FlaskClient, question: str) -> None:
    answer = client.get(f"/api/holidays?{question}")
    assert answer.status_code == 422
    assert answer.json["errors"]
