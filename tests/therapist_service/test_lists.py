"""Lists of therapists and of imports: views, orders, filters, counts, files."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.imports import FIRST, Folder, a_file, a_record
from tests.builders.lists import sorted_without_index
from tests.builders.therapists import a_therapist
from therapist_service.store import lists
from therapist_service.store.tables import Import, Therapist

URL = "/api/therapists"
CSV = {"Accept": "text/csv"}


@pytest.fixture
def practices(session: Session) -> list[UUID]:
    """Therapists in the order of their names."""
    named: list[dict[str, Any]] = [
        {"last_name": "Ahorn", "first_name": None, "procedures": ["TP", "AP"]},
        {"last_name": "Ahorn", "first_name": "Adele", "accreditation": "private"},
        {"last_name": "Ähre", "first_name": "Bela", "city": "Halle, Saale", "postal_code": "06108"},
        {"last_name": "Özdemir", "first_name": "Can", "procedures": ["ST"], "gender": "male"},
        {"last_name": "Zaun", "first_name": "Dora", "gender": "female"},
    ]
    return [a_therapist(session, **fields).id for fields in named]


def ids(answer: Any) -> list[UUID]:
    assert answer.status_code == 200, answer.json
    return [UUID(item["id"]) for item in answer.json["items"]]


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_therapists_are_walked_by_name(client: FlaskClient, practices: list[UUID]) -> None:
    for sort, expected in (("last_name", practices), ("-last_name", practices[::-1]), ("-created_at", practices[::-1])):
        page, shown = client.get(f"{URL}?limit=2&sort={sort}"), []
        while page.json["next"]:
            shown += ids(page)
            page = client.get(f"{URL}?limit=2&sort={sort}&after={page.json['next']}")
        assert shown + ids(page) == expected, sort


def test_a_search_is_walked_too(client: FlaskClient, practices: list[UUID]) -> None:
    page = client.get(f"{URL}?q=ahorn&limit=1&count_by=accreditation")
    assert (page.json["total"], page.json["counts"]) == (2, {"statutory": 1, "private": 1})
    rest = client.get(f"{URL}?q=ahorn&limit=1&after={page.json['next']}")
    assert (ids(page) + ids(rest), rest.json["next"]) == (practices[:2], None)
    assert client.get(f"{URL}?q=ahorn&ids={practices[1]},{practices[4]}").json["total"] == 1
    nobody = client.get(f"{URL}?q=-&count_by=status").json
    assert (nobody["items"], nobody["total"], nobody["counts"], nobody["next"]) == ([], 0, {}, None)


def test_filters_take_several_values_and_a_town_with_a_comma(client: FlaskClient, practices: list[UUID]) -> None:
    assert ids(client.get(f"{URL}?procedure=TP,ST")) == [practices[0], practices[3]]
    assert ids(client.get(f"{URL}?gender=male,female&accreditation=statutory")) == practices[3:]
    assert ids(client.get(f"{URL}?postal_code=06108,50667")) == [practices[2]]
    assert ids(client.get(URL, query_string={"city": "Halle, Saale"})) == [practices[2]]
    assert ids(client.get(f"{URL}?status=blocked,inactive")) == []
    assert ids(client.get(f"{URL}?ids={practices[4]},{uuid4()},{practices[1]}")) == [practices[1], practices[4]]
    assert client.get(f"{URL}?count_by=gender").json["counts"] == {"unknown": 3, "male": 1, "female": 1}


def test_a_town_and_a_postal_code_are_found_as_people_type_them(client: FlaskClient, session: Session) -> None:
    practices = {
        "Aachen": a_therapist(session, last_name="Ahorn", postal_code="52062", city="Aachen").id,
        "Düren": a_therapist(session, last_name="Birke", postal_code="52349", city="Du\u0308ren").id,
        "Köln": a_therapist(session, last_name="Eiche", postal_code="50667", city="KÖLN").id,
        "nowhere": a_therapist(session, last_name="Farn", postal_code=None, city="Aachen").id,
    }
    aachen, düren, köln, nowhere = practices.values()
    cases: list[tuple[dict[str, Any], list[UUID]]] = [
        ({"city": "DUEREN"}, [düren]),
        ({"city": "köln"}, [köln]),
        ({"city": "Köl"}, []),
        ({"city": "aachen"}, [aachen, nowhere]),
        ({"postal_code": "52*"}, [aachen, düren]),
        ({"postal_code": "5206*,50667"}, [aachen, köln]),
        ({"postal_code": "9*"}, []),
        ({"postal_code": "5 2 *", "city": "Aachen"}, [aachen]),
        ({"within_km": 5, "of_postal_code": "52062"}, [aachen]),
        ({"within_km": 40, "of_postal_code": "52062"}, [aachen, düren]),
        ({"within_km": 80, "of_postal_code": "52062", "q": "e"}, [köln]),
        ({"within_km": 80, "of_postal_code": "52062", "postal_code": "5*"}, [aachen, düren, köln]),
    ]
    for query, expected in cases:
        assert ids(client.get(URL, query_string=query)) == expected, query
    client.patch(f"{URL}/{düren}", json={"city": "Bonn", "postal_code": "53111"})
    assert ids(client.get(f"{URL}?city=bonn")) == ids(client.get(f"{URL}?within_km=1&of_postal_code=53111")) == [düren]


def test_own_coordinates_count_before_the_postal_code(client: FlaskClient, folder: Folder) -> None:
    far = {"postal_code": "52062", "latitude": 50.7, "longitude": 6.2}
    folder.bring(FIRST, a_file([a_record("a-1", **far), a_record("a-2", postal_code="52062", city="Würselen")]))
    found = client.get(f"{URL}?within_km=3&of_postal_code=52062").json["items"]
    assert [each["city"] for each in found] == ["Würselen"]
    assert client.get(f"{URL}?within_km=15&of_postal_code=52062").json["total"] == 2
    assert [client.get(f"{URL}?city={city}").json["total"] for city in ("WUERSELEN", "wurselen", "wursel")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("within_km=5", "within_km"),
        ("of_postal_code=52062", "of_postal_code"),
        ("within_km=0&of_postal_code=52062", "within_km"),
        ("within_km=5&of_postal_code=52*", "of_postal_code"),
        ("within_km=5&of_postal_code=10000", "of_postal_code"),
        ("postal_code=*", "postal_code"),
        ("postal_code=52062*", "postal_code"),
        ("postal_code=*52", "postal_code"),
    ],
)
def test_what_measures_from_nowhere_is_refused(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 422, answer.json
    assert field in {each["field"] for each in answer.json["errors"]}


def test_views_show_less_and_less(client: FlaskClient, practices: list[UUID]) -> None:
    full, row, label = (client.get(f"{URL}?limit=1&view={view}").json["items"][0] for view in ("full", "row", "label"))
    assert label == {"id": str(practices[0]), "name": "Ahorn", "city": "Aachen"}
    assert row.items() <= full.items()
    assert not {"block", "potentially_available_note", "call_note", "protected_by", "phone_hours"} & row.keys()


@pytest.mark.parametrize("view", ["full", "row"])
def test_a_file_shows_each_role_its_fields(app: Flask, practices: list[UUID], view: str) -> None:
    importer = rows(signed_in(app, Role.IMPORTER).get(f"{URL}?view={view}", headers=CSV))
    caller = rows(signed_in(app, Role.CALLER).get(f"{URL}?view={view}", headers=CSV))
    assert [row["id"] for row in importer] == [row["id"] for row in caller] == [str(each) for each in practices]
    hidden = caller[0].keys() - importer[0].keys()
    assert {"last_call_on", "contact_preference", "email_opt_out"} <= hidden
    assert [row["city"] for row in importer][2] == "Halle, Saale"


def test_every_order_has_an_index(session: Session) -> None:
    assert sorted_without_index(session, select(Therapist.id), lists.THERAPISTS) == []
    assert sorted_without_index(session, select(Import.id), lists.IMPORTS) == []


def test_records_of_an_import_are_walked_and_counted(client: FlaskClient, folder: Folder) -> None:
    records = [a_record(f"a-{number}", **({"last_name": None} if number % 3 == 0 else {})) for number in range(7)]
    known = folder.bring(FIRST, a_file(records))
    url = f"/api/imports/{known.id}/records"
    page, shown = client.get(f"{url}?limit=3&count_by=outcome").json, []
    assert (page["total"], page["counts"]) == (7, {"applied": 4, "rejected": 3})
    while page["next"]:
        shown += [item["position"] for item in page["items"]]
        page = client.get(f"{url}?limit=3&after={page['next']}").json
    assert shown + [item["position"] for item in page["items"]] == list(range(7))
    assert [item["position"] for item in client.get(f"{url}?offset=5").json["items"]] == [5, 6]
    assert [item["position"] for item in client.get(f"{url}?offset=5&sort=-position").json["items"]] == [1, 0]
    assert client.get(f"{url}?outcome=rejected,waiting").json["total"] == 3
    assert client.get(f"{url}?outcome=rejected,applied").json["total"] == 7
    assert len(rows(client.get(url, headers=CSV))) == 7
    assert client.get("/api/imports?count_by=status").json["counts"] == {"completed": 1}


def test_filters_find_who_has_a_place_phone_hours_or_an_address(client: FlaskClient, session: Session) -> None:
    week = {"monday": [{"start": "09:00", "end": "10:00"}]}
    reached = a_therapist(session, email="praxis@example.org", phone_hours=week).id
    later, neither = a_therapist(session).id, a_therapist(session).id
    client.put(f"{URL}/{reached}/capacity", json={"group": {"state": "free"}})
    client.put(f"{URL}/{later}/capacity", json={"individual": {"state": "free", "from": "2098-01-01"}})
    for name, found in {"free": [reached], "has_phone_hours": [reached], "has_email": [reached]}.items():
        assert ids(client.get(f"{URL}?{name}=true")) == found
        assert set(ids(client.get(f"{URL}?{name}=false"))) == {later, neither}
    assert set(ids(client.get(f"{URL}?potentially_available=true"))) == {reached, later}
