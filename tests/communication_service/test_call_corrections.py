"""An outcome that was a mistake: the attempt, the answers and the next call that followed are taken back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.domain import call_claims, call_corrections
from communication_service.domain.call_schemas import CallCorrection
from communication_service.domain.schemas import PhoneCallView
from communication_service.store.tables import ContactRequest, Inquiry, PhoneCall, WrongNumber
from shared.database import new_id, transaction
from shared.errors import Conflict
from shared.events import catalogue
from tests.builders.communication import (
    RULES,
    TEN,
    TEXTS,
    a_practice_to_phone,
    a_request,
    composed,
    outcome,
    publish,
    rows,
    the,
)
from tests.conftest import MONDAY
from tests.events import recorded_data

ANNA = new_id()
LATER = TEN + timedelta(minutes=3)


def correct(call: UUID, *, by: UUID | None = ANNA) -> PhoneCallView:
    with transaction() as session:
        why = CallCorrection(reason="die falsche Zeile")
        return call_corrections.correct(session, TEXTS, call, why, rules=RULES, by=by, now=LATER)


def made(result: str = "busy", **said: object) -> PhoneCall:
    """A call of which that was recorded."""
    a_request(a_practice_to_phone())
    composed()
    call = the(PhoneCall)
    outcome(call.id, result, **said)
    return call


@pytest.mark.parametrize("result", ["busy", "no_answer", "wrong_number", "call_back"])
def test_an_attempt_that_was_none_is_made_again(result: str, session: Session) -> None:
    shown = correct(made(result).id)
    assert (shown.status, shown.result, shown.correction) == ("failed", result, "die falsche Zeile")
    assert (shown.corrected_by, shown.corrected_at, shown.updated_by) == (ANNA, LATER, ANNA)
    planned = the(PhoneCall, status="planned")
    assert (planned.attempt, planned.starts_at) == (1, TEN + timedelta(minutes=5))
    inquiry, request = the(Inquiry), the(ContactRequest)
    assert (inquiry.attempts, inquiry.waits_for, inquiry.unanswered_at, request.attempts) == (0, None, None, 0)
    with transaction() as session:
        assert session.get(WrongNumber, inquiry.therapist_id) is None
    (published,) = recorded_data(session, "communication.call_corrected")
    assert (published["result"], published["corrected_by"]) == (result, str(ANNA))
    assert "Zeile" not in str(published)
    assert all(b"Zeile" not in each for each in the(PhoneCall, id=shown.id).corrections)


def test_a_mistake_that_used_up_the_attempts_leaves_one_more() -> None:
    made()
    for _ in range(2):
        last = the(PhoneCall, status="planned").id
        outcome(last, "busy")
    assert (the(Inquiry).status, the(ContactRequest).status) == ("no_answer", "over")
    correct(last)
    assert the(ContactRequest).status == "announced"
    publish(catalogue.RequestReopened, the(ContactRequest).id, sequence=2, approved_at=MONDAY, time=LATER)
    composed(LATER + timedelta(seconds=6))
    assert the(PhoneCall, status="planned").attempt == 3
    assert [inquiry.status for inquiry in rows(Inquiry)] == ["no_answer", "open"]


def test_answers_are_taken_back_and_may_be_given_anew(session: Session) -> None:
    request = a_request(a_practice_to_phone())
    composed()
    said = [{"placement_request_id": str(request), "outcome": "accepted"}]
    outcome(the(PhoneCall).id, "reached", responses=said)
    shown = correct(the(PhoneCall).id)
    assert (shown.status, len(shown.responses)) == ("completed", 1)
    assert not the(ContactRequest).answered
    (published,) = recorded_data(session, "communication.call_corrected")
    assert [each["outcome"] for each in published["answers"]] == ["accepted"]
    publish(catalogue.RequestAnswered, request, sequence=2, outcome="accepted")
    publish(catalogue.RequestCorrected, request, sequence=3)
    publish(catalogue.RequestUpdated, request, sequence=4, status="contacted", time=LATER)
    composed(LATER + timedelta(seconds=6))
    outcome(the(PhoneCall, status="planned").id, "reached", responses=said, now=LATER + timedelta(minutes=1))
    assert the(ContactRequest).answered


def test_only_the_last_call_with_an_outcome_is_corrected_and_once(client: FlaskClient) -> None:
    first = made().id
    second = the(PhoneCall, status="planned").id
    with pytest.raises(Conflict, match="Nothing is recorded"):
        correct(second)
    with transaction() as session:
        call_claims.claim(session, TEXTS, second, rules=RULES, by=new_id(), now=LATER)
    with pytest.raises(Conflict, match="claimed"):
        correct(first)
    outcome(second, "busy", now=LATER + RULES.call_lease)
    with pytest.raises(Conflict, match="called again after"):
        correct(first)
    url, body = f"/api/phone-calls/{second}/correct", {"reason": "die falsche Zeile"}
    for _ in range(2):
        answer = client.post(url, json=body, headers={"Idempotency-Key": "correct"})
        assert (answer.status_code, answer.json["correction"]) == (200, "die falsche Zeile")
    assert client.post(url, json=body).json["code"] == "phone_call.corrected_already"
    assert client.post(f"/api/phone-calls/{first}/correct", json={}).status_code == 422
    correct(first)
    assert [call.status for call in rows(PhoneCall, status="planned")] == ["planned"]
    history = client.get(f"/api/therapists/{the(Inquiry).therapist_id}/contact-history").json["items"]
    assert len([entry for entry in history if entry["corrected_at"]]) == 2
    assert MONDAY < LATER
