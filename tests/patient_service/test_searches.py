"""A patient's way through search and therapy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import consents, copies, history, patients, searches
from patient_service.domain.lists import STATUS_CHANGES
from patient_service.domain.schemas import NewConsent, NewStatus, PatientView
from patient_service.jobs import jobs
from shared.database import new_id
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.enums import PatientStatus, Role
from tests.accounts import ANNA, signed_in
from tests.builders.lists import asked_for
from tests.builders.patients import (
    ALLOWED_STEPS,
    NOBODY,
    STEPS_TO,
    a_patient,
    a_patient_who_is,
    a_ready_patient,
    geocoded,
)
from tests.conftest import MONDAY
from tests.events import recorded


@pytest.mark.parametrize("before", list(PatientStatus))
def test_a_patient_takes_the_steps_of_the_contract_and_no_other(
    client: FlaskClient, session: Session, keys: Keys, before: PatientStatus
) -> None:
    for after in PatientStatus:
        known = a_patient_who_is(session, keys, *STEPS_TO[before])
        answer = client.post(f"/api/patients/{known.id}/status", json={"status": after, "reason": "it is so"})
        last = recorded(session, known.id)[-1]
        if after in ALLOWED_STEPS[before]:
            assert (answer.status_code, answer.json["status"]) == (200, after)
            assert (last["type"], last["data"]["previous_status"]) == ("patient.status_changed", before)
            assert last["data"]["patient"]["status"] == after
        else:
            assert (answer.status_code, answer.json["code"]) == (409, "patient.transition")
            assert set(answer.json["allowed"]) == set(ALLOWED_STEPS[before])
            assert client.get(f"/api/patients/{known.id}").json["status"] == before


def test_a_search_that_lacks_something_does_not_start_and_says_what(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys, contracts_signed=False, diagnoses=["F32.1A"])
    url = f"/api/patients/{known.id}"
    missing = ["contracts_signed", "diagnoses"]
    assert client.get(f"{url}/readiness").json == {"ready": False, "missing": missing, "pending": ["location"]}
    answer = client.post(f"{url}/status", json={"status": "searching"})
    assert answer.status_code == 409
    assert [error["field"] for error in answer.json["errors"]] == [*missing, "location"]
    assert len(recorded(session, known.id)) == 1
    client.patch(url, json={"contracts_signed": True, "diagnoses": ["F32.1"]})
    copies.keep_postal_codes(session, [geocoded(known.id)])
    assert client.get(f"{url}/readiness").json == {"ready": True, "missing": [], "pending": []}
    assert client.post(f"{url}/status", json={"status": "searching"}).status_code == 200


def test_who_ends_a_place_says_why(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, *STEPS_TO["in_therapy"])
    url = f"/api/patients/{known.id}"
    answer = client.post(f"{url}/status", json={"status": "searching"})
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, ["reason"])
    assert client.get(url).json["status"] == "in_therapy"
    answer = client.post(f"{url}/status", json={"status": "searching", "reason": "It did not fit."})
    assert (answer.status_code, answer.json["status"]) == (200, "searching")
    assert client.get(f"{url}/history").json["items"][-1]["reason"] == "It did not fit."


def test_waiting_counts_from_the_first_start(session: Session, keys: Keys) -> None:
    def day_after(steps: tuple[str, ...]) -> object:
        known = a_patient_who_is(session, keys, "searching")
        for number, step in enumerate(steps, 1):
            new = NewStatus.from_json({"status": step, "reason": "it is so"})
            later = MONDAY + timedelta(days=number)
            known = searches.set_status(session, keys, known.id, new, reader=NOBODY, now=later)
        return known.search_started_on

    monday = MONDAY.date()
    assert day_after(()) == monday
    assert day_after(("paused", "searching")) == monday
    assert day_after(("in_therapy", "searching")) == monday
    assert day_after(("search_aborted",)) == monday
    assert day_after(("search_aborted", "open")) is None
    assert day_after(("search_aborted", "open", "searching")) == monday + timedelta(days=3)


def test_a_start_that_staff_know_is_kept(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_ready_patient(session, keys, search_started_on="2026-02-01")
    url = f"/api/patients/{known.id}"
    assert client.post(f"{url}/status", json={"status": "searching"}).json["search_started_on"] == "2026-02-01"
    answer = client.patch(url, json={"search_started_on": None})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "search_started_on")


@pytest.mark.parametrize("status", ["open", "searching", "paused", "in_therapy", "search_aborted"])
def test_a_start_that_is_changed_by_hand_is_in_the_history(
    app: Flask, client: FlaskClient, session: Session, keys: Keys, status: str
) -> None:
    known = a_patient_who_is(session, keys, *STEPS_TO[status])
    url = f"/api/patients/{known.id}"
    before = client.get(url).json["search_started_on"]
    anna = signed_in(app, Role.COORDINATOR)
    answer = anna.patch(url, json={"search_started_on": "2026-02-01", "reason": "Waits since then elsewhere."})
    assert (answer.status_code, answer.json["search_started_on"]) == (200, "2026-02-01")
    last = client.get(f"{url}/history").json["items"][-1]
    assert (last["kind"], last["from"], last["to"], last["by"]) == ("search_start", status, status, str(ANNA))
    assert (last["previous_search_started_on"], last["search_started_on"]) == (before, "2026-02-01")
    assert last["reason"] == "Waits since then elsewhere."
    assert recorded(session, known.id)[-1]["data"]["patient"]["search_started_on"] == "2026-02-01"


def test_a_change_of_the_start_needs_a_reason(client: FlaskClient, session: Session, keys: Keys) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    answer = client.patch(url, json={"search_started_on": "2026-02-01"})
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, ["reason"])
    assert client.get(url).json["search_started_on"] == MONDAY.date().isoformat()
    assert client.get(f"{url}/history").json["total"] == 1
    answer = client.patch(url, json={"search_started_on": "2026-02-01"}, headers={"X-Purpose": "moved here"})
    assert answer.status_code == 200
    assert client.get(f"{url}/history").json["items"][-1]["reason"] == "moved here"


def test_a_start_that_stays_needs_no_reason_and_leaves_no_trace(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    url = f"/api/patients/{a_patient_who_is(session, keys, 'searching').id}"
    shown: Any = client.get(url).json
    assert client.patch(url, json=shown | {"city": "Bonn"}).status_code == 200
    assert client.get(f"{url}/history").json["total"] == 1
    answer = client.patch(url, json={"city": "Köln", "reason": "moved"})
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (422, ["reason"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "lost"},
        {"status": "paused", "paused_until": "2020-01-01"},
        {"status": "paused", "paused_until": clock.today().isoformat()},
        {"status": "paused", "paused_until": "soon"},
        {"status": "in_therapy", "paused_until": "2099-01-01"},
        {"status": "paused", "reason": ""},
        {"status": "paused", "colour": "red"},
    ],
)
def test_a_status_that_cannot_be_is_refused(
    client: FlaskClient, session: Session, keys: Keys, body: dict[str, str]
) -> None:
    known = a_patient_who_is(session, keys, "searching")
    assert client.post(f"/api/patients/{known.id}/status", json=body).status_code == 422
    assert client.get(f"/api/patients/{known.id}").json["status"] == "searching"


def test_the_same_key_pauses_once(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, "searching")
    for _ in range(2):
        answer = client.post(
            f"/api/patients/{known.id}/status", json={"status": "paused"}, headers={"Idempotency-Key": "k"}
        )
        assert (answer.status_code, answer.json["status"]) == (200, "paused")
    assert len(recorded(session, known.id)) == 3


def test_the_history_has_every_step_and_its_reason(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, "searching")
    url = f"/api/patients/{known.id}"
    client.post(f"{url}/status", json={"status": "paused", "reason": "in a clinic"})
    page = client.get(f"{url}/history").json
    assert page["total"] == 2
    assert [(c["from"], c["to"], c["reason"]) for c in page["items"]] == [
        ("open", "searching", "it is so"),
        ("searching", "paused", "in a clinic"),
    ]
    assert [(c["kind"], c["paused_until"]) for c in page["items"]] == [("status", None)] * 2
    assert page["items"][0]["at"] == "2026-11-23T09:00:00Z"
    assert len(client.get(f"{url}/history?limit=1&offset=1").json["items"]) == 1


# Pauses that end by themselves


def paused(session: Session, keys: Keys, days: int | None) -> PatientView:
    """A patient whose pause, from Monday on, lasts so many days more."""
    known = a_patient_who_is(session, keys, "searching")
    until = None if days is None else MONDAY.date() + timedelta(days=days)
    new = NewStatus(status=PatientStatus.PAUSED, paused_until=until)
    return searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY)


def status_of(session: Session, keys: Keys, known: PatientView) -> str:
    return patients.get(session, keys, known.id, reader=NOBODY, now=MONDAY).status


def test_a_pause_ends_the_day_after_its_last_day_and_the_search_resumes(session: Session, keys: Keys) -> None:
    known, endless = paused(session, keys, days=3), paused(session, keys, days=None)
    last_evening = MONDAY + timedelta(days=3, hours=13, minutes=59)  # 23:59 in Berlin
    assert searches.end_pauses_that_passed(session, keys, now=last_evening) == 0
    assert searches.end_pauses_that_passed(session, keys, now=last_evening + timedelta(minutes=1)) == 1
    assert searches.end_pauses_that_passed(session, keys, now=last_evening + timedelta(minutes=2)) == 0
    assert status_of(session, keys, known) == "searching"
    assert status_of(session, keys, endless) == "paused"
    last = recorded(session, known.id)[-1]
    assert (last["type"], last["data"]["previous_status"]) == ("patient.status_changed", "paused")
    assert last["data"]["patient"]["paused_until"] is None
    assert last["data"]["patient"]["search_started_on"] == MONDAY.date().isoformat()


def test_days_of_pauses_are_counted_for_this_search_alone(session: Session, keys: Keys) -> None:
    """Published, so that waiting is shown with and without them; a new search has none."""

    def become(status: str, days: int) -> dict[str, Any]:
        new, now = NewStatus(status=PatientStatus(status)), MONDAY + timedelta(days=days)
        searches.set_status(session, keys, known.id, new, reader=NOBODY, now=now)
        return dict(recorded(session, known.id)[-1]["data"]["patient"])

    known = a_patient_who_is(session, keys, "searching")
    steps = [("paused", 2), ("searching", 5), ("paused", 10), ("search_aborted", 14), ("open", 20), ("searching", 21)]
    days = [become(status, on) for status, on in steps]
    assert [each["days_paused"] for each in days] == [0, 3, 3, 7, 0, 0]
    first, second = ((MONDAY.date() + timedelta(days=each)).isoformat() for each in (2, 10))
    assert [each["paused_since"] for each in days] == [first, None, second, None, None, None]


def test_a_pause_that_goes_on_ends_on_another_day(
    app: Flask, client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = paused(session, keys, days=3)
    url, later = f"/api/patients/{known.id}", (clock.today() + timedelta(days=30)).isoformat()
    longer = {"status": "paused", "paused_until": later, "reason": "Reha verlängert, suizidal"}
    shown = signed_in(app, Role.COORDINATOR).post(f"{url}/status", json=longer).json
    assert (shown["status"], shown["paused_until"], shown["version"]) == ("paused", later, known.version + 1)
    assert shown["crisis"]["flagged"]
    last = client.get(f"{url}/history").json["items"][-1]
    assert (last["kind"], last["from"], last["to"], last["paused_until"]) == ("pause", "paused", "paused", later)
    assert (last["reason"], last["by"]) == ("Reha verlängert, suizidal", str(ANNA))
    assert recorded(session, known.id)[-1]["data"]["patient"]["paused_until"] == later
    assert searches.end_pauses_that_passed(session, keys, now=MONDAY + timedelta(days=10)) == 0
    endless = client.post(f"{url}/status", json={"status": "paused", "paused_until": None})
    assert (endless.status_code, endless.json["paused_until"]) == (200, None)
    assert searches.end_pauses_that_passed(session, keys, now=MONDAY + timedelta(days=60)) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 409),  # who pauses twice by mistake takes no end away
        ({"paused_until": (MONDAY.date() + timedelta(days=3)).isoformat()}, 409),
        ({"paused_until": "2020-01-01"}, 422),
        ({"paused_until": MONDAY.date().isoformat()}, 422),
    ],
)
def test_a_pause_does_not_end_twice_on_the_same_day_nor_in_the_past(
    client: FlaskClient, session: Session, keys: Keys, body: dict[str, str], status: int
) -> None:
    known = paused(session, keys, days=3)
    answer = client.post(f"/api/patients/{known.id}/status", json={"status": "paused", **body})
    assert answer.status_code == status
    assert "paused_until" in str(answer.json)
    shown = client.get(f"/api/patients/{known.id}").json
    assert (shown["paused_until"], shown["version"]) == (str(known.paused_until), known.version)


@pytest.mark.parametrize(
    ("sent", "way"),
    [
        ({"paused_until": "2099-01-01"}, "POST /api/patients/{id}/status"),
        ({"status": "searching"}, "POST /api/patients/{id}/status"),
        ({"consents": []}, "POST /api/patients/{id}/consents"),
    ],
)
def test_a_patch_of_what_has_a_way_of_its_own_names_that(
    client: FlaskClient, session: Session, keys: Keys, sent: Any, way: str
) -> None:
    known = paused(session, keys, days=3)
    given = NewConsent.from_json({"purpose": "mandate", "given_on": "2026-11-01", "text_version": "1"})
    consents.give(session, keys, known.id, given, reader=NOBODY, now=MONDAY)
    answer = client.patch(f"/api/patients/{known.id}", json=sent)
    assert answer.status_code == 422
    assert way in answer.json["errors"][0]["message"]


def test_a_search_that_is_not_ready_any_more_stays_paused_and_says_why(session: Session, keys: Keys) -> None:
    known = paused(session, keys, days=1)
    given = NewConsent.from_json({"purpose": "mandate", "given_on": "2026-11-01", "text_version": "1"})
    consent = consents.give(session, keys, known.id, given, reader=NOBODY, now=MONDAY)
    consents.withdraw(session, keys, known.id, consent.id, reader=NOBODY, now=MONDAY)
    later = MONDAY + timedelta(days=7)
    assert searches.end_pauses_that_passed(session, keys, now=later) == 1
    assert searches.end_pauses_that_passed(session, keys, now=later) == 0
    assert status_of(session, keys, known) == "paused"
    assert recorded(session, known.id)[-1]["data"]["patient"]["paused_until"] is None
    last = history.list_history(
        session,
        keys,
        known.id,
        asked_for(STATUS_CHANGES),
        reader=NOBODY,
        now=MONDAY,
    ).items[-1]
    assert (last.from_, last.to) == ("paused", "paused")
    assert str(last.reason).endswith("The patient has withdrawn the mandate to ask practices.")


def test_the_worker_runs_every_job(session: Session, keys: Keys) -> None:
    known = paused(session, keys, days=1)
    by_name = {job.name: job for job in jobs(Dependencies(keys, OtherServices(())))}
    daily = {"birthdays", "prior_therapies", "access-anchors", "retention"}
    assert set(by_name) == daily | {"crises", "pauses", "reindex", "patient-imports", "patient-import-rows", "erasures"}
    assert by_name["pauses"].run(MONDAY + timedelta(days=2)) == 1
    session.expire_all()
    assert status_of(session, keys, known) == "searching"
    assert by_name["birthdays"].run(MONDAY) == 0


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"contracts_signed": False}, "contracts"),
        ({"diagnoses": []}, "diagnosis"),
        ({"postal_code": None}, "postal code"),
        ({"max_distance_km": None, "max_travel_minutes": None}, "distance"),
        ({"date_of_birth": (clock.today() - timedelta(days=10 * 365)).isoformat()}, "guardian"),
    ],
)
def test_a_search_that_could_not_start_any_more_pauses(
    client: FlaskClient, session: Session, keys: Keys, change: dict[str, object], missing: str
) -> None:
    """The signed contracts include the mandate: without them nobody may be asked on the patient's behalf."""
    patient = a_patient_who_is(session, keys, "searching")
    url = f"/api/patients/{patient.id}"
    changed = client.patch(url, json=change).json
    assert (changed["status"], changed["paused_until"]) == ("paused", None)
    assert missing in client.get(f"{url}/history").json["items"][-1]["reason"]
    last = recorded(session, patient.id)[-1]
    assert (last["type"], last["data"]["patient"]["status"]) == ("patient.status_changed", "paused")


def test_a_search_goes_on_while_the_location_of_a_new_postal_code_is_looked_up(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    patient = a_patient_who_is(session, keys, "searching")
    changed = client.patch(f"/api/patients/{patient.id}", json={"postal_code": "99423"}).json
    assert changed["status"] == "searching"


def test_who_excludes_a_therapist_is_published_as_such(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient, therapists = a_patient_who_is(session, keys, "searching"), [str(new_id()), str(new_id())]
    url = f"/api/patients/{patient.id}"
    for excluded in (therapists[:1], therapists, therapists[1:]):
        client.patch(url, json={"excluded_therapist_ids": excluded})
        assert recorded(session, patient.id)[-1]["data"]["patient"]["excluded_therapist_ids"] == excluded
    types = [event["type"] for event in recorded(session, patient.id)[-3:]]
    assert types == ["patient.therapists_excluded", "patient.therapists_excluded", "patient.updated"]
