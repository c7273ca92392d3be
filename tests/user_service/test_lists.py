"""Lists of accounts, sessions and logs."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.values.enums import Role
from tests.builders.lists import sorted_without_index
from tests.user_service.conftest import CallAs
from user_service.store import lists
from user_service.store.tables import Account

CSV = {"Accept": "text/csv"}


@pytest.fixture
def people(client: FlaskClient, call_as: CallAs) -> list[str]:
    """The ids of four accounts of people, by their names."""
    call_as()
    roles = [["coordinator"], ["caller"], ["caller", "auditor"], ["importer"]]
    made = []
    for number, each in enumerate(roles):
        body = {"name": f"Person {number}", "email": f"p{number}@example.org", "roles": each}
        made.append(client.post("/api/users", json=body).json["id"])
    return made


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def test_accounts_are_walked_filtered_and_counted(client: FlaskClient, people: list[str]) -> None:
    for sort, expected in (("name", people), ("-name", people[::-1]), ("created_at", people)):
        page = client.get(f"/api/users?limit=3&sort={sort}")
        rest = client.get(f"/api/users?limit=3&sort={sort}&after={page.json['next']}")
        assert ids(page) + ids(rest) == expected, sort
    assert ids(client.get("/api/users?role=caller,importer")) == people[1:]
    assert ids(client.get(f"/api/users?ids={people[3]},{people[0]}&active=true")) == [people[0], people[3]]
    assert client.get("/api/users?count_by=active").json["counts"] == {"true": 4}
    assert client.get("/api/users?role=service").status_code == 422


def test_accounts_and_their_logs_are_files(client: FlaskClient, people: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/users", headers=CSV).text, newline="")))
    assert [row["id"] for row in rows] == people
    assert rows[2]["roles"] == '["auditor", "caller"]'
    url = f"/api/users/{people[0]}/history"
    assert client.get(f"{url}?count_by=change").json["counts"] == {"created": 1}
    assert "created" in client.get(url, headers=CSV).text
    assert client.get(f"/api/users/{people[0]}/sessions", headers=CSV).text.startswith('"id","created_at"')


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.CALLER, Role.IMPORTER, Role.AUDITOR])
def test_everybody_reads_names_and_nothing_else_of_an_account(
    client: FlaskClient, people: list[str], call_as: CallAs, role: Role
) -> None:
    machine = client.post("/api/machine-accounts", json={"name": "scraper", "scopes": []}).json["id"]
    client.delete(f"/api/users/{people[3]}")
    call_as(None, role)
    assert ids(client.get("/api/accounts?kind=person&active=true&role=caller,importer")) == people[1:3]
    assert ids(client.get("/api/accounts?kind=person")) == people
    named = client.get(f"/api/accounts?ids={people[3]},{machine}").json["items"]
    assert named == [
        {"id": people[3], "kind": "person", "name": "Person 3", "roles": ["importer"], "active": False},
        {"id": machine, "kind": "machine", "name": "scraper", "roles": ["service"], "active": True},
    ]
    assert client.get("/api/accounts?count_by=active").json["counts"] == {"true": 4, "false": 1}
    assert client.get("/api/users").status_code == 403


def test_every_order_has_an_index(session: Session) -> None:
    assert sorted_without_index(session, select(Account.id).where(Account.deleted_at.is_(None)), lists.ACCOUNTS) == []
    assert sorted_without_index(session, select(Account.id), lists.ACCOUNTS) == []
