"""What a request brings is read strictly, and every refusal says what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

JSON = "application/json"


def fields(answer: Any) -> dict[str, str]:
    return {error["field"]: error["message"] for error in answer.json["errors"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{'name': 'x'}",
        b'{"name": "x"} {}',
        b'{"name": NaN}',
        b'{"name": "x", "seats": Infinity}',
        b'{"name": "\xff"}',
        b'\xef\xbb\xbf{"name": "x"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\x00b"}',
        b"[" * 100_000,
        b'{"name":' * 1000 + b"1" + b"}" * 1000,
        b"name=x",
        b"\x00\x01\x02",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_not_json_is_a_bad_request(client: FlaskClient, method: str, body: bytes) -> None:
    path = "/api/plain" if method == "POST" else "/api/benches/00000000-0000-0000-0000-000000000000"
    answer = client.open(path, method=method, data=body, content_type=JSON)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "bad_request"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5", b"true", b'[{"name": "x"}]'])
def test_json_that_is_no_object_is_invalid(client: FlaskClient, body: bytes) -> None:
    for method, path in [("POST", "/api/plain"), ("PATCH", "/api/benches/00000000-0000-0000-0000-000000000000")]:
        answer = client.open(path, method=method, data=body, content_type=JSON)
        assert answer.status_code == 422
        assert "" in fields(answer)


def test_every_wrong_field_is_named_and_no_value_repeated(client: FlaskClient) -> None:
    body = {"seats": "Erika", "built_on": "0", "colour": "Mustermann"}
    answer = client.post("/api/plain", json=body)
    assert answer.status_code == 422
    assert set(fields(answer)) == {"name", "seats", "built_on", "colour"}
    assert "Erika" not in answer.text
    assert "Mustermann" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "name": "b"}',
        b'{"name": "a", "n\\u0061me": "a"}',
        b'{"name": "a", "x": [{"name": 1, "name": 1}]}',
    ],
)
def test_a_repeated_name_is_refused(stored: FlaskClient, body: bytes) -> None:
    """Parsers take the last value or the first: what a proxy or a person has read may be the other one."""
    answer = stored.post("/api/plain", data=body, content_type=JSON)
    assert (answer.status_code, fields(answer)) == (422, {"name": "must be given once"})
    bench = stored.post("/api/benches", json={"name": "x"}).location
    patched = stored.patch(bench, data=body, content_type=JSON)
    assert (patched.status_code, fields(patched)) == (422, {"name": "must be given once"})


def test_words_that_look_like_numbers_json_lacks_are_text(client: FlaskClient) -> None:
    assert client.post("/api/plain", json={"name": "Infinity NaN"}).status_code == 201


def test_a_nul_character_is_refused_before_the_database_sees_it(client: FlaskClient) -> None:
    assert client.post("/api/plain", json={"name": "a\x00b"}).status_code == 422
    assert client.get("/api/benches?names=%00").status_code == 422
    assert client.get("/api/failing/a%00b").status_code == 404


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx", ""]
)
def test_another_media_type_is_not_supported(client: FlaskClient, media_type: str) -> None:
    answer = client.post("/api/plain", data=b'{"name": "x"}', headers={"Content-Type": media_type})
    assert answer.status_code == 415


def test_a_merge_patch_has_a_media_type_of_its_own_which_only_patch_takes(stored: FlaskClient) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    merge_patch = "application/merge-patch+json; charset=utf-8"
    changed = stored.patch(made.location, data=b'{"seats": 3}', content_type=merge_patch)
    assert (changed.status_code, changed.json["seats"]) == (200, 3)
    assert stored.post("/api/benches", data=b'{"name": "y"}', content_type=merge_patch).status_code == 415


def test_a_compressed_body_is_not_supported(client: FlaskClient) -> None:
    answer = client.post("/api/plain", json={"name": "x"}, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_body_over_the_limit_is_too_large(client: FlaskClient) -> None:
    answer = client.post("/api/plain", json={"name": "x" * 1024 * 1024})
    assert answer.status_code == 413
    assert client.put("/api/plain", data=b" " * (1024 * 1024 + 1), content_type=JSON).status_code == 413


def test_a_body_may_be_left_out_where_nothing_in_it_is_required(stored: FlaskClient) -> None:
    made = stored.post("/api/benches", json={"name": "x"})
    assert stored.post(f"{made.location}/nap").status_code == 200
    assert stored.post(f"{made.location}/nap", data=b"", content_type=JSON).status_code == 200


def test_without_any_body_the_missing_fields_are_named(client: FlaskClient) -> None:
    answer = client.post("/api/plain")
    assert (answer.status_code, fields(answer)) == (422, {"name": "is required"})


def test_who_sends_an_unknown_field_is_told_which_there_are(client: FlaskClient) -> None:
    """The name is the sender's slip, as in the body so in the query."""
    known = "is not a known field (known: name"
    assert fields(client.post("/api/plain", json={"name": "x", "file_name": 1}))["file_name"].startswith(known)


def test_an_endpoint_without_fields_takes_none(client: FlaskClient) -> None:
    assert client.put("/api/plain", json={}).status_code == 202
    assert fields(client.put("/api/plain", json={"surprise": 1})) == {"surprise": "is not a known field"}
    assert client.put("/api/plain", json=[1]).status_code == 422


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=201", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("seats=x", "seats"),
        ("limit=1_0", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=05", "limit"),
        ("limit=%205", "limit"),
        ("limit=5.0", "limit"),
        ("limit=%D9%A5", "limit"),
        ("seats=true", "seats"),
        ("seats=1e1", "seats"),
        ("seats=" + "9" * 5000, "seats"),
        ("colour=red", "colour"),
        ("names=M%FCller", "names"),
        ("names=a&names=%C3", "names"),
        ("limit=1&M%FCller=1", "M\ufffdller"),
    ],
)
def test_a_query_is_read_strictly(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"/api/benches?{query}")
    assert answer.status_code == 422
    assert set(fields(answer)) == {field}


def test_a_parameter_that_nobody_knows_is_refused_also_where_none_are_known(client: FlaskClient) -> None:
    assert client.get("/api/misshapen?x=1").status_code == 422
    assert client.delete("/api/plain?x=1").status_code == 422


def test_a_list_is_paged(stored: FlaskClient) -> None:
    for number in range(3):
        stored.post("/api/benches", json={"name": f"bench {number}"})
    page = stored.get("/api/benches?limit=2&offset=1").json
    assert [item["name"] for item in page["items"]] == ["bench 1", "bench 2"]
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 1)
    assert stored.get("/api/benches?names=a&names=b").json["limit"] == 50


def test_a_flag_is_read_from_the_query(client: FlaskClient) -> None:
    assert client.post("/api/benches?force=perhaps", json={"name": "x"}).status_code == 422
