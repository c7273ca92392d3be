"""Therapists whom staff take out: nobody but staff brings them back, and a block wins."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.builders.therapists import a_therapist
from tests.events import recorded


def test_staff_take_a_therapist_out_and_let_them_come_back(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    assert client.post(f"{url}/reactivate").status_code == 409
    gone = client.post(f"{url}/deactivate", json={"reason": "retired"}).json
    assert (gone["status"], gone["inactive_by"], gone["version"]) == ("inactive", "staff", 2)
    assert client.post(f"{url}/deactivate").json["code"] == "therapist.inactive_already"
    back = client.post(f"{url}/reactivate").json
    assert (back["status"], back["inactive_by"]) == ("active", None)
    published = [(each["type"], each["data"]["therapist"]["status"]) for each in recorded(session, known.id)][1:]
    history = client.get(f"{url}/history").json["items"][1:]
    assert [(each["action"], each["reason"]) for each in history] == [("deactivated", "retired"), ("changed", None)]
    assert published == [("therapist.deactivated", "inactive"), ("therapist.updated", "active")]


def test_a_block_wins_and_what_staff_said_counts_after_it(client: FlaskClient, session: Session) -> None:
    url = f"/api/therapists/{a_therapist(session).id}"
    client.post(f"{url}/block", json={"reason": "rests"})
    blocked = client.post(f"{url}/deactivate").json
    assert (blocked["status"], blocked["inactive_by"]) == ("blocked", "staff")
    assert client.post(f"{url}/unblock").json["status"] == "inactive"
    client.post(f"{url}/block", json={"reason": "rests"})
    assert client.post(f"{url}/reactivate").json["status"] == "blocked"
    assert client.post(f"{url}/unblock").json["status"] == "active"


def test_no_import_brings_back_whom_staff_took_out(client: FlaskClient, session: Session, folder: Folder) -> None:
    folder.bring(FIRST, a_file([a_record("a-1")]))
    folder.bring(SECOND, a_file(deletions=[{"external_id": "a-1"}]))
    (known,) = client.get("/api/therapists").json["items"]
    url = f"/api/therapists/{known['id']}"
    assert client.get(url).json["inactive_by"] == "import"
    assert client.post(f"{url}/deactivate").json["inactive_by"] == "staff"
    folder.bring(THIRD, a_file([a_record("a-1", city="Köln")]))
    shown = client.get(url).json
    assert (shown["status"], shown["inactive_by"], shown["city"]) == ("inactive", "staff", "Köln")
