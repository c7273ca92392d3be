"""One change of many patients: who is in charge of them, and who learned of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.security.encryption import Keys
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.patients import a_patient, a_patient_who_is

URL = "/api/patients"
EVA = "0193a1b2-0000-7000-8000-000000000002"
ASSIGN = {"action": "assign", "assigned_to": EVA}
ASSIGN_ME = {"action": "assign", "assigned_to": "me"}


@pytest.fixture
def four(session: Session, keys: Keys) -> list[UUID]:
    """Three patients who are open and one who searches, by their ids."""
    open_ = [a_patient(session, keys, last_name=f"Erfunden {name}", house_number=name).id for name in ("1", "2", "3")]
    return [*open_, a_patient_who_is(session, keys, "searching", last_name="Erfunden 4", house_number="4").id]


def send(client: FlaskClient, **body: Any) -> Any:
    return client.post(f"{URL}/bulk", json=body)


def in_charge(client: FlaskClient) -> list[str]:
    return [item["id"] for item in client.get(f"{URL}?assigned_to={EVA}&sort=created_at").json["items"]]


def actions(client: FlaskClient, patient: UUID) -> list[str]:
    entries = client.get(f"{URL}/{patient}/access-log").json["items"]
    return [each["action"] for each in entries if each["action"] not in ("audited", "listed")]


def test_somebody_is_put_in_charge_of_many(client: FlaskClient, four: list[UUID]) -> None:
    before = actions(client, four[0])
    answer = send(client, filter={"status": ["open"]}, expected_total=3, **ASSIGN)
    assert answer.status_code == 200, answer.json
    ids = [str(each) for each in four[:3]]
    assert answer.json["results"] == [{"id": each, "status": 200, "problem": None} for each in ids]
    assert in_charge(client) == ids
    assert actions(client, four[0]) == ["changed", *before]
    row = client.get(f"{URL}?view=row&ids={ids[0]}").json["items"][0]
    assert (row["assigned_to"], row["version"]) == (EVA, 2)


def test_nobody_is_put_in_charge_again(client: FlaskClient, four: list[UUID]) -> None:
    ids = [str(each) for each in four]
    assert send(client, ids=ids, expected_total=4, **ASSIGN).status_code == 200
    freed = send(client, ids=ids[1:], expected_total=3, action="assign", assigned_to=None)
    assert freed.status_code == 200
    assert in_charge(client) == ids[:1]
    assert client.patch(f"{URL}/{four[0]}", json={"assigned_to": None}).json["assigned_to"] is None
    assert in_charge(client) == []


def test_who_asks_takes_charge_and_finds_who_has_nobody(app: Flask, four: list[UUID]) -> None:
    anna = signed_in(app, Role.COORDINATOR)
    ids = [str(each) for each in four]
    mine = send(anna, filter={"assigned_to": ["none"], "status": ["open"]}, expected_total=3, **ASSIGN_ME)
    assert [each["status"] for each in mine.json["results"]] == [200, 200, 200], mine.json
    send(anna, ids=ids[2:3], expected_total=1, **ASSIGN)

    def found(by: str) -> list[str]:
        answer = anna.get(f"{URL}?assigned_to={by}&sort=created_at")
        assert answer.status_code == 200, answer.json
        return [each["id"] for each in answer.json["items"]]

    assert (found("me"), found("none"), found(EVA)) == (ids[:2], ids[3:], ids[2:3])
    assert (found(f"me,{EVA}"), found("none,me")) == (ids[:3], [*ids[:2], ids[3]])
    assert anna.get(f"{URL}/{ids[0]}").json["assigned_to"] == str(ANNA)


def test_who_has_no_account_is_in_charge_of_nobody(app: Flask, four: list[UUID]) -> None:
    nobody = signed_in(app, Role.ADMIN, id=None)
    assert nobody.get(f"{URL}?assigned_to=me").json["total"] == 0
    refused = send(nobody, ids=[str(four[0])], expected_total=1, **ASSIGN_ME)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "assigned_to")


def test_what_is_no_account_is_refused_in_one_sentence(client: FlaskClient, four: list[UUID]) -> None:
    for answer, field in (
        (client.get(f"{URL}?assigned_to=Eva"), "assigned_to"),
        (send(client, ids=[str(four[0])], expected_total=1, action="assign", assigned_to="none"), "assigned_to"),
    ):
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json["errors"]] == [field]
        assert "must be the id of an account" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(("q", "expected"), [("erfunden", 1), ("erfunden", 5), ("1", 2)])
def test_who_learns_by_a_refusal_how_many_there_are_has_learned_of_them(
    client: FlaskClient, four: list[UUID], q: str, expected: int
) -> None:
    before = actions(client, four[0])
    refused = send(client, filter={"q": q}, expected_total=expected, **ASSIGN)
    assert (refused.status_code, refused.json["code"]) == (409, "bulk.other_total")
    assert f", expected: {expected}." in refused.json["detail"]
    assert actions(client, four[0]) == ["read", *before]
    assert in_charge(client) == []


def test_the_same_filter_finds_the_same_patients(client: FlaskClient, four: list[UUID]) -> None:
    for filters in ({"q": "erfunden", "status": ["open", "searching"]}, {"postal_code": ["52062"]}, {}):
        assert send(client, filter=filters, expected_total=4, **ASSIGN).status_code == 200, filters
    assert send(client, filter={"q": "-"}, expected_total=4, **ASSIGN).status_code == 422
    nobody = str(uuid4())
    refused = send(client, ids=[str(four[0]), nobody], expected_total=2, **ASSIGN)
    assert (refused.status_code, refused.json["unknown_ids"]) == (409, [nobody])
    assert send(client, ids=[str(four[0])], expected_total=1, action="assign").status_code == 422


def test_only_coordinators_assign(app: Flask, four: list[UUID]) -> None:
    for role in (Role.CALLER, Role.AUDITOR, Role.IMPORTER):
        assert send(signed_in(app, role), ids=[str(four[0])], expected_total=1, **ASSIGN).status_code == 403
