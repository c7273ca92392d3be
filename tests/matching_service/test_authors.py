"""Who did it: each effect of a request names the caller's account in the rows that it writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import CallRecorded, EmailAnswered, PracticeAnswer
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestStatus, Role
from tests.accounts import ANNA, columns_that_name, effects_of, signed_in
from tests.builders.contact_plans import a_stored_plan
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
)
from tests.conftest import MONDAY


def approve(client: FlaskClient, session: Session) -> Any:
    wanted = {"patient_id": str(a_known_patient(session)), "therapist_ids": [str(a_known_therapist(session))]}
    return client.post("/api/placement-requests", json=wanted)


def change(client: FlaskClient, session: Session) -> Any:
    return client.patch(f"/api/placement-requests/{an_open_request(session).id}", json={"priority": 5})


def answer(client: FlaskClient, session: Session) -> Any:
    url = f"/api/placement-requests/{an_open_request(session).id}/response"
    return client.post(url, json={"outcome": "declined_other"})


def place(client: FlaskClient, session: Session) -> Any:
    accepted = a_request(session, RequestStatus.ACCEPTED)
    an_open_request(session, patient_id=accepted.patient_id)
    return client.post(f"/api/placement-requests/{accepted.id}/place", json={})


def confirm(client: FlaskClient, session: Session) -> Any:
    url = f"/api/placement-requests/{a_place(session)}/confirm"
    return client.post(url, json={"confirmed_on": berlin_day(MONDAY).isoformat()})


def fail(client: FlaskClient, session: Session) -> Any:
    body = {"failed_on": berlin_day(MONDAY).isoformat(), "reason": "no_show"}
    return client.post(f"/api/placement-requests/{a_place(session)}/fail", json=body)


def correct(client: FlaskClient, session: Session) -> Any:
    declined = a_request(session, RequestStatus.DECLINED)
    return client.post(f"/api/placement-requests/{declined.id}/correct", json={"outcome": None, "reason": "a mistake"})


def a_place(session: Session) -> UUID:
    """A place that was taken on Monday."""
    return a_request(session, RequestStatus.PLACED).id


def withdraw(client: FlaskClient, session: Session) -> Any:
    url = f"/api/placement-requests/{an_open_request(session).id}/withdraw"
    return client.post(url, json={"reason": "entered_by_mistake"})


def withdraw_many(client: FlaskClient, session: Session) -> Any:
    selected = {"ids": [str(an_open_request(session).id)], "expected_total": 1}
    body = selected | {"action": "withdraw", "reason": "entered_by_mistake"}
    return client.post("/api/placement-requests/bulk", json=body)


def plan(client: FlaskClient, session: Session) -> Any:
    return client.post("/api/contact-plans", json={})


def change_plan(client: FlaskClient, session: Session) -> Any:
    plan, request = a_stored_plan(session, a_known_patient(session), a_known_therapist(session))
    return client.patch(f"/api/contact-plans/{plan}", json={"removed_request_ids": [str(request)]})


def approve_plan(client: FlaskClient, session: Session) -> Any:
    plan, _ = a_stored_plan(session, a_known_patient(session), a_known_therapist(session))
    return client.post(f"/api/contact-plans/{plan}/approve")


def cancel_plan(client: FlaskClient, session: Session) -> Any:
    plan, _ = a_stored_plan(session, a_known_patient(session), a_known_therapist(session))
    return client.post(f"/api/contact-plans/{plan}/cancel")


def add_to_the_contact_log(client: FlaskClient, session: Session) -> Any:
    body = {"occurred_at": MONDAY.isoformat(), "channel": "letter", "direction": "outbound", "result": "sent"}
    body |= {"therapist_id": str(a_known_therapist(session))}
    return client.post(f"/api/patients/{a_known_patient(session)}/contact-log", json=body)


LOGGED = {"placement_requests.updated_by", "placement_request_audit_log.recorded_by"}
CONTACT = "contact_log_entries.recorded_by"
Act = Callable[[FlaskClient, Session], Any]
ACTS: dict[str, tuple[Act, set[str]]] = {
    "POST /api/placement-requests": (approve, {"placement_requests.approved_by", *LOGGED}),
    "POST /api/placement-requests/bulk": (withdraw_many, LOGGED),
    "PATCH /api/placement-requests/<id>": (change, {"placement_requests.updated_by"}),
    "POST /api/placement-requests/<id>/response": (answer, {*LOGGED, CONTACT}),
    "POST /api/placement-requests/<id>/place": (place, LOGGED),
    "POST /api/placement-requests/<id>/confirm": (confirm, LOGGED),
    "POST /api/placement-requests/<id>/fail": (fail, LOGGED),
    "POST /api/placement-requests/<id>/correct": (correct, {*LOGGED, CONTACT}),
    "POST /api/placement-requests/<id>/withdraw": (withdraw, LOGGED),
    "POST /api/patients/<id>/contact-log": (add_to_the_contact_log, {CONTACT}),
    "POST /api/contact-plans": (plan, {"contact_plans.updated_by"}),
    "PATCH /api/contact-plans/<id>": (change_plan, {"contact_plans.updated_by"}),
    "POST /api/contact-plans/<id>/approve": (approve_plan, {"contact_plans.updated_by", "contact_plans.approved_by"}),
    "POST /api/contact-plans/<id>/cancel": (cancel_plan, {"contact_plans.updated_by"}),
}


@pytest.mark.parametrize("operation", ACTS)
def test_an_effect_names_the_caller(operation: str, app: Flask, client: FlaskClient, session: Session) -> None:
    act, expected = ACTS[operation]
    done = act(signed_in(app, Role.ADMIN), session)
    assert done.status_code in (200, 201, 202), done.json
    assert columns_that_name(session, ANNA) == expected
    (made,) = done.json.get("items") or done.json.get("results") or [done.json]
    if "results" in done.json:  # says of each only what became of it
        made = client.get(f"/api/placement-requests/{made['id']}").json
    assert made.get("updated_by", made.get("recorded_by")) == str(ANNA)


def test_every_effect_of_this_service_is_among_them(service: str) -> None:
    assert set(ACTS) == effects_of(service)


def history(client: FlaskClient, request_id: Any) -> dict[str, Any]:
    """Who entered each entry of a request's log."""
    items = client.get(f"/api/placement-requests/{request_id}/history").json["items"]
    return {entry["what"]: entry["recorded_by"] for entry in items}


def test_what_follows_from_a_persons_act_names_nobody(app: Flask, client: FlaskClient, session: Session) -> None:
    accepted = a_request(session, RequestStatus.ACCEPTED)
    other = an_open_request(session, patient_id=accepted.patient_id)
    staff = signed_in(app, Role.COORDINATOR)
    assert staff.post(f"/api/placement-requests/{accepted.id}/place", json={}).status_code == 200
    assert history(staff, accepted.id)["placed"] == str(ANNA)
    shown = staff.get(f"/api/placement-requests/{other.id}").json
    assert (shown["status"], shown["withdrawn_reason"], shown["updated_by"]) == ("withdrawn", "placed_elsewhere", None)
    assert history(staff, other.id)["withdrawn"] is None


@pytest.mark.parametrize("channel", ["phone", "email", "reply_link"])
def test_the_log_names_who_recorded_an_answer_elsewhere(
    channel: str, app: Flask, client: FlaskClient, session: Session
) -> None:
    """Most answers are recorded in the communication service; its events bring the account along."""
    request = a_request(session, RequestStatus.CONTACTED)
    said = [PracticeAnswer(placement_request_id=request.id, outcome="accepted")]
    if channel == "phone":
        call = {"phone_call_id": new_id(), "therapist_id": request.therapist_id, "direction": "outbound"}
        told: Any = CallRecorded(
            **call, result="reached", occurred_at=MONDAY, placement_request_ids=[request.id], answers=said,
            recorded_by=ANNA,
        )  # fmt: skip
    else:
        mail = {"email_id": new_id(), "therapist_id": request.therapist_id, "channel": channel}
        told = EmailAnswered(**mail, occurred_at=MONDAY, answers=said, recorded_by=ANNA)
    handle(session, happened(told))
    session.flush()
    staff = signed_in(app, Role.COORDINATOR)
    assert history(staff, request.id)["answered"] == str(ANNA)
    log = staff.get(f"/api/patients/{request.patient_id}/contact-log").json["items"]
    assert [each["channel"] for each in log if each["result"] == "accepted"] == [channel]
    assert staff.get(f"/api/placement-requests/{request.id}").json["updated_by"] is None
