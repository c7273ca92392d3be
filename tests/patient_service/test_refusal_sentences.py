"""The sentences of refusals: each says enough for a person who sees nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

JSON = {"Content-Type": "application/json"}
NEW = {"first_name": "Nora", "last_name": "Herbstwind"}


@pytest.fixture
def patient(client: FlaskClient) -> Any:
    answer = client.post("/api/patients", json=NEW)
    assert answer.status_code == 201
    return answer.json


def test_the_sentence_names_the_first_field_and_how_many_more(client: FlaskClient) -> None:
    detail = client.post("/api/patients", json={"email": "nobody"}).json["detail"]
    assert detail == "The input is not valid (first_name: is required; 2 more fields)."
    detail = client.post("/api/patients", json={"first_name": "Nora"}).json["detail"]
    assert detail == "The input is not valid (last_name: is required)."


@pytest.mark.parametrize("body", ['{"first_name":\n"No', '{"first_name":\n  nora}'])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_body_that_is_no_json_is_refused_with_line_and_column(
    client: FlaskClient, patient: Any, method: str, body: str
) -> None:
    path = "/api/patients" if method == "post" else f"/api/patients/{patient['id']}"
    refused = client.open(path, method=method.upper(), data=body, headers=JSON)
    assert refused.status_code == 400
    assert ": see line 2, column" in refused.json["detail"]
    assert "nora" not in refused.json["detail"]


def test_a_patch_of_the_status_says_what_changes_it(client: FlaskClient, patient: Any) -> None:
    refused = client.patch(f"/api/patients/{patient['id']}", json={"status": "searching", "reference": "P-2222-22"})
    messages = {each["field"]: each["message"] for each in refused.json["errors"]}
    assert messages == {
        "status": "is changed by POST /api/patients/{id}/status",
        "reference": "cannot be changed",
    }


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("in_therapy", "A patient who is open cannot become in_therapy; from here: searching, search_aborted."),
        ("open", "This patient's status is open already."),
    ],
)
def test_a_step_that_does_not_exist_names_those_that_do(
    client: FlaskClient, patient: Any, status: str, sentence: str
) -> None:
    refused = client.post(f"/api/patients/{patient['id']}/status", json={"status": status})
    assert (refused.status_code, refused.json["detail"]) == (409, sentence)


def test_an_id_that_is_none_is_explained(client: FlaskClient) -> None:
    refused = client.get("/api/patients/123")
    assert (refused.status_code, "an id is a UUID" in refused.json["detail"]) == (404, True)


def test_a_version_that_is_old_says_what_to_do(client: FlaskClient, patient: Any) -> None:
    refused = client.patch(f"/api/patients/{patient['id']}", json={"title": "Dr."}, headers={"If-Match": '"99"'})
    assert refused.status_code == 412
    assert refused.json["detail"].endswith("Read it again and repeat with its ETag.")
