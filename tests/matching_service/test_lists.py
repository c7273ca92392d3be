"""Lists of placement requests and of what happened to them."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from matching_service.store import lists
from matching_service.store.tables import PlacementRequest
from shared.values.enums import RequestStatus
from tests.builders.lists import sorted_without_index
from tests.builders.matching import TEXTS, a_request

URL = "/api/placement-requests"


@pytest.fixture
def requests(session: Session) -> list[UUID]:
    """Five placement requests, the oldest first; the third has the highest priority and a note."""
    steps = ("contacted", "contacted", "open", "declined", "accepted")
    made = [a_request(session, RequestStatus(step)).id for step in steps]
    urgent = update(PlacementRequest).where(PlacementRequest.id == made[2])
    patient = session.get_one(PlacementRequest, made[2]).patient_id
    session.execute(urgent.values(priority=9, note=TEXTS.encrypt(session, patient, made[2], "=geheim")))
    return made


def ids(answer: Any) -> list[UUID]:
    assert answer.status_code == 200, answer.json
    return [UUID(item["id"]) for item in answer.json["items"]]


def test_requests_are_walked_in_every_order(client: FlaskClient, requests: list[UUID]) -> None:
    rest = [each for each in requests if each != requests[2]]
    orders = {"-created_at": requests[::-1], "created_at": requests, "priority": [*rest, requests[2]]}
    for sort, expected in orders.items():
        page, shown = client.get(f"{URL}?limit=2&sort={sort}"), []
        while page.json["next"]:
            shown += ids(page)
            page = client.get(f"{URL}?limit=2&sort={sort}&after={page.json['next']}")
        assert shown + ids(page) == expected, sort


def test_requests_are_filtered_and_counted(client: FlaskClient, session: Session, requests: list[UUID]) -> None:
    counts = client.get(f"{URL}?count_by=status&limit=1").json["counts"]
    assert counts == {"contacted": 2, "open": 1, "declined": 1, "accepted": 1}
    assert ids(client.get(f"{URL}?status=open,contacted")) == requests[2::-1]
    patients = [
        str(each) for each in session.scalars(select(PlacementRequest.patient_id).order_by(PlacementRequest.id))
    ]
    assert client.get(f"{URL}?patient_id={patients[0]},{patients[4]},{uuid4()}").json["total"] >= 2
    assert ids(client.get(f"{URL}?ids={requests[1]},{requests[3]}&status=declined")) == [requests[3]]


def test_a_row_has_no_free_text(client: FlaskClient, requests: list[UUID]) -> None:
    (full,) = client.get(f"{URL}?ids={requests[2]}").json["items"]
    (row,) = client.get(f"{URL}?ids={requests[2]}&view=row").json["items"]
    assert row.items() <= full.items()
    assert full.keys() - row.keys() == {"note", "overrides"}
    assert client.get(f"{URL}?view=label").status_code == 422


def test_a_list_is_a_file(client: FlaskClient, requests: list[UUID]) -> None:
    answer = client.get(URL, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert [row["id"] for row in rows] == [str(each) for each in requests[::-1]]
    assert rows[2]["note"] == "'=geheim"
    history = client.get(f"{URL}/{requests[0]}/history?view=row").json
    assert history["total"] == len(history["items"])
    assert all("note" not in item for item in history["items"])


def test_every_order_has_an_index(session: Session) -> None:
    assert sorted_without_index(session, select(PlacementRequest.id), lists.REQUESTS) == []
