"""Who did it: each effect of a request names the caller's account in the rows that it writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.http.web import web_app
from shared.values.enums import ImportStatus, Role
from tests.accounts import ANNA, columns_that_name, effects_of, signed_in
from tests.builders.imports import FIRST, SECOND, Folder, a_file, a_record
from tests.builders.therapists import a_therapist, new_therapist
from tests.conftest import MONDAY
from therapist_service import jobs
from therapist_service.domain import blocks, inactivity, reviews, states
from therapist_service.domain.review_schemas import ReviewRejection
from therapist_service.domain.schemas import NewBlock
from therapist_service.service import SERVICE
from therapist_service.store.tables import Import, ImportReview


@pytest.fixture
def app(folder: Folder) -> Flask:
    folder.drop(FIRST, a_file([a_record("a-1")]))
    return web_app(SERVICE, folder.settings)


def register(client: FlaskClient, _session: Session) -> Any:
    return client.post("/api/therapists", json=new_therapist())


def change(client: FlaskClient, session: Session) -> Any:
    return client.patch(f"/api/therapists/{a_therapist(session).id}", json={"phone": "+49241654321"})


def change_what_no_import_writes(client: FlaskClient, session: Session) -> Any:
    return client.patch(f"/api/therapists/{a_therapist(session).id}", json={"email_opt_out": True})


def change_phone_hours(client: FlaskClient, session: Session) -> Any:
    week = {"monday": [{"start": "09:00", "end": "10:00"}]}
    return client.put(f"/api/therapists/{a_therapist(session).id}/phone-hours", json=week)


def state_capacity(client: FlaskClient, session: Session) -> Any:
    url = f"/api/therapists/{a_therapist(session).id}/capacity"
    return client.put(url, json={"individual": {"state": "free"}})


def deactivate(client: FlaskClient, session: Session) -> Any:
    return client.post(f"/api/therapists/{a_therapist(session).id}/deactivate")


def reactivate(client: FlaskClient, session: Session) -> Any:
    known = a_therapist(session)
    inactivity.deactivate(session, known.id, by=new_id(), now=MONDAY)
    return client.post(f"/api/therapists/{known.id}/reactivate")


def block(client: FlaskClient, session: Session) -> Any:
    return client.post(f"/api/therapists/{a_therapist(session).id}/block", json={"reason": "rests"})


def unblock(client: FlaskClient, session: Session) -> Any:
    blocked = a_therapist(session)
    blocks.block(session, blocked.id, NewBlock(reason="rests"), by=new_id(), today=MONDAY.date(), now=MONDAY)
    return client.post(f"/api/therapists/{blocked.id}/unblock")


def ask_for_a_file(client: FlaskClient, _session: Session) -> Any:
    return client.post("/api/imports", json={"file": FIRST})


def merge(client: FlaskClient, session: Session) -> Any:
    duplicate = {"duplicate_id": str(a_therapist(session).id)}
    return client.post(f"/api/therapists/{a_therapist(session).id}/merge", json=duplicate)


def held(client: FlaskClient, session: Session) -> str:
    """The address of an import that is held."""
    client.post("/api/imports", json={"file": FIRST})
    known = session.scalars(select(Import)).one()
    states.hold_import(known, now=MONDAY)
    known.known_before = known.would_deactivate = known.would_change = 1
    known.started_by = known.updated_by = None
    session.flush()
    return f"/api/imports/{known.id}"


def approve(client: FlaskClient, session: Session) -> Any:
    return client.post(f"{held(client, session)}/approve")


def reject(client: FlaskClient, session: Session) -> Any:
    return client.post(f"{held(client, session)}/reject", json={})


def undo(client: FlaskClient, session: Session) -> Any:
    client.post("/api/imports", json={"file": FIRST})
    known = session.scalars(select(Import)).one()
    states.end_import(known, ImportStatus.COMPLETED, now=MONDAY)
    known.started_by = known.updated_by = None
    session.flush()
    return client.post(f"/api/imports/{known.id}/undo")


def remove(client: FlaskClient, session: Session) -> Any:
    return client.delete(f"/api/therapists/{a_therapist(session).id}")


def a_new_person_waits(session: Session) -> ImportReview:
    review = ImportReview(
        id=new_id(), position=0, source_name="116117.de", external_id="r-1", kind="new", proposed={"last_name": "Heide"}
    )
    session.add(review)
    session.flush()
    return review


def approve_a_review(client: FlaskClient, session: Session) -> Any:
    return client.post(f"/api/import-reviews/{a_new_person_waits(session).id}/approve")


def reject_a_review(client: FlaskClient, session: Session) -> Any:
    return client.post(f"/api/import-reviews/{a_new_person_waits(session).id}/reject")


def reopen_a_review(client: FlaskClient, session: Session) -> Any:
    review = a_new_person_waits(session)
    reviews.reject(session, review.id, ReviewRejection(), by=new_id(), now=MONDAY)
    return client.post(f"/api/import-reviews/{review.id}/reopen")


def reject_many_reviews(client: FlaskClient, session: Session) -> Any:
    body = {"ids": [str(a_new_person_waits(session).id)], "expected_total": 1, "action": "reject"}
    return client.post("/api/import-reviews/bulk", json=body)


Act = Callable[[FlaskClient, Session], Any]
DECIDED = {"import_reviews.decided_by", "import_reviews.updated_by"}
ACTS: dict[str, tuple[Act, set[str]]] = {
    "POST /api/therapists": (
        register,
        {
            "therapists.registered_by",
            "therapists.protected_by",
            "therapists.updated_by",
            "therapist_changes.changed_by",
        },
    ),
    "PATCH /api/therapists/<id>": (
        change,
        {"therapists.protected_by", "therapists.updated_by", "therapist_changes.changed_by"},
    ),
    "PUT /api/therapists/<id>/phone-hours": (
        change_phone_hours,
        {"therapists.protected_by", "therapists.updated_by", "therapist_changes.changed_by"},
    ),
    "PUT /api/therapists/<id>/capacity": (state_capacity, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "POST /api/therapists/<id>/deactivate": (deactivate, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "POST /api/therapists/<id>/reactivate": (reactivate, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "POST /api/therapists/<id>/block": (
        block,
        {"therapists.blocked_by", "therapists.updated_by", "therapist_changes.changed_by"},
    ),
    "POST /api/therapists/<id>/unblock": (unblock, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "POST /api/therapists/<id>/merge": (merge, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "DELETE /api/therapists/<id>": (remove, {"therapists.updated_by", "therapist_changes.changed_by"}),
    "POST /api/import-reviews/<id>/approve": (
        approve_a_review,
        {*DECIDED, "therapists.updated_by", "therapist_changes.changed_by"},
    ),
    "POST /api/import-reviews/<id>/reject": (reject_a_review, DECIDED),
    "POST /api/import-reviews/<id>/reopen": (reopen_a_review, {"import_reviews.updated_by"}),
    "POST /api/import-reviews/bulk": (reject_many_reviews, DECIDED),
    "POST /api/imports": (ask_for_a_file, {"imports.started_by", "imports.updated_by"}),
    "POST /api/imports/<id>/approve": (approve, {"imports.decided_by", "imports.updated_by"}),
    "POST /api/imports/<id>/undo": (undo, {"imports.undo_asked_by", "imports.updated_by"}),
    "POST /api/imports/<id>/reject": (reject, {"imports.decided_by", "imports.updated_by"}),
}


@pytest.mark.parametrize("operation", ACTS)
def test_an_effect_names_the_caller(operation: str, app: Flask, client: FlaskClient, session: Session) -> None:
    act, expected = ACTS[operation]
    answer = act(signed_in(app, Role.ADMIN), session)
    assert answer.status_code in (200, 201, 202), answer.json
    assert columns_that_name(session, ANNA) == expected
    assert "results" in answer.json or answer.json.get("updated_by", str(ANNA)) == str(ANNA)


def test_every_effect_of_this_service_is_among_them(service: str) -> None:
    assert set(ACTS) == effects_of(service)


def test_a_protected_field_names_its_last_editor(app: Flask, client: FlaskClient, session: Session) -> None:
    known, bert = a_therapist(session, phone="+49241123456", city="Aachen"), new_id()
    url = f"/api/therapists/{known.id}"
    assert set(signed_in(app, Role.ADMIN).get(url).json["protected_by"]) == set(known.protected_fields)
    assert signed_in(app, Role.ADMIN).patch(url, json={"phone": "+49241654321"}).status_code == 200
    changed = signed_in(app, Role.ADMIN, id=bert).patch(url, json={"fax": "+49241654322"}).json
    editors = changed["protected_by"]
    assert (editors["phone"], editors["fax"], editors["city"]) == (str(ANNA), str(bert), None)
    without = [field for field in changed["protected_fields"] if field != "phone"]
    freed = signed_in(app, Role.ADMIN).patch(url, json={"protected_fields": without}).json
    assert set(freed["protected_by"]) == set(freed["protected_fields"]) == set(without)


def test_an_import_names_nobody_also_where_staff_edited_before(
    app: Flask, client: FlaskClient, session: Session, folder: Folder
) -> None:
    folder.work()
    staff = signed_in(app, Role.ADMIN)
    (brought,) = staff.get("/api/therapists").json["items"]
    assert (brought["updated_by"], brought["registered_by"]) == (None, None)
    url = f"/api/therapists/{brought['id']}"
    edited = staff.patch(url, json={"email_opt_out": True}).json
    assert edited["updated_by"] == str(ANNA)
    folder.bring(SECOND, a_file([a_record("a-1", city="Köln")]))
    shown = staff.get(url).json
    assert (shown["city"], shown["version"], shown["updated_by"]) == ("Köln", edited["version"] + 1, None)
    assert [each.started_by for each in folder.imports()] == [None, None]


def test_a_block_that_runs_out_is_nobodys_change(app: Flask, client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    staff = signed_in(app, Role.ADMIN)
    url = f"/api/therapists/{known.id}"
    blocked = staff.post(f"{url}/block", json={"reason": "rests", "until": "2098-12-31"}).json
    assert blocked["block"]["blocked_by"] == str(ANNA)
    jobs.lift_blocks(MONDAY.replace(year=2099))
    shown = staff.get(url).json
    assert (shown["status"], shown["block"], shown["updated_by"]) == ("active", None, None)
