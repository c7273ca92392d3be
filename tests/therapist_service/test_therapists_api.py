"""Therapists over HTTP."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders.therapists import a_therapist, new_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import blocks


def test_a_new_therapist_is_shown_as_entered_and_published(client: FlaskClient, session: Session) -> None:
    hours = {"monday": [{"start": "09:00", "end": "10:00"}, {"start": "10:00", "end": "11:00"}]}
    answer = client.post("/api/therapists", json=new_therapist(last_name="von der Heide", phone_hours=hours))
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    therapist = answer.json
    assert answer.headers["Location"].endswith(f"/api/therapists/{therapist['id']}")
    assert therapist["phone_hours"] == {"monday": [{"start": "09:00", "end": "11:00"}]}
    assert therapist["status"] == "active"
    assert "last_name" in therapist["protected_fields"]
    (event,) = recorded(session, therapist["id"])
    assert event["type"] == "therapist.registered"
    assert event["sequence"] == 1
    assert event["data"]["therapist"]["last_name"] == "von der Heide"


def test_a_therapist_without_a_name_or_with_unknown_fields_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/therapists", json={"first_name": "A", "colour": "red", "procedures": ["XX"]})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json["errors"]} == {"last_name", "colour", "procedures.0"}


def test_a_patch_changes_protects_and_counts(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    answer = client.patch(f"/api/therapists/{known.id}", json={"phone": "0241 123456", "city": None})
    assert answer.status_code == 200
    assert answer.json["version"] == 2
    assert answer.json["city"] is None
    assert {"phone", "city"} <= set(answer.json["protected_fields"])
    assert [event["sequence"] for event in recorded(session, known.id)] == [1, 2]


def test_a_patch_that_changes_nothing_is_no_change(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    answer = client.patch(f"/api/therapists/{known.id}", json={"last_name": "Erfunden", "status": "active"})
    assert (answer.status_code, answer.json["version"]) == (200, 1)
    assert len(recorded(session, known.id)) == 1


def test_a_lost_update_is_refused(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    assert client.patch(url, json={"city": "Köln"}, headers={"If-Match": '"1"'}).status_code == 200
    assert client.patch(url, json={"city": "Bonn"}, headers={"If-Match": '"1"'}).status_code == 412
    assert client.get(url).json["city"] == "Köln"


def test_a_read_only_field_cannot_be_changed(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    answer = client.patch(f"/api/therapists/{known.id}", json={"status": "blocked"})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "status"


def test_staff_can_lift_the_protection_of_a_field_but_not_invent_one(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    assert client.patch(url, json={"protected_fields": ["city"]}).json["protected_fields"] == ["city"]
    assert client.patch(url, json={"protected_fields": ["city", "fax"]}).status_code == 422


def test_a_block_needs_a_reason_and_can_be_lifted(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    assert client.post(f"{url}/block", json={}).status_code == 422
    assert client.post(f"{url}/block", json={"reason": "wishes no contact", "until": "2020-01-01"}).status_code == 422
    blocked = client.post(f"{url}/block", json={"reason": "wishes no contact"}).json
    assert (blocked["status"], blocked["block"]["reason"]) == ("blocked", "wishes no contact")
    assert client.post(f"{url}/unblock").json["block"] is None
    assert client.post(f"{url}/unblock").status_code == 409
    assert [e["type"] for e in recorded(session, known.id)][1:] == ["therapist.blocked", "therapist.unblocked"]


def test_a_block_that_ran_out_is_lifted_the_day_after(session: Session) -> None:
    from therapist_service.domain import therapists
    from therapist_service.domain.schemas import NewBlock

    known = a_therapist(session)
    today = MONDAY.date()
    blocks.block(session, known.id, NewBlock(reason="ill", until=today), today=today, by=None, now=MONDAY)
    assert blocks.lift_blocks_that_ran_out(session, today=today, now=MONDAY) == 0
    tomorrow = MONDAY + timedelta(days=1)
    assert blocks.lift_blocks_that_ran_out(session, today=tomorrow.date(), now=tomorrow) == 1
    assert therapists.get(session, known.id).status == "active"


def test_lists_are_paged_filtered_and_searched(client: FlaskClient, session: Session) -> None:
    a_therapist(session, last_name="Null", city="Zülpich", phone="+49 2252 998877")
    a_therapist(session, last_name="Tietz -Roder", city="Zülpich", procedures=["TP", "AP"])
    a_therapist(session, last_name="Ax", city="Euskirchen")
    page = client.get("/api/therapists?city=Zülpich&limit=1").json
    assert (page["total"], [t["last_name"] for t in page["items"]]) == (2, ["Null"])
    assert client.get("/api/therapists?city=Zülpich&procedure=AP").json["items"][0]["last_name"] == "Tietz -Roder"
    assert client.get("/api/therapists?q=02252/998877").json["items"][0]["last_name"] == "Null"
    assert client.get("/api/therapists?q=zülp+tietz").json["total"] == 1
    assert client.get("/api/therapists?limit=201").status_code == 422
    assert client.get("/api/therapists?colour=red").status_code == 422


def test_an_unknown_therapist_is_not_found(client: FlaskClient) -> None:
    assert client.get(f"/api/therapists/{uuid4()}").status_code == 404
    assert client.get("/api/therapists/nonsense").status_code == 404


def test_the_same_key_enters_a_therapist_once(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/therapists", json=new_therapist(), headers=headers)
    again = client.post("/api/therapists", json=new_therapist(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["id"] == again.json["id"]
    other = client.post("/api/therapists", json=new_therapist(last_name="Other"), headers=headers)
    assert other.status_code == 422


def test_preferences_are_merged_and_published(client: FlaskClient, session: Session) -> None:
    preferences = {"diagnoses": ["f30–f39", "F30-F39"], "min_age": 30}
    known = a_therapist(session, preferences=preferences, call_note="Ask for Ms. Roth.")
    url = f"/api/therapists/{known.id}"
    changed = client.patch(url, json={"preferences": {"max_age": 60, "genders": ["female"]}, "seat_share": 0.5}).json
    preferences = {"diagnoses": ["F30-F39"], "min_age": 30, "max_age": 60, "genders": ["female"]}
    assert changed["preferences"] == preferences
    published = recorded(session, known.id)[-1]["data"]["therapist"]
    assert (published["preferences"], published["seat_share"]) == (preferences, 0.5)
    assert published["call_note"] == "Ask for Ms. Roth."
    for wrong in ({"max_age": 20}, {"diagnoses": ["F32.1"]}, {"colour": "red"}):
        assert client.patch(url, json={"preferences": wrong}).status_code == 422
    assert client.patch(url, json={"preferences": None}).json["preferences"] is None
    assert recorded(session, known.id)[-1]["data"]["therapist"]["preferences"] is None
