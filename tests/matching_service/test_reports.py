"""Reports: counted by groups of patients, of whom none is smaller than five."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from matching_service.domain import reports
from matching_service.domain.report_schemas import ReportPeriod
from matching_service.store.tables import PlacementRequest
from shared.runtime import clock
from shared.values.datetimes import month_of
from shared.values.enums import RequestStatus
from tests.builders.contact_log import add, called, emailed
from tests.builders.matching import a_known_patient, a_known_therapist, a_request, an_open_request, handle, stored
from tests.conftest import MONDAY

FIRST, SECOND = "109519005", "260120196"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST_DAY, LAST_DAY = month_of(clock.today().replace(day=1) - DAY)
"""Of the last month that is over."""
AT = datetime.combine(FIRST_DAY + 9 * DAY, time(9), UTC)
"""A morning in it."""
HOURS = round((AT - MONDAY) / HOUR)
"""What is known of contacts is told from a Monday on."""


@pytest.fixture
def asked(session: Session, client: FlaskClient) -> list[UUID]:
    """Five patients of the first insurer and four of the second, and two of nobody known, each asked of one practice.

    Each had a mail at one hour and a call at the next that reached nobody; the first three were refused later.
    """
    return ask(session, [FIRST] * 5 + [SECOND] * 4 + [None] * 2, refused=3)


def ask(session: Session, insurers: Sequence[str | None], *, refused: int) -> list[UUID]:
    private = a_known_therapist(session, accreditation="private")
    same = {"search_started_on": AT.date(), "reimbursement_case": True}
    patients = [a_known_patient(session, health_insurer_ik=each, **same) for each in insurers]
    for number, patient in enumerate(patients):
        whom = private if number % 2 else a_known_therapist(session)
        request = an_open_request(session, patient_id=patient, therapist_id=whom, now=AT)
        handle(session, emailed(request, "inquiry", hours=HOURS + 1), called(request, "no_answer", hours=HOURS + 2))
        if number < refused:
            handle(session, called(request, "reached", "declined_other", hours=HOURS + 3))
    session.commit()
    return patients


def report(client: FlaskClient, name: str, query: str = "") -> Any:
    answer = client.get(f"/api/reports/{name}?from={FIRST_DAY}&to={LAST_DAY}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_contacts_are_counted_by_insurer_and_small_groups_together(client: FlaskClient, asked: list[UUID]) -> None:
    first, others = report(client, "contacts")["insurers"]
    # three were refused: 13 less 5 less 5 would say so, so that one more result is left out
    assert first == {
        "health_insurer_ik": FIRST,
        "patients": 5,
        "contacts": 13,
        "practices": 4,
        "statutory_practices": 3,
        "results": {"sent": 5},
    }
    assert (others["health_insurer_ik"], others["patients"], others["contacts"]) == (None, 6, 12)
    assert report(client, "contacts", f"&health_insurer_ik={FIRST}")["insurers"] == [first]
    assert report(client, "contacts", f"&health_insurer_ik={SECOND}")["insurers"] == []
    assert client.get("/api/reports/contacts?from=2000-01-01&to=2000-01-31").json["insurers"] == []
    assert client.get("/api/reports/contacts?health_insurer_ik=123").status_code == 422
    month = f"?from={FIRST_DAY}&to={LAST_DAY}"
    table = client.get(f"/api/reports/contacts{month}", headers={"Accept": "text/csv"}).text
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [(each["health_insurer_ik"], each["no_answer"], each["sent"]) for each in rows] == [
        (FIRST, "", "5"),
        ("", "6", "6"),
    ]


@pytest.mark.parametrize(
    ("results", "patients_of_few", "shown"),
    [
        ({"sent": (9, 5), "busy": (5, 5)}, 0, {"sent": 9, "busy": 5}),
        ({"sent": (9, 6), "busy": (9, 4)}, 4, {}),
        ({"sent": (9, 6), "voicemail": (7, 5), "busy": (9, 4)}, 4, {"sent": 9}),
        ({"sent": (9, 6), "busy": (3, 3), "accepted": (2, 2)}, 5, {"sent": 9}),
        ({"busy": (3, 3), "accepted": (2, 2)}, 5, {}),
    ],
)
def test_what_is_left_out_of_results_cannot_be_subtracted(
    results: dict[str, tuple[int, int]], patients_of_few: int, shown: dict[str, int]
) -> None:
    assert reports.shown_results(results, patients_of_few=patients_of_few) == shown


def test_a_number_that_few_patients_are_missing_from_is_not_shown() -> None:
    numbers = {"searches": 20, "asked": 20, "contacted": 16, "answered": 15, "offered": 5, "placed": 4, "working": 0}
    shown = {"contacted": None, "placed": None}
    assert reports.shown_funnel(numbers) == numbers | shown


def test_what_was_taken_back_or_corrected_is_not_counted(
    session: Session, client: FlaskClient, asked: list[UUID]
) -> None:
    whom, then = a_known_therapist(session), {"occurred_at": AT.isoformat()}
    session.commit()
    entry = add(client, asked[0], whom, **then).json["id"]
    assert report(client, "contacts")["insurers"][0]["contacts"] == 14
    taken_back = {"corrects": entry, "result": "taken_back", "note": "doppelt"}
    assert add(client, asked[0], whom, **taken_back, **then).status_code == 201
    assert report(client, "contacts")["insurers"][0]["contacts"] == 13


def test_answers_are_counted_by_channel_and_hour(session: Session, client: FlaskClient) -> None:
    ask(session, [None] * 11, refused=6)
    groups = {(each["channel"], each["patients"]): each for each in report(client, "answers")["groups"]}
    assert groups.keys() == {("email", 11), ("phone", 11), ("phone", 6)}
    mails, calls = groups["email", 11], groups["phone", 11]
    assert (mails["contacts"], mails["reached"], mails["answered"], mails["answer_rate"]) == (11, 0, 6, 0.545)
    assert (calls["contacts"], calls["reached"], calls["answered"]) == (11, 0, 0)
    assert groups["phone", 6]["reached"] == groups["phone", 6]["answered"] == 6
    assert calls["hour"] == mails["hour"] + 1
    assert not any("recorded_by" in each for each in groups.values())
    # of one of the six it was another answer, of another one none: so few are not shown
    first, second, *_ = session.scalars(
        select(PlacementRequest.id).where(PlacementRequest.status == RequestStatus.DECLINED)
    )
    for request, outcome in ((first, "declined_capacity"), (second, None)):
        path = f"/api/placement-requests/{request}/correct"
        assert client.post(path, json={"outcome": outcome, "reason": "verlesen"}).status_code == 200
    (mails,) = (each for each in report(client, "answers")["groups"] if each["channel"] == "email")
    assert (mails["answered"], mails["answer_rate"]) == (5, 0.455)


def test_few_answers_are_not_shown(client: FlaskClient, asked: list[UUID]) -> None:
    groups = {each["channel"]: each for each in report(client, "answers")["groups"]}
    assert (groups["email"]["answered"], groups["email"]["answer_rate"]) == (None, None)
    assert groups["phone"]["answered"] == 0


def test_searches_are_counted_from_their_start_to_a_place_that_works(
    session: Session, client: FlaskClient, asked: list[UUID]
) -> None:
    found = report(client, "searches")
    assert [found[name] for name in ("searches", "asked", "contacted", "answered", "offered", "placed")] == [
        11, 11, 11, None, 0, 0,
    ]  # fmt: skip
    assert found["days_until_placed"] is None
    assert client.get("/api/reports/searches?from=2000-01-01&to=2000-01-31").json["searches"] == 0


def test_what_belongs_to_an_earlier_search_is_not_counted(session: Session, client: FlaskClient) -> None:
    """Nor a place that was given up while the search goes on; one whose therapy was completed is."""
    for status, approved in (
        [("searching", AT - 600 * DAY)] * 5 + [("searching", AT)] * 6 + [("therapy_completed", AT)] * 5
    ):
        patient = a_known_patient(session, search_started_on=AT.date() - (600 * DAY if approved < AT else 0 * DAY))
        request = a_request(session, RequestStatus.PLACED, patient_id=patient, now=approved)
        stored(session, request.id).place_ended_at = approved + DAY
        a_known_patient(session, sequence=9, placed=False, id=patient, search_started_on=AT.date(), status=status)
    session.commit()
    found = report(client, "searches")
    assert [found[name] for name in ("searches", "asked", "contacted", "offered", "placed")] == [16, 11, 11, 11, 5]


def test_reports_are_of_one_month_that_is_over(client: FlaskClient, session: Session) -> None:
    month_ago = reports.searches(session, ReportPeriod(), today=date(2026, 3, 1))
    assert (month_ago.from_, month_ago.to) == month_of(date(2026, 2, 1))
    this_month = month_of(clock.today())
    cases = [
        ("from=2026-01-01&to=2026-02-28", {"from", "to"}),
        ("from=2026-01-02&to=2026-01-31", {"from", "to"}),
        ("from=2026-01-01", {"from", "to"}),
        ("from={}&to={}".format(*this_month), {"to"}),
    ]
    for query, named in cases:
        for name in ("contacts", "answers", "searches"):
            refused = client.get(f"/api/reports/{name}?{query}")
            assert (refused.status_code, {each["field"] for each in refused.json["errors"]}) == (422, named), query


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
    session.execute(update(PlacementRequest).values(days_until_placed=100, placed_on=AT.date()))
    session.commit()
    found = report(client, "searches")["days_until_placed"]
    assert found["patients"] == 5
    assert found["with_pauses"] == {"lower_quartile": 100, "median": 100, "upper_quartile": 100}
    assert found["without_pauses"] == {"lower_quartile": 70, "median": 80, "upper_quartile": 90}


def test_every_report_is_a_table_too(client: FlaskClient, asked: list[UUID]) -> None:
    for name in ("contacts", "answers", "searches"):
        answer = client.get(f"/api/reports/{name}?from={FIRST_DAY}&to={LAST_DAY}", headers={"Accept": "text/csv"})
        assert answer.content_type.startswith("text/csv"), name
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        as_json = report(client, name)
        if name == "answers":
            assert [(each["channel"], each["contacts"]) for each in rows] == [
                (each["channel"], str(each["contacts"])) for each in as_json["groups"]
            ]
        if name == "searches":
            assert [(each["from"], each["searches"]) for each in rows] == [
                (as_json["from"], "" if as_json["searches"] is None else str(as_json["searches"]))
            ]
