"""Imports over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection

from shared.http.web import web_app
from tests.builders.imports import FIRST, SECOND, Folder, a_file, a_record
from tests.conftest import MONDAY
from therapist_service.clients.inbox import Inbox
from therapist_service.jobs.import_folder import ImportFolder
from therapist_service.jobs.undoing import undo_imports
from therapist_service.service import SERVICE


@pytest.fixture
def app(folder: Folder) -> Flask:
    return web_app(SERVICE, folder.settings)


def test_a_named_file_is_imported_and_can_be_looked_at(client: FlaskClient, folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record("a-1"), a_record("a-2", last_name=None)]))
    answer = client.post("/api/imports", json={"file": FIRST})
    assert (answer.status_code, answer.json["status"]) == (202, "running")
    place = answer.headers["Location"]
    assert place.endswith(f"/api/imports/{answer.json['id']}")
    folder.work()
    shown = client.get(place).json
    assert (shown["status"], shown["file"], shown["scrape_id"]) == ("completed", FIRST, "2026112304")
    assert shown["counts"] == {
        "additions": 1, "modifications": 0, "deletions": 0, "unchanged": 0, "waiting": 0, "rejected": 1,
    }  # fmt: skip
    page = client.get(f"{place}/records?outcome=rejected").json
    assert (page["total"], page["items"][0]["external_id"]) == (1, "a-2")
    assert page["items"][0]["reason"] == "last_name: is required"
    assert client.get(f"{place}/records?limit=1&offset=1").json["total"] == 2
    assert client.get(f"{place}/records?outcome=lost").status_code == 422


def test_an_import_of_a_file_that_is_still_being_written_says_so(client: FlaskClient, folder: Folder) -> None:
    whole = json.dumps(a_file([a_record()]))
    folder.drop(FIRST, whole[:-30], at=MONDAY)
    place = client.post("/api/imports", json={"file": FIRST}).headers["Location"]
    folder.work(MONDAY + timedelta(seconds=10))
    shown = client.get(place).json
    assert (shown["status"], "may still be being written" in shown["reason"]) == ("running", True)
    folder.drop(FIRST, whole, at=MONDAY + timedelta(seconds=20))
    folder.work(MONDAY + timedelta(seconds=21))
    shown = client.get(place).json
    assert (shown["status"], shown["reason"]) == ("completed", None)


def test_a_file_of_another_name_is_logged_once(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.drop("therapists_today.json", a_file([a_record()]))
    folder.work()
    folder.work()
    assert folder.imports() == []
    logged = capsys.readouterr()
    assert (logged.out + logged.err).count("imports.file_ignored") == 1
    assert "therapists_today.json" in logged.out + logged.err


def test_without_a_name_the_next_file_is_taken(client: FlaskClient, folder: Folder) -> None:
    folder.drop(SECOND, a_file([a_record("a-2")]))
    folder.drop(FIRST, a_file([a_record("a-1")]))
    assert client.post("/api/imports").json["file"] == FIRST
    assert client.post("/api/imports", json={}).json["file"] == SECOND
    done = client.post("/api/imports")
    assert done.status_code == 404
    assert done.json["detail"].endswith("all 2 that lie there were imported or asked for.")


def test_a_known_file_is_refused_with_the_place_of_its_import(client: FlaskClient, folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    first = client.post("/api/imports", json={"file": FIRST})
    assert client.post("/api/imports", json={"file": FIRST}).status_code == 409
    folder.drop(SECOND, a_file([a_record()]))
    folder.work()
    for name in (FIRST, SECOND):
        again = client.post("/api/imports", json={"file": name})
        assert (again.status_code, again.content_type) == (409, "application/problem+json")
        assert again.headers["Location"].endswith(f"/api/imports/{first.json['id']}")
    by_file = {each["file"]: each for each in client.get("/api/imports").json["items"]}
    original, copy = by_file[FIRST], by_file[SECOND]
    assert (copy["status"], copy["duplicate_of"]) == ("rejected", original["id"])
    assert (original["status"], original["duplicate_of"]) == ("completed", None)


def test_an_undone_file_is_imported_once_more_when_somebody_asks(client: FlaskClient, folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    folder.work()
    first = client.get("/api/imports").json["items"][0]["id"]
    client.post(f"/api/imports/{first}/undo")
    while undo_imports(MONDAY):
        pass
    folder.drop(SECOND, a_file([a_record()]))
    folder.work()
    (copy,) = client.get("/api/imports?status=rejected").json["items"]
    assert (copy["status"], copy["duplicate_of"], "asks for the file by its name" in copy["reason"]) == (
        "rejected", first, True,
    )  # fmt: skip
    again = client.post("/api/imports", json={"file": FIRST})
    assert (again.status_code, client.post("/api/imports", json={"file": FIRST}).status_code) == (202, 409)
    folder.work()
    shown = client.get(again.headers["Location"]).json
    # the undo left them inactive
    assert (shown["status"], shown["counts"]["modifications"], shown["id"] != first) == ("completed", 1, True)
    statuses = [each["status"] for each in client.get("/api/therapists?status=active").json["items"]]
    assert statuses == ["active"]


def test_the_same_key_starts_one_import(client: FlaskClient, folder: Folder) -> None:
    folder.drop(FIRST, a_file([a_record()]))
    first, again = (client.post("/api/imports", headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, again.status_code, first.json["id"]) == (202, 202, again.json["id"])


def test_imports_are_listed_newest_first(client: FlaskClient, folder: Folder) -> None:
    for name in (FIRST, SECOND):
        folder.bring(name, a_file([a_record(name)]))
    page = client.get("/api/imports?limit=1").json
    assert (page["total"], page["items"][0]["file"]) == (2, SECOND)


@pytest.mark.parametrize(
    "name",
    [
        "../therapists_20261123_040000.json",
        "/etc/passwd",
        "..%2ftherapists_20261123_040000.json",
        "sub/therapists_20261123_040000.json",
        "therapists_20261123_040000.json/..",
        "file:///etc/therapists_20261123_040000.json",
        "therapists_²0261123_040000.json",
        "",
        5,
    ],
)
def test_a_file_is_a_name_and_never_a_path(client: FlaskClient, folder: Folder, name: Any) -> None:
    (folder.path.parent / FIRST).write_text("outside")
    answer = client.post("/api/imports", json={"file": name})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "file")


def test_a_name_of_another_kind_is_refused_with_what_is_awaited(client: FlaskClient) -> None:
    (error,) = client.post("/api/imports", json={"file": "foo.json"}).json["errors"]
    assert error["field"] == "file"
    assert "IMPORT_URL, like therapists_20261120_040000.json" in error["message"]


def test_who_names_a_missing_file_is_told_which_are_there(client: FlaskClient, folder: Folder) -> None:
    folder.drop(SECOND, a_file([]))
    assert f"the last ones are {SECOND}" in client.post("/api/imports", json={"file": FIRST}).json["detail"]


def test_an_address_with_a_password_is_shown_without_it() -> None:
    assert Inbox("s3://key:secret@bucket/folder?endpoint=x").place == "s3://bucket/folder"  # pragma: allowlist secret


def test_what_is_not_there_is_not_found(client: FlaskClient, folder: Folder) -> None:
    missing = client.post("/api/imports", json={"file": FIRST})
    assert missing.status_code == 404
    assert str(folder.path) in missing.json["detail"]
    assert "no file of such a name lies there" in missing.json["detail"]
    for path in (f"/api/imports/{uuid4()}", f"/api/imports/{uuid4()}/records", "/api/imports/nonsense"):
        assert client.get(path).status_code == 404


def test_a_folder_that_is_away_says_so(client: FlaskClient, folder: Folder) -> None:
    Path(folder.path).rename(folder.path.with_name("elsewhere"))
    answer = client.post("/api/imports", json={"file": FIRST})
    assert (answer.status_code, answer.json["code"]) == (503, "import.folder")
    folder.path.with_name("elsewhere").rename(folder.path)


def test_without_a_folder_nothing_can_be_imported(settings: Any, connection: Connection) -> None:
    client = web_app(SERVICE, settings.model_copy(update={"import_url": ""})).test_client()
    assert client.post("/api/imports").status_code == 409
    assert ImportFolder(settings.model_copy(update={"import_url": ""})).watch(MONDAY) == 0
