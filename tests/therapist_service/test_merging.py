"""Two entries of one therapist become one: fields, sources, contacts, history and events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import EmailSent
from shared.http.web import web_app
from shared.values.enums import Role
from tests.accounts import ANNA, signed_in
from tests.builders.events import happened
from tests.builders.imports import FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain.publishing import snapshots
from therapist_service.listeners import listeners
from therapist_service.service import SERVICE
from therapist_service.store.tables import Therapist


@pytest.fixture
def app(folder: Folder) -> Flask:
    return web_app(SERVICE, folder.settings)


def merge(client: FlaskClient, kept: Any, duplicate: Any) -> Any:
    return client.post(f"/api/therapists/{kept}/merge", json={"duplicate_id": str(duplicate)})


def types(session: Session, therapist_id: UUID) -> list[str]:
    return [event["type"].partition(".")[2] for event in recorded(session, therapist_id)]


def test_the_kept_one_is_filled_and_nothing_it_says_is_lost(app: Flask, session: Session) -> None:
    staff = signed_in(app, Role.ADMIN)
    kept = a_therapist(session, phone="+49241111111", title=None, languages=[], postal_code="52062")
    other = a_therapist(
        session, phone="+49241222222", email="praxis@example.org", languages=["tr"], postal_code="50667", city="Köln",
        email_opt_out=True, contact_preference="phone_only",
    )  # fmt: skip
    capacity = {"individual": {"state": "free", "from": None}, "group": {"state": "unknown"}}
    assert staff.put(f"/api/therapists/{other.id}/capacity", json=capacity).status_code == 200
    shown = merge(staff, kept.id, other.id).json
    assert (shown["phone"], shown["email"], shown["languages"]) == ("+49241111111", "praxis@example.org", ["tr"])
    assert (shown["postal_code"], shown["city"]) == ("52062", "Aachen")
    assert (shown["email_opt_out"], shown["contact_preference"]) == (True, "phone_only")
    assert shown["capacity"]["individual"]["state"] == "free"
    assert {"email", "phone", "languages"} <= set(shown["protected_fields"])
    assert shown["field_origins"]["email"]["changed_by"] == str(ANNA)
    assert (types(session, kept.id)[-1], types(session, other.id)[-1]) == ("updated", "merged")
    assert recorded(session, other.id)[-1]["data"] == {"therapist_id": str(other.id), "merged_into": str(kept.id)}
    history = staff.get(f"/api/therapists/{kept.id}/history").json["items"]
    assert [(each["action"], each["therapist_id"]) for each in history] == [
        ("registered", str(kept.id)),
        ("registered", str(other.id)),
        ("changed", str(other.id)),
        ("merged", str(other.id)),
        ("merged", str(kept.id)),
    ]


def test_the_merged_one_leads_to_the_kept_one_also_over_several_merges(client: FlaskClient, session: Session) -> None:
    first, second, third = (a_therapist(session).id for _ in range(3))
    assert merge(client, second, first).status_code == 200
    assert merge(client, third, second).status_code == 200
    for gone in (first, second):
        url = f"/api/therapists/{gone}"
        for answer in (client.get(url), client.patch(url, json={}), client.delete(url), client.post(f"{url}/unblock")):
            assert (answer.status_code, answer.json["merged_into"]) == (404, {"id": str(third)})
        assert merge(client, new_id(), gone).status_code == 404
        for refused in (merge(client, third, gone), merge(client, gone, third)):
            assert (refused.status_code, refused.json["code"]) == (409, "therapist.merged_before")
    assert (merge(client, third, third).status_code, merge(client, third, new_id()).status_code) == (409, 404)
    assert client.get("/api/therapists").json["total"] == 1
    assert types(session, first) == ["registered", "merged", "merged"]
    states = {each.id: event for each, event in snapshots(session, after=UUID(int=0), limit=9, now=MONDAY)}
    assert [states[each].name for each in (first, second, third)] == 2 * ["therapist.merged"] + ["therapist.updated"]
    assert states[first].merged_into == third
    removal = client.delete(f"/api/therapists/{third}").json
    assert (removal["outcome"], removal["references"]) == ("inactive", ["merged"])
    assert merge(client, third, a_therapist(session).id).status_code == 200


def test_a_block_of_either_counts_and_a_machines_note_about_either(client: FlaskClient, session: Session) -> None:
    kept, other = a_therapist(session).id, a_therapist(session).id
    # who finds a double takes it out first: that says nothing of the kept one
    assert client.post(f"/api/therapists/{other}/deactivate").status_code == 200
    client.post(f"/api/therapists/{other}/block", json={"reason": "rests"})
    shown = merge(client, kept, other).json
    assert (shown["status"], shown["block"]["reason"], shown["inactive_by"]) == ("blocked", "rests", None)
    assert types(session, kept)[-1] == "blocked"
    sent = EmailSent(email_id=new_id(), therapist_id=other, kind="inquiry", placement_request_ids=[], sent_at=MONDAY)
    listeners.apply(session, [happened(sent)], now=MONDAY)
    session.expire_all()
    assert client.get(f"/api/therapists/{kept}").json["last_email_on"] == "2026-11-23"


def test_a_source_goes_on_with_the_kept_one(client: FlaskClient, session: Session, folder: Folder) -> None:
    folder.bring(FIRST, a_file([a_record("a-1"), a_record("x-77", last_name="Mondschein", city="Bonn")]))
    ids = {each["source"]["external_id"]: each["id"] for each in client.get("/api/therapists").json["items"]}
    folder.bring(SECOND, a_file(deletions=["a-1"]))
    shown = merge(client, ids["a-1"], ids["x-77"]).json
    assert (shown["status"], {each["external_id"] for each in shown["sources"]}) == ("active", {"a-1", "x-77"})
    found = client.get("/api/therapists", query_string={"q": "x-77"}).json["items"]
    assert [each["id"] for each in found] == [ids["a-1"]]
    folder.bring(THIRD, a_file(modifications=[a_record("x-77", last_name="Mondschein", phone="+49241222222")]))
    assert client.get(f"/api/therapists/{ids['a-1']}").json["phone"] == "+49241222222"
    left = session.scalars(select(Therapist.phone).where(Therapist.id == UUID(ids["x-77"]))).one()
    assert left is None
    for q in ("mondsch bonn", "aachen"):  # the words of both, also after an import wrote new ones
        found = client.get("/api/therapists", query_string={"q": q}).json["items"]
        assert [each["id"] for each in found] == [ids["a-1"]]


def test_where_the_leading_entry_goes_the_other_one_leads_at_once(
    client: FlaskClient, session: Session, folder: Folder
) -> None:
    first = [a_record(f"{id}-{n}", last_name=id.title(), city="Aachen") for id in ("old", "new") for n in (1, 2)]
    folder.bring(FIRST, a_file(first))
    ids = {each["source"]["external_id"]: each["id"] for each in client.get("/api/therapists").json["items"]}
    for n in (1, 2):
        assert merge(client, ids[f"old-{n}"], ids[f"new-{n}"]).status_code == 200
    leading = [a_record(f"new-{n}", last_name="New", city="Bonn") for n in (1, 2)]
    folder.bring(SECOND, a_file(modifications=[*leading, a_record("old-2", last_name="Old", city="Essen")]))
    cities = [client.get(f"/api/therapists/{ids[f'old-{n}']}").json["city"] for n in (1, 2)]
    assert cities == ["Bonn", "Bonn"]
    done = folder.bring(THIRD, a_file(deletions=["new-1", "new-2"]))
    shown = [client.get(f"/api/therapists/{ids[f'old-{n}']}").json for n in (1, 2)]
    assert [(each["last_name"], each["city"]) for each in shown] == [("Old", "Aachen"), ("Old", "Essen")]
    assert [(each["status"], each["source"]["external_id"]) for each in shown] == [
        ("active", "old-1"), ("active", "old-2"),
    ]  # fmt: skip
    assert {(each.action, each.outcome) for each in folder.records(done)} == {("modification", "applied")}
    assert recorded(session, UUID(ids["old-2"]))[-1]["data"]["therapist"]["city"] == "Essen"


def test_where_the_entry_of_the_kept_one_goes_the_values_of_the_other_one_count(
    client: FlaskClient, session: Session, folder: Folder
) -> None:
    both = [a_record("old", first_name="Zoe", city="Aachen"), a_record("new", first_name="Zoe", city="Bonn")]
    folder.bring(FIRST, a_file(both))
    ids = {each["source"]["external_id"]: each["id"] for each in client.get("/api/therapists").json["items"]}
    assert merge(client, ids["old"], ids["new"]).json["city"] == "Aachen"
    folder.bring(SECOND, a_file(deletions=["old"]))
    shown = client.get(f"/api/therapists/{ids['old']}").json
    assert (shown["status"], shown["city"], shown["source"]["external_id"]) == ("active", "Bonn", "new")
