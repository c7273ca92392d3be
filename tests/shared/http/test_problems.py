"""Refusals leave as problems, and nothing else leaves with them."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.shared.http.sample import create_app


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("conflict", 409, "bench.taken"),
        ("lost", 412, "bench.changed"),
        ("unknown-caller", 401, "visitor.unknown"),
        ("too-often", 429, "bench.too_often"),
        ("unreachable", 503, "park.closed"),
        ("bug", 500, "internal"),
        ("without-status", 500, "internal"),
    ],
)
def test_an_error_becomes_a_problem(client: FlaskClient, how: str, status: int, code: str) -> None:
    answer = client.get(f"/api/failing/{how}", headers={"X-Correlation-Id": "abc-1"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["code"] == code
    assert answer.json["correlation_id"] == answer.headers["X-Correlation-Id"] == "abc-1"
    more = {"current", "updated_by", "updated_at"} if status == 412 else set()
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "correlation_id", "errors"} | more


def test_testing_makes_no_difference(client: FlaskClient) -> None:
    app = create_app()
    app.testing = True
    answers = [each.get("/api/failing/conflict") for each in (client, app.test_client())]
    assert {answer.status_code for answer in answers} == {409}


@pytest.mark.parametrize("how", ["bug", "without-status"])
def test_a_bug_leaves_no_trace_outside(client: FlaskClient, how: str) -> None:
    answer = client.get(f"/api/failing/{how}")
    for secret in ("Traceback", "KeyError", "Erika", "Mustermann", ".py", "File"):
        assert secret not in answer.text


def test_what_may_help_later_says_when(client: FlaskClient) -> None:
    assert int(client.get("/api/failing/unreachable").headers["Retry-After"]) > 0
    assert client.get("/api/failing/too-often").headers["Retry-After"] == "17"


def test_who_must_sign_in_is_told_how(client: FlaskClient) -> None:
    assert client.get("/api/failing/unknown-caller").headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    for path in ("/", "/api", "/api/nothing", "/api/benches/not-a-uuid", "/api//plain", "/api/plain/%ff", "/x?q=%ff"):
        answer = client.get(path)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json"), path


def test_a_wrong_method_says_which_are_right(client: FlaskClient) -> None:
    answer = client.patch("/api/plain", json={})
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert {"GET", "POST", "PUT", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert client.post("/health/live").headers["Allow"]
    assert client.open("/api/plain", method="BREW").status_code == 405


def test_a_trailing_slash_is_forgiven(client: FlaskClient) -> None:
    assert client.get("/api/plain/").status_code == 200


def test_head_and_options_behave(client: FlaskClient) -> None:
    head = client.head("/api/plain")
    assert (head.status_code, head.data) == (200, b"")
    options = client.options("/api/plain")
    assert options.status_code == 200
    assert "PUT" in options.headers["Allow"]


def test_a_rule_broken_is_unprocessable(stored: FlaskClient) -> None:
    answer = stored.post("/api/benches", json={"name": "forbidden"})
    assert (answer.status_code, answer.json["code"]) == (422, "bench.forbidden")


def test_a_race_that_the_constraint_decides_is_a_conflict(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"})
    answer = stored.post("/api/benches", json={"name": "x"})
    assert (answer.status_code, answer.json["code"]) == (409, "state.conflict")
    assert "uq_bench" not in answer.text


def test_a_number_beyond_the_column_is_unprocessable(stored: FlaskClient) -> None:
    assert stored.post("/api/benches", json={"name": "x", "seats": 2**40}).status_code == 422


def test_without_a_database_the_service_says_so_and_when_to_come_back(without_database: FlaskClient) -> None:
    answer = without_database.post("/api/benches", json={"name": "x"})
    assert (answer.status_code, answer.json["code"]) == (503, "database.unreachable")
    assert int(answer.headers["Retry-After"]) > 0
