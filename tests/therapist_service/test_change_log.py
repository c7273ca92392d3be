"""The history of a therapist: who or which file changed what, and where each field has its value from."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.http.web import web_app
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.builders.therapists import a_therapist, new_therapist
from tests.conftest import MONDAY
from therapist_service import jobs
from therapist_service.domain import change_log
from therapist_service.service import SERVICE
from therapist_service.store.tables import Therapist, TherapistChange

Shown = list[tuple[Any, ...]]


@pytest.fixture
def app(folder: Folder) -> Flask:
    return web_app(SERVICE, folder.settings)


def of(client: FlaskClient, url: str, *members: str) -> Shown:
    return [tuple(each[name] for name in members) for each in client.get(f"{url}/history").json["items"]]


def fields(change: tuple[Any, ...]) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in change[-1]}


def test_every_act_of_staff_and_of_a_job_is_in_the_history(app: Flask, client: FlaskClient) -> None:
    staff = signed_in(app, Role.ADMIN)
    known = staff.post("/api/therapists", json=new_therapist(phone="+49241123456")).json
    url = f"/api/therapists/{known['id']}"
    hours = {"monday": [{"start": "09:00", "end": "10:00"}]}
    assert (
        staff.patch(
            url, json={"phone_hours": hours, "holidays": [{"from": "2026-12-01", "to": "2026-12-02"}]}
        ).status_code
        == 200
    )
    assert staff.patch(url, json={"phone_hours": hours}).status_code == 200  # nothing changes
    staff.post(f"{url}/block", json={"reason": "rests", "until": "2098-12-31"})
    jobs.lift_blocks(MONDAY.replace(year=2099))
    history = of(staff, url, "action", "changed_by", "import_id", "file", "difference")
    anna = str(ANNA)
    assert [entry[:-1] for entry in history] == [
        ("registered", anna, None, None),
        ("changed", anna, None, None),
        ("blocked", anna, None, None),
        ("unblocked", None, None, None),
    ]
    registered, changed, blocked, unblocked = map(fields, history)
    assert registered["phone"] == (None, "+49241123456")
    assert "gender" not in registered  # nobody typed it
    assert changed.keys() == {"phone_hours", "holidays", "protected_fields"}
    assert (changed["phone_hours"], changed["holidays"][0]) == ((None, hours), [])
    assert (blocked["status"], blocked["block_reason"]) == (("active", "blocked"), (None, "rests"))
    assert unblocked["block_until"] == ("2098-12-31", None)
    page = staff.get(f"{url}/history?limit=3&count_by=action&view=row").json
    assert (page["total"], page["counts"]["changed"], "difference" in page["items"][0]) == (4, 1, False)
    (last,) = staff.get(f"{url}/history?after={page['next']}").json["items"]
    assert last["action"] == "unblocked"
    assert client.get(f"/api/therapists/{new_id()}/history").status_code == 404


def test_an_import_names_file_and_record_and_writes_nothing_of_what_is_unchanged(
    app: Flask, client: FlaskClient, session: Session, folder: Folder
) -> None:
    first = folder.bring(FIRST, a_file([a_record("a-1"), a_record("a-2", city="Köln")]))
    second = folder.bring(
        SECOND, a_file(additions=[a_record("a-1")], modifications=[a_record("a-2", city="Bonn", postal_code="53111")])
    )
    ids = {each["source"]["external_id"]: each["id"] for each in client.get("/api/therapists").json["items"]}
    members = ("action", "changed_by", "import_id", "file", "position", "difference")
    assert of(client, f"/api/therapists/{ids['a-1']}", *members) == [("registered", None, str(first.id), FIRST, 0, [])]
    registered, changed = of(client, f"/api/therapists/{ids['a-2']}", *members)
    assert (registered[:-1], changed[:-2]) == (
        ("registered", None, str(first.id), FIRST, 1),
        ("changed", None, str(second.id), SECOND),
    )
    assert fields(changed)["city"] == ("Köln", "Bonn")
    folder.bring(THIRD, a_file(deletions=["a-1"]))
    (_, gone) = of(client, f"/api/therapists/{ids['a-1']}", "action", "difference")
    assert gone[0] == "deactivated"
    assert fields(gone) == {"status": ("active", "inactive"), "inactive_by": (None, "import")}
    assert session.scalar(select(func.count()).select_from(TherapistChange)) == 4


def test_each_field_says_who_or_which_file_set_it_last(app: Flask, session: Session, folder: Folder) -> None:
    by_hand = a_therapist(session, phone="+49241123456")
    folder.bring(FIRST, a_file([a_record("a-1", phone="+49241111111", title=None)]))
    staff = signed_in(app, Role.ADMIN)
    (brought,) = (each for each in staff.get("/api/therapists").json["items"] if each["source"])
    origins = brought["field_origins"]
    assert (origins["city"]["file"], origins["city"]["changed_by"]) == (FIRST, None)
    assert not {"title", "working_hours", "status"} & origins.keys()
    url = f"/api/therapists/{brought['id']}"
    staff.patch(url, json={"phone": "+49241222222", "seat_share": 0.5})
    folder.bring(SECOND, a_file(modifications=[a_record("a-1", phone="+49241333333", city="Köln", title="Dr.")]))
    whole = staff.get(url).json
    who = {name: each["changed_by"] or each["file"] for name, each in whole["field_origins"].items()}
    assert {name: who[name] for name in ("phone", "seat_share", "city", "title", "last_name")} == {
        "phone": str(ANNA),
        "seat_share": str(ANNA),
        "city": SECOND,
        "title": SECOND,
        "last_name": FIRST,
    }
    shown = staff.get(f"/api/therapists/{by_hand.id}").json["field_origins"]
    assert set(shown) == set(new_therapist(phone=None))
    assert {each["file"] for each in shown.values()} == {None}


def test_what_is_not_logged_are_columns_of_the_table() -> None:
    columns = {column.name for column in Therapist.__table__.columns}
    assert columns >= change_log.NOT_LOGGED
