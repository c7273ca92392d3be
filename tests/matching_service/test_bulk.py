"""One change of many placement requests: all that were meant and no other, each for itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.domain.bulk_schemas import BulkChange
from shared.values.bulk import OtherTotal, require_total
from shared.values.enums import RequestStatus, Role
from tests.accounts import signed_in
from tests.builders.matching import a_request, an_open_request, stored
from tests.events import recorded_data

URL = "/api/placement-requests/bulk"
WITHDRAW = {"action": "withdraw", "reason": "entered_by_mistake"}


@pytest.fixture
def requests(session: Session) -> list[UUID]:
    """Two open requests, one that was declined, and one more that is open, by their ids."""
    made = [an_open_request(session).id, an_open_request(session).id, a_request(session, RequestStatus.DECLINED).id]
    return [*made, an_open_request(session).id]


def send(client: FlaskClient, **body: Any) -> Any:
    return client.post(URL, json=body)


def test_each_request_is_withdrawn_or_refused_for_itself(
    client: FlaskClient, session: Session, requests: list[UUID]
) -> None:
    ids = [str(each) for each in requests[:3]]
    answer = send(client, ids=ids[::-1], expected_total=3, **WITHDRAW)
    assert answer.status_code == 200
    assert [(each["id"], each["status"]) for each in answer.json["results"]] == list(
        zip(ids, (200, 200, 409), strict=True)
    )
    assert [each["problem"] and each["problem"]["code"] for each in answer.json["results"]] == [
        None, None, "placement_request.over",
    ]  # fmt: skip
    assert [stored(session, each).status for each in requests] == ["withdrawn", "withdrawn", "declined", "open"]
    withdrawn = recorded_data(session, "matching.request_withdrawn")
    assert {event["placement_request_id"] for event in withdrawn} == set(ids[:2])


def test_a_filter_selects_what_the_list_shows(client: FlaskClient, session: Session, requests: list[UUID]) -> None:
    shown = client.get("/api/placement-requests?status=open").json
    answer = send(client, filter={"status": ["open"]}, expected_total=shown["total"], action="priority", priority=7)
    assert [each["id"] for each in answer.json["results"]] == sorted(item["id"] for item in shown["items"])
    assert [stored(session, each).priority for each in requests] == [7, 7, 0, 7]
    versions = [stored(session, each).version for each in requests]
    again = send(client, filter={"status": ["open"]}, expected_total=3, action="priority", priority=7)
    assert again.status_code == 200
    assert [stored(session, each).version for each in requests] == versions


@pytest.mark.parametrize("expected", [1, 2, 4, 1000])
def test_of_another_number_none_is_changed(
    client: FlaskClient, session: Session, requests: list[UUID], expected: int
) -> None:
    for selection in (
        {"filter": {"status": ["open"]}},
        {"ids": [str(requests[0]), str(requests[1]), str(requests[3])]},
    ):
        refused = send(client, **selection, expected_total=expected, **WITHDRAW)
        assert (refused.status_code, refused.json["code"]) == (409, "bulk.other_total")
        assert refused.json["detail"].startswith(f"Found: 3, expected: {expected}.")
    assert [stored(session, each).status for each in requests] == ["open", "open", "declined", "open"]


def test_unknown_and_repeated_ids_are_no_further_objects(client: FlaskClient, requests: list[UUID]) -> None:
    known = str(requests[0])
    nobody = [str(uuid4()), str(uuid4())]
    for expected in (1, 2, 3):
        refused = send(client, ids=[nobody[0], known, nobody[1]], expected_total=expected, **WITHDRAW)
        assert (refused.status_code, refused.json["unknown_ids"]) == (409, nobody)
    assert send(client, ids=[known, known, known.upper()], expected_total=1, **WITHDRAW).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": []}, {"ids": ["x"]}, {"ids": [str(uuid4()) for _ in range(1001)]}, {"filter": {"city": "Aachen"}},
        {"filter": {"status": "open"}}, {"filter": {"status": ["on_leave"]}}, {"ids": None}, {"expected_total": 0},
        {"expected_total": 1001}, {"expected_total": "1"}, {"action": "delete"}, {"reason": None}, {"priority": 1},
        {"reason": "because"}, {"action": "priority"}, {"limit": 5},
    ],
)  # fmt: skip
def test_what_is_not_acceptable_changes_nothing(
    client: FlaskClient, session: Session, requests: list[UUID], wrong: dict[str, Any]
) -> None:
    body = {"ids": [str(requests[0])], "expected_total": 1, **WITHDRAW} | wrong
    if "filter" in wrong:
        del body["ids"]
    assert client.post(URL, json=body).status_code == 422
    assert stored(session, requests[0]).status == "open"


def test_more_than_go_at_once_go_in_parts(client: FlaskClient, requests: list[UUID]) -> None:
    many = send(client, filter={"status": ["open"]}, expected_total=1001, **WITHDRAW)
    assert (many.status_code, many.json["errors"][0]["field"]) == (422, "expected_total")
    assert "in parts" in many.json["errors"][0]["message"]
    wanted = BulkChange.from_json({"filter": {}, "expected_total": 1000, **WITHDRAW})
    with pytest.raises(OtherTotal, match="in parts"):
        require_total([uuid4() for _ in range(1001)], wanted)


def test_the_same_key_changes_them_once(client: FlaskClient, session: Session, requests: list[UUID]) -> None:
    body = {"filter": {"status": ["open"]}, "expected_total": 3, **WITHDRAW}
    first = client.post(URL, json=body, headers={"Idempotency-Key": "k"})
    again = client.post(URL, json=body, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.json) == (200, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert client.post(URL, json=body).status_code == 409


def test_only_coordinators_change_many(app: Flask, requests: list[UUID]) -> None:
    body = {"ids": [str(requests[0])], "expected_total": 1, **WITHDRAW}
    assert signed_in(app, Role.CALLER).post(URL, json=body).status_code == 403
