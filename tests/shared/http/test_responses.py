"""Objects leave with their version and their place."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient


def test_a_created_object_comes_with_its_place_and_version(stored: FlaskClient) -> None:
    made = stored.post("/api/benches", json={"name": "x", "built_on": "2026-11-23"})
    assert made.status_code == 201
    assert made.location == f"/api/benches/{made.json['id']}"
    assert made.headers["ETag"] == '"1"'
    shown = stored.get(made.location)
    assert (shown.status_code, shown.json, shown.headers["ETag"]) == (200, made.json, '"1"')
    assert shown.json["created_at"].endswith("Z")


def test_the_place_has_no_doubled_slash(client: FlaskClient) -> None:
    made = client.post("/api/plain/", json={"name": "x"})
    assert made.location == f"/api/plain/{made.json['id']}"


def test_work_that_goes_on_says_where_to_look(client: FlaskClient) -> None:
    answer = client.put("/api/plain")
    assert (answer.status_code, answer.location) == (202, "/api/plain/jobs/1")


def test_deleting_answers_with_nothing(stored: FlaskClient) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    gone = stored.delete(made.location)
    assert (gone.status_code, gone.data) == (204, b"")
    assert "Content-Type" not in gone.headers
    assert stored.delete(made.location).status_code == 404


@pytest.mark.parametrize("seen", [None, "*", '"1"', '"0", "1"', '"x" ,\t"1"', 'W/"2","1"', " * "])
def test_a_change_passes_where_the_version_is_the_one_seen(stored: FlaskClient, seen: str | None) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    changed = stored.patch(made.location, json={"name": "y"}, headers={"If-Match": seen.strip()} if seen else {})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')


OTHER_VERSIONS = ['"2"', '"0"', '"abc"', '""', '"-1"', '"01"', '"' + "9" * 40 + '"', 'W/"1"', 'W/"1", "2"', '"1,1"']


@pytest.mark.parametrize("seen", OTHER_VERSIONS)
def test_a_change_of_another_version_is_a_lost_update(stored: FlaskClient, seen: Any) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    lost = stored.patch(made.location, json={"name": "y"}, headers={"If-Match": seen})
    assert lost.status_code == 412
    assert stored.get(made.location).json["name"] == "x"


@pytest.mark.parametrize(
    "sent", ["", "1", "abc", '"1', '1"', '"²"', 'w/"1"', '*, "1"', '"1" "2"', '"1",', '"' + "1" * 1000 + '"']
)
def test_what_is_no_etag_is_refused(stored: FlaskClient, sent: str) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    answer = stored.patch(made.location, json={}, headers={"If-Match": sent})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "If-Match")


def test_a_read_only_field_may_come_back_unchanged_only(stored: FlaskClient) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    assert stored.patch(made.location, json=made.json).status_code == 200
    changed = stored.patch(made.location, json={"id": "another"})
    assert (changed.status_code, changed.json["errors"]) == (422, [{"field": "id", "message": "cannot be changed"}])


def test_an_answer_of_another_kind_passes_untouched(client: FlaskClient) -> None:
    as_sent = "Überweisung".encode().decode("latin-1")
    paper = client.get("/api/paper", headers={"X-Purpose": as_sent})
    assert (paper.mimetype, paper.text) == ("text/csv", "name;Überweisung\n")


def test_an_answer_that_is_not_what_the_endpoint_promised_is_our_mistake(client: FlaskClient) -> None:
    assert client.get("/api/misshapen").status_code == 500
