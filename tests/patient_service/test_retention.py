"""Closed cases that were kept for long enough are proposed, and erased when people say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import merging, retention, searches
from patient_service.domain.schemas import DeclinedErasure, Merge, NewStatus, PatientView
from patient_service.store.tables import DataKey, FileAccess, StatusChange
from shared.runtime import clock
from shared.security.encryption import Keys
from shared.values.datetimes import berlin_day
from shared.values.enums import Role
from tests.accounts import signed_in
from tests.builders.patients import NOBODY, STEPS_TO, a_patient_who_is
from tests.conftest import MONDAY
from tests.events import recorded

PROPOSED = "/api/patients?erasure=proposed"
NEW_YEAR = datetime(2029, 12, 31, 23, 0, tzinfo=UTC)
"""The beginning of 2030 in Berlin: cases that were closed in 2026 have been kept for three whole years after it."""


def proposed(client: FlaskClient) -> list[Any]:
    found: list[Any] = client.get(PROPOSED).json["items"]
    return found


def run(keys: Keys, now: datetime = NEW_YEAR, **settings: int) -> int:
    (job,) = [each for each in jobs.jobs(Dependencies(keys, OtherServices(()), **settings)) if each.name == "retention"]
    return job.run(now)


@pytest.mark.parametrize(
    ("years", "now", "last_year"),
    [
        (3, datetime(2029, 12, 31, 22, 59, tzinfo=UTC), 2025),
        (3, NEW_YEAR, 2026),
        (1, datetime(2026, 6, 1, tzinfo=UTC), 2024),
        (10, datetime(2026, 6, 1, tzinfo=UTC), 2015),
    ],
)
def test_the_years_count_from_the_end_of_the_year(years: int, now: datetime, last_year: int) -> None:
    assert retention.end_of_retention(years, now) == datetime(last_year, 12, 31, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", STEPS_TO)
def test_only_closed_cases_are_proposed(client: FlaskClient, session: Session, keys: Keys, status: str) -> None:
    patient = a_patient_who_is(session, keys, *STEPS_TO[status])
    is_closed = status in ("search_aborted", "therapy_completed", "therapy_aborted")
    assert run(keys, datetime(2029, 12, 31, 22, 59, tzinfo=UTC)) == 0
    assert run(keys) == int(is_closed)
    assert [each["id"] for each in proposed(client)] == [str(patient.id)] * is_closed
    assert run(keys) == 0, "once is enough"


def test_the_years_are_a_setting(session: Session, keys: Keys) -> None:
    a_patient_who_is(session, keys, "search_aborted")
    assert run(keys, closed_cases_kept_years=4) == 0


def test_who_approves_erases_the_patient(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient_who_is(session, keys, "search_aborted")
    run(keys)
    (shown,) = proposed(client)
    assert shown["erasure_proposed_on"] == "2030-01-01"
    assert client.delete(f"/api/patients/{patient.id}?confirm={shown['reference']}").status_code == 202
    assert (proposed(client), run(keys)) == ([], 0)


def test_a_case_that_goes_on_is_not_proposed_any_more(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient_who_is(session, keys, "search_aborted")
    run(keys)
    opened = client.post(f"/api/patients/{patient.id}/status", json={"status": "open"}).json
    assert (opened["erasure_proposed_on"], proposed(client)) == (None, [])
    client.post(f"/api/patients/{patient.id}/status", json={"status": "search_aborted"})
    assert run(keys, datetime(2029, 6, 1, tzinfo=UTC)) == 0


# Declining


COURT = {"reason": "Es gibt eine Klage gegen uns."}
DECLINED_ON = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)


def declined(session: Session, keys: Keys, patient_id: UUID, **how: Any) -> PatientView:
    new = DeclinedErasure(reason=COURT["reason"])
    how = {"days": 365, "reader": NOBODY, "now": DECLINED_ON, **how}
    return retention.decline(session, keys, patient_id, new, **how)


def test_who_declines_says_why_and_keeps_the_patient(client: FlaskClient, session: Session, keys: Keys) -> None:
    patient = a_patient_who_is(session, keys, "search_aborted")
    run(keys)
    shown = client.post(f"/api/patients/{patient.id}/erasure/decline", json=COURT)
    assert (shown.status_code, shown.json["erasure_proposed_on"], proposed(client)) == (200, None, [])
    assert shown.json["version"] == patient.version + 1
    last = client.get(f"/api/patients/{patient.id}/history").json["items"][-1]
    assert (last["from"], last["to"], last["reason"]) == ("search_aborted", "search_aborted", COURT["reason"])
    assert last["kept_until"] == (berlin_day(clock.now()) + timedelta(days=365)).isoformat()
    stored = session.scalars(select(StatusChange.reason)).all()
    assert not any(b"Klage" in (each or b"") for each in stored)
    again = client.post(f"/api/patients/{patient.id}/erasure/decline", json=COURT)
    assert (again.status_code, again.json["code"]) == (409, "patient.erasure_not_proposed")


def test_it_is_proposed_again_after_the_time_that_is_set(session: Session, keys: Keys) -> None:
    patient = a_patient_who_is(session, keys, "search_aborted")
    run(keys)
    declined(session, keys, patient.id, days=10)
    session.commit()
    assert run(keys, datetime(2030, 1, 11, 22, 59, tzinfo=UTC)) == 0, "the last day in Berlin"
    assert run(keys, datetime(2030, 1, 11, 23, 0, tzinfo=UTC)) == 1


def test_a_case_that_goes_on_is_kept_for_as_long_as_any_other(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    """Its years count from its new end; that it was once declined makes them neither shorter nor longer."""
    patient = a_patient_who_is(session, keys, "search_aborted")
    run(keys)
    declined(session, keys, patient.id, days=1)
    for status in ("open", "search_aborted"):
        new = NewStatus.from_json({"status": status})
        searches.set_status(session, keys, patient.id, new, reader=NOBODY, now=DECLINED_ON)
    session.commit()
    assert run(keys, datetime(2033, 12, 31, 22, 59, tzinfo=UTC)) == 0
    assert run(keys, datetime(2033, 12, 31, 23, 0, tzinfo=UTC)) == 1


def test_to_decline_in_one_of_two_files_keeps_the_person(client: FlaskClient, session: Session, keys: Keys) -> None:
    first = a_patient_who_is(session, keys, "search_aborted")
    other = a_patient_who_is(session, keys, "search_aborted", house_number="2", date_of_birth=None)
    run(keys)
    declined(session, keys, other.id, days=10)
    merging.merge(session, keys, first.id, Merge(duplicate_id=other.id), force=True, reader=NOBODY, now=MONDAY)
    session.commit()
    assert run(keys, datetime(2030, 1, 2, tzinfo=UTC)) == 0
    assert run(keys, datetime(2030, 2, 1, tzinfo=UTC)) == 1


# Many at once


@pytest.fixture
def three(session: Session, keys: Keys) -> list[str]:
    """Two whose erasure is proposed, and one who searches, by their ids."""
    ended = [a_patient_who_is(session, keys, "search_aborted", house_number=each).id for each in ("1", "2")]
    run(keys)
    return [str(each) for each in (*ended, a_patient_who_is(session, keys, "searching", house_number="3").id)]


def bulk(client: FlaskClient, **body: Any) -> Any:
    return client.post("/api/patients/bulk", json=body)


def statuses(answer: Any) -> list[tuple[int, str | None]]:
    assert answer.status_code == 200, answer.json
    return [(each["status"], (each["problem"] or {}).get("code")) for each in answer.json["results"]]


def test_proposals_are_approved_together(client: FlaskClient, session: Session, three: list[str]) -> None:
    wanted = {"filter": {"erasure": "proposed"}, "action": "approve_erasure"}
    assert bulk(client, expected_total=3, **wanted).json["code"] == "bulk.other_total"
    assert len(proposed(client)) == 2
    assert statuses(bulk(client, expected_total=2, **wanted)) == [(200, None)] * 2
    assert [client.get(f"/api/patients/{each}").status_code for each in three] == [404, 404, 200]
    assert {client.get(f"/api/erasures/{each}").json["state"] for each in three[:2]} == {"running"}
    erased = [UUID(each["subject"]) for each in recorded(session) if each["type"] == "patient.erased"]
    assert sorted(map(str, erased)) == sorted(three[:2])
    noted = session.scalars(select(FileAccess.patient_id).where(FileAccess.action == "erased")).all()
    assert sorted(map(str, noted)) == sorted(three[:2])
    assert session.scalars(select(DataKey.owner_id)).all() == [UUID(three[2])]


def test_nobody_else_is_erased_with_them(client: FlaskClient, session: Session, three: list[str]) -> None:
    answer = bulk(client, ids=three, expected_total=3, action="approve_erasure")
    assert statuses(answer) == [(200, None), (200, None), (409, "patient.erasure_not_proposed")]
    assert client.get(f"/api/patients/{three[2]}").json["status"] == "searching"
    actions = [each["action"] for each in client.get(f"/api/patients/{three[2]}/access-log").json["items"]]
    assert actions[:2] == ["read", "read"], "the refusal says something of the file"


def test_files_that_were_merged_are_erased_with_them(client: FlaskClient, session: Session, keys: Keys) -> None:
    first = a_patient_who_is(session, keys, "search_aborted")
    other = a_patient_who_is(session, keys, "search_aborted", house_number="2", date_of_birth=None)
    merging.merge(session, keys, first.id, Merge(duplicate_id=other.id), force=True, reader=NOBODY, now=MONDAY)
    session.commit()
    run(keys)
    assert statuses(bulk(client, ids=[str(first.id)], expected_total=1, action="approve_erasure")) == [(200, None)]
    assert session.scalars(select(DataKey.owner_id)).all() == []
    assert client.get(f"/api/erasures/{other.id}").status_code == 200


def test_proposals_are_declined_together(client: FlaskClient, session: Session, three: list[str]) -> None:
    answer = bulk(client, ids=three, expected_total=3, action="decline_erasure", **COURT)
    assert statuses(answer) == [(200, None), (200, None), (409, "patient.erasure_not_proposed")]
    assert proposed(client) == []
    for each in three[:2]:
        last = client.get(f"/api/patients/{each}/history").json["items"][-1]
        assert (last["reason"], last["kept_until"] is None) == (COURT["reason"], False)
        assert "changed" in {i["action"] for i in client.get(f"/api/patients/{each}/access-log").json["items"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "decline_erasure"}, "reason"),
        ({"action": "approve_erasure", **COURT}, "reason"),
        ({"action": "assign"}, "assigned_to"),
        ({"action": "approve_erasure", "assigned_to": None}, "assigned_to"),
        ({"action": "assign", "assigned_to": None, **COURT}, "reason"),
        ({"action": "decline_erasure", "reason": " "}, "reason"),
    ],
)
def test_an_action_has_what_it_needs_and_nothing_else(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    refused = bulk(client, ids=[str(uuid4())], expected_total=1, **body)
    assert (refused.status_code, [each["field"] for each in refused.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("role", [each for each in Role if each not in (Role.COORDINATOR, Role.ADMIN)])
def test_only_coordinators_decide(app: Flask, three: list[str], role: Role) -> None:
    other = signed_in(app, role)
    assert other.post(f"/api/patients/{three[0]}/erasure/decline", json=COURT).status_code == 403
    assert bulk(other, ids=three[:1], expected_total=1, action="approve_erasure").status_code == 403
