"""Closed cases that were kept for long enough are proposed, and erased when people say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service import jobs
from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import retention
from shared.security.encryption import Keys
from tests.builders.patients import STEPS_TO, a_patient_who_is

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
