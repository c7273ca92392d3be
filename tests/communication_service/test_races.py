"""Two people who record the same at once: the second one is told that it was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from communication_service.domain import calls, emails, suppressions
from communication_service.domain import sending as domain
from communication_service.domain.schemas import CallOutcome, NewSuppression, Resolution
from communication_service.store.tables import Email, PhoneCall
from shared.db import transaction
from shared.errors import Conflict, NotFound
from tests.builders.communication import POLICY, a_practice_to_phone, a_request, a_therapist, composed, the
from tests.conftest import MONDAY
from tests.rivals import in_turn, while_uncommitted

pytestmark = pytest.mark.usefixtures("real_commits")

NOW = MONDAY + timedelta(seconds=6)
ADDRESS = NewSuppression(email="praxis@example.org", reason="asked us to")


def suppressing(session: Session) -> Any:
    return suppressions.add(session, ADDRESS, now=NOW)


def a_letter_in_doubt() -> Email:
    a_request(a_therapist())
    composed()
    lease = timedelta(minutes=1)
    with transaction() as session:
        assert domain.claim(session, the(Email).id, policy=POLICY, lease=lease, now=NOW)
    with transaction() as session:
        domain.doubt_what_nobody_recorded(session, now=NOW + 2 * lease)
    return the(Email)


@pytest.mark.parametrize("said", ["sent", "not_sent"])
def test_a_doubt_is_settled_once(said: str) -> None:
    letter = a_letter_in_doubt()

    def settling(outcome: str) -> Callable[[Session], Any]:
        resolution = Resolution.from_json({"outcome": outcome})
        return lambda session: emails.resolve(session, letter.id, resolution, policy=POLICY, now=NOW)

    second = in_turn(settling(said), settling("sent"))
    assert isinstance(second, Conflict)
    assert second.code == "email.not_in_doubt"


def test_a_call_has_one_outcome() -> None:
    a_request(a_practice_to_phone())
    composed()
    call = the(PhoneCall).id

    def recording(result: str) -> Callable[[Session], Any]:
        outcome = CallOutcome.from_json({"result": result})
        now = NOW + timedelta(hours=1)
        return lambda session: calls.record_outcome(session, call, outcome, policy=POLICY, now=now)

    second = in_turn(recording("busy"), recording("voicemail"))
    assert isinstance(second, Conflict)
    assert second.code == "phone_call.not_planned"


def test_an_address_is_suppressed_once(app: Flask) -> None:
    body = {"email": "Praxis@example.org", "reason": "a bounce"}
    answer = while_uncommitted(suppressing, lambda: app.test_client().post("/api/email-suppressions", json=body))
    assert answer.status_code == 409
    again = app.test_client().post("/api/email-suppressions", json=body)
    assert (again.status_code, again.json["code"]) == (409, "email_suppression.known")


def test_a_suppression_is_lifted_once() -> None:
    with transaction() as session:
        known = suppressing(session)

    def lifting(session: Session) -> None:
        suppressions.remove(session, known.id, now=NOW)

    assert isinstance(in_turn(lifting, lifting), NotFound)
