"""Reports: counted by groups of patients, of whom none is smaller than five."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from matching_service.store.tables import PlacementRequest
from shared.values.enums import RequestStatus
from tests.builders.contact_log import add, called, emailed
from tests.builders.matching import a_known_patient, a_known_therapist, a_request, an_open_request, handle
from tests.conftest import MONDAY

FIRST, SECOND = "109519005", "260120196"
DAY = timedelta(days=1)


@pytest.fixture
def asked(session: Session, client: FlaskClient) -> list[UUID]:
    """Five patients of the first insurer and four of the second, and two of nobody known, each asked of one practice.

    Each had a mail at one hour and a call at the next that reached nobody; the first three were refused later.
    """
    private = a_known_therapist(session, accreditation="private")
    insurers = [FIRST] * 5 + [SECOND] * 4 + [None] * 2
    same = {"search_started_on": MONDAY.date(), "reimbursement_case": True}
    patients = [a_known_patient(session, health_insurer_ik=each, **same) for each in insurers]
    for number, patient in enumerate(patients):
        whom = private if number % 2 else a_known_therapist(session)
        request = an_open_request(session, patient_id=patient, therapist_id=whom)
        handle(session, emailed(request, "inquiry", hours=1), called(request, "no_answer", hours=2))
        if number < 3:
            handle(session, called(request, "reached", "declined_other", hours=3))
    session.commit()
    return patients


def report(client: FlaskClient, name: str, query: str = "") -> Any:
    answer = client.get(f"/api/reports/{name}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_contacts_are_counted_by_insurer_and_small_groups_together(client: FlaskClient, asked: list[UUID]) -> None:
    first, others = report(client, "contacts")["insurers"]
    assert first == {
        "health_insurer_ik": FIRST,
        "patients": 5,
        "contacts": 13,
        "practices": 4,
        "statutory_practices": 3,
        "results": {"sent": 5, "no_answer": 5, "declined_other": 3},
    }
    assert (others["health_insurer_ik"], others["patients"], others["contacts"]) == (None, 6, 12)
    assert report(client, "contacts", f"?health_insurer_ik={FIRST}")["insurers"] == [first]
    assert report(client, "contacts", f"?health_insurer_ik={SECOND}")["insurers"] == []
    assert report(client, "contacts", "?to=2000-01-01")["insurers"] == []
    assert client.get("/api/reports/contacts?health_insurer_ik=123").status_code == 422
    table = client.get("/api/reports/contacts", headers={"Accept": "text/csv"}).text
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [(each["health_insurer_ik"], each["no_answer"]) for each in rows] == [(FIRST, "5"), ("", "6")]


def test_what_was_taken_back_or_corrected_is_not_counted(
    session: Session, client: FlaskClient, asked: list[UUID]
) -> None:
    whom = a_known_therapist(session)
    session.commit()
    entry = add(client, asked[0], whom).json["id"]
    assert add(client, asked[0], whom, corrects=entry, result="taken_back", note="doppelt").status_code == 201
    assert report(client, "contacts")["insurers"][0]["contacts"] == 13


def test_answers_are_counted_by_channel_and_hour(client: FlaskClient, asked: list[UUID]) -> None:
    groups = {(each["channel"], each["patients"]): each for each in report(client, "answers")["groups"]}
    assert groups.keys() == {("email", 11), ("phone", 11)}  # the three who were spoken to are too few
    mails, calls = groups["email", 11], groups["phone", 11]
    assert (mails["contacts"], mails["reached"], mails["answered"], mails["answer_rate"]) == (11, 0, 3, 0.273)
    assert (calls["contacts"], calls["reached"], calls["answered"]) == (11, 0, 0)
    assert calls["hour"] == mails["hour"] + 1
    assert not any("recorded_by" in each for each in groups.values())


def test_searches_are_counted_from_their_start_to_a_place_that_works(
    session: Session, client: FlaskClient, asked: list[UUID]
) -> None:
    found = report(client, "searches", f"?from={MONDAY.date()}&to={MONDAY.date()}")
    assert [found[name] for name in ("searches", "asked", "contacted", "answered", "offered", "placed")] == [
        11, 11, 11, None, 0, 0,
    ]  # fmt: skip
    assert found["days_until_placed"] is None
    assert report(client, "searches", "?to=2000-01-01")["searches"] == 0


def test_days_until_a_place_are_shown_with_and_without_pauses(session: Session, client: FlaskClient) -> None:
    """Kept with the place: what becomes of the patient's copy later does not change it."""
    today = MONDAY.date()
    for number in range(5):
        started = {"search_started_on": today - 100 * DAY, "days_paused": 10 * number, "paused_since": None}
        patient = a_known_patient(session, **started)
        accepted = a_request(session, RequestStatus.ACCEPTED, patient_id=patient)
        session.commit()
        assert client.post(f"/api/placement-requests/{accepted.id}/place", json={}).status_code == 200
    kept = session.scalars(select(PlacementRequest.days_paused).order_by(PlacementRequest.id)).all()
    assert kept == [0, 10, 20, 30, 40]
    session.execute(update(PlacementRequest).values(days_until_placed=100))
    session.commit()
    found = report(client, "searches")["days_until_placed"]
    assert found["patients"] == 5
    assert found["with_pauses"] == {"lower_quartile": 100, "median": 100, "upper_quartile": 100}
    assert found["without_pauses"] == {"lower_quartile": 70, "median": 80, "upper_quartile": 90}
