"""A search that only waits for its postal code to be looked up waits for a moment, and holds nothing meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from patient_service import jobs
from patient_service.domain import copies
from patient_service.domain.schemas import PatientView
from shared.database import transaction
from shared.security.encryption import Keys
from tests.builders.patients import a_patient, geocoded

pytestmark = pytest.mark.usefixtures("real_commits")


def entered(keys: Keys, **fields: Any) -> PatientView:
    with transaction() as session:
        return a_patient(session, keys, **fields)


def answer(patient: PatientView, *, found: bool = True) -> None:
    with transaction() as session:
        copies.keep_postal_codes(session, [geocoded(patient.id, found=found)])


def start(app: Flask, patient: PatientView) -> tuple[Any, float]:
    """The response to a search that is started, and the seconds that it took."""
    began = time.monotonic()
    response = app.test_client().post(f"/api/patients/{patient.id}/status", json={"status": "searching"})
    return response, time.monotonic() - began


def after(seconds: float, act: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def connections_in_a_transaction() -> int:
    """Of this service, but for the one that asks."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
    with transaction() as session:
        return int(session.scalar(text(f"{asked} AND xact_start IS NOT NULL")) or 0)


def test_a_search_waits_for_the_answer_and_starts(app: Flask, keys: Keys) -> None:
    patient = entered(keys)
    answering = after(0.5, lambda: answer(patient))
    response, seconds = start(app, patient)
    answering.join()
    assert (response.status_code, response.json["status"]) == (200, "searching")
    assert 0.3 < seconds < 3


def test_without_an_answer_it_is_refused_after_two_seconds_and_says_that_it_is_looked_up(
    app: Flask, keys: Keys
) -> None:
    response, seconds = start(app, entered(keys))
    assert (response.status_code, response.json["code"]) == (409, "patient.not_ready")
    (problem,) = response.json["errors"]
    assert (problem["field"], "looked up" in problem["message"]) == ("location", True)
    assert response.headers["Retry-After"] == "2"
    assert 1.8 < seconds < 6


def test_a_place_that_does_not_exist_ends_the_wait(app: Flask, keys: Keys) -> None:
    patient = entered(keys)
    answering = after(0.3, lambda: answer(patient, found=False))
    response, _ = start(app, patient)
    answering.join()
    (problem,) = response.json["errors"]
    assert (problem["field"], "looked up" in problem["message"]) == ("location", False)
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("lacking", [{"contracts_signed": False}, {"postal_code": None}])
def test_what_lacks_something_else_does_not_wait(app: Flask, keys: Keys, lacking: dict[str, Any]) -> None:
    response, seconds = start(app, entered(keys, **lacking))
    assert response.status_code == 409
    assert "Retry-After" not in response.headers
    assert seconds < 1.5


def test_no_transaction_is_open_while_it_waits(app: Flask, keys: Keys) -> None:
    patient = entered(keys)
    waiting = threading.Thread(target=start, args=(app, patient))
    waiting.start()
    time.sleep(0.3)
    found: list[int] = []
    while waiting.is_alive() and len(found) < 10:
        found.append(connections_in_a_transaction())
        time.sleep(0.05)
    waiting.join()
    assert len(found) == 10
    assert found.count(0) >= 5  # a look takes milliseconds; were it open all the time, there would be none


def test_only_a_few_wait_at_once(app: Flask, keys: Keys) -> None:
    patient = entered(keys)
    held = [jobs._WAITERS.acquire(blocking=False) for _ in range(4)]
    try:
        assert held == [True] * 4
        response, seconds = start(app, patient)
    finally:
        for _ in held:
            jobs._WAITERS.release()
    assert (response.status_code, response.headers["Retry-After"]) == (409, "2")
    assert seconds < 1.5
