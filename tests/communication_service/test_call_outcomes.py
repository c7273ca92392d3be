"""What came of calls: answers, further attempts, and others who join them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import sending
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.events import catalogue
from tests.builders.communication import (
    FIVE,
    MONDAY_MORNINGS,
    RULES,
    TEN,
    TEXTS,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    outcome,
    publish,
    rows,
    the,
    withdraw,
)
from tests.conftest import MONDAY
from tests.events import recorded_data

TWO_WINDOWS = {"monday": [{"start": "10:00", "end": "11:00"}, {"start": "14:00", "end": "15:00"}]}
EVERY_MORNING = {day: [{"start": "10:00", "end": "11:00"}] for day in ("monday", "tuesday", "wednesday")}


def test_a_practice_that_was_reached_answers_request_by_request(client: FlaskClient, session: Session) -> None:
    therapist = a_practice_to_phone()
    yes, no, open_ = a_request(therapist), a_request(therapist), a_request(therapist)
    composed()
    call = the(PhoneCall)
    body = {
        "result": "reached",
        "note": "freundlich",
        "responses": [
            {"placement_request_id": str(yes), "outcome": "accepted", "note": "ab März"},
            {"placement_request_id": str(no), "outcome": "declined_capacity"},
        ],
    }
    url = f"/api/phone-calls/{call.id}/outcome"
    answer = client.post(url, json=body, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json["status"], answer.json["result"]) == (200, "completed", "reached")
    assert len(answer.json["responses"]) == 3
    (published,) = recorded_data(session, "communication.call_recorded")
    assert {one["placement_request_id"]: one["outcome"] for one in published["answers"]} == {
        str(yes): "accepted",
        str(no): "declined_capacity",
        str(open_): "not_discussed",
    }
    assert "freundlich" not in str(published)
    assert "ab März" not in str(published)
    assert the(Inquiry).status == "gone_out"
    assert the(ContactRequest, id=yes).status == "over"
    assert client.post(url, json=body, headers={"Idempotency-Key": "k1"}).status_code == 200
    assert client.post(url, json=body).status_code == 409
    assert len(recorded_data(session, "communication.call_recorded")) == 1
    publish(catalogue.RequestReopened, open_, sequence=2, approved_at=MONDAY, time=TEN)
    composed(TEN + timedelta(minutes=1))
    assert rows(PhoneCall)[1].placement_request_ids == [open_]


@pytest.mark.parametrize(
    ("result", "hours", "next_at"),
    [
        ("busy", EVERY_MORNING, TEN + timedelta(minutes=20)),
        ("voicemail", EVERY_MORNING, TEN + timedelta(days=1, minutes=5)),
        ("no_answer", EVERY_MORNING, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
        ("no_answer", MONDAY_MORNINGS, datetime(2026, 11, 30, 9, 0, tzinfo=UTC)),
        ("no_answer", TWO_WINDOWS, datetime(2026, 11, 23, 13, 0, tzinfo=UTC)),
    ],
)
def test_a_call_that_reached_nobody_is_planned_again_when_its_result_says(
    result: str, hours: dict[str, Any], next_at: datetime, session: Session
) -> None:
    request = a_request(a_practice_to_phone(phone_hours=hours))
    composed()
    outcome(the(PhoneCall).id, result, now=TEN + timedelta(minutes=2))
    failed, planned = rows(PhoneCall)
    assert (failed.status, failed.result) == ("failed", result)
    assert (planned.status, planned.attempt, planned.inquiry_id) == ("planned", 2, failed.inquiry_id)
    assert (planned.starts_at, planned.placement_request_ids) == (next_at, [request])
    (published,) = recorded_data(session, "communication.call_recorded")
    assert (published["result"], published["answers"]) == (result, [])
    composed(TEN + timedelta(hours=1))
    assert rows(PhoneCall)[1].starts_at == next_at


def test_nobody_answers_in_one_window_so_the_next_call_is_in_another_also_when_it_is_planned_anew() -> None:
    therapist = a_practice_to_phone(phone_hours=TWO_WINDOWS)
    a_request(therapist)
    composed()
    outcome(the(PhoneCall).id, "no_answer")
    composed(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))  # nobody called in the afternoon
    assert the(PhoneCall, status="planned").starts_at == datetime(2026, 11, 30, 13, 0, tzinfo=UTC)


def test_after_a_wrong_number_the_inquiry_waits_for_another_and_no_attempt_is_lost() -> None:
    therapist = a_practice_to_phone(phone_hours=EVERY_MORNING)
    a_request(therapist)
    composed()
    outcome(the(PhoneCall).id, "wrong_number")
    another = a_request(therapist, time=TEN)
    composed(TEN + timedelta(hours=1))
    assert [call.status for call in rows(PhoneCall)] == ["failed"]
    assert (the(Inquiry).waits_for, the(ContactRequest, id=another).inquiry_id) == (
        "phone_number_missing",
        the(Inquiry).id,
    )
    a_practice_to_phone(id=therapist, sequence=2, phone_hours=EVERY_MORNING, phone="+49241654321", time=TEN)
    composed(TEN + timedelta(hours=1))
    call = the(PhoneCall, status="planned")
    assert (call.attempt, len(call.placement_request_ids)) == (1, 2)


def test_a_practice_that_wants_to_be_called_back_is_called_then() -> None:
    a_request(a_practice_to_phone())
    composed()
    outcome(the(PhoneCall).id, "call_back", call_back_at="2026-11-23T10:32:00+01:00")
    assert rows(PhoneCall)[1].starts_at == datetime(2026, 11, 23, 9, 35, tzinfo=UTC)


def test_after_three_attempts_nobody_is_called_any_more(session: Session) -> None:
    request = a_request(a_practice_to_phone())
    composed()
    for attempt in range(3):
        outcome(rows(PhoneCall, status="planned")[0].id, "no_answer", now=TEN + attempt * FIVE)
    composed(TEN + timedelta(days=1))
    assert [call.status for call in rows(PhoneCall)] == ["failed"] * 3
    (published,) = recorded_data(session, "communication.attempts_used_up")
    assert published["placement_request_ids"] == [str(request)]
    assert (the(Inquiry).status, the(ContactRequest).status) == ("no_answer", "over")


def test_requests_that_come_after_a_failed_attempt_join_the_next_one_with_three_attempts_of_their_own(
    session: Session,
) -> None:
    therapist = a_practice_to_phone()
    first = a_request(therapist)
    composed()
    outcome(the(PhoneCall).id, "busy", now=TEN + timedelta(minutes=1))
    later = a_request(therapist, time=TEN + timedelta(minutes=1))
    composed(TEN + timedelta(minutes=2))
    call = the(PhoneCall, status="planned")
    assert (call.attempt, call.placement_request_ids) == (2, [first, later])
    for attempt in (1, 2):
        outcome(the(PhoneCall, status="planned").id, "busy", now=TEN + attempt * FIVE)
    assert [
        published["placement_request_ids"] for published in recorded_data(session, "communication.attempts_used_up")
    ] == [[str(first)]]
    assert (the(PhoneCall, status="planned").attempt, the(PhoneCall, status="planned").placement_request_ids) == (
        3,
        [later],
    )
    outcome(the(PhoneCall, status="planned").id, "busy", now=TEN + 3 * FIVE)
    assert rows(PhoneCall, status="planned") == []
    assert recorded_data(session, "communication.attempts_used_up")[1]["placement_request_ids"] == [str(later)]


def test_a_hold_between_attempts_gives_no_new_ones(session: Session) -> None:
    request = a_request(a_practice_to_phone())
    composed()
    for attempt in (0, 1):
        outcome(the(PhoneCall, status="planned").id, "busy", now=TEN + attempt * FIVE)
    publish(catalogue.RequestHeld, request, sequence=2, hold="search_paused", time=TEN + 2 * FIVE)
    composed(TEN + 2 * FIVE)
    assert rows(PhoneCall, status="planned") == []
    publish(catalogue.RequestReleased, request, sequence=3, time=TEN + timedelta(days=1))
    composed(TEN + timedelta(days=1))
    assert the(PhoneCall, status="planned").attempt == 3
    outcome(the(PhoneCall, status="planned").id, "busy", now=TEN + timedelta(days=7))
    assert rows(PhoneCall, status="planned") == []
    assert len(recorded_data(session, "communication.attempts_used_up")) == 1


def test_a_call_that_nobody_made_and_a_follow_up_that_falls_due_are_one_call() -> None:
    therapist = a_therapist(phone_hours=MONDAY_MORNINGS)
    mailed = a_request(therapist)
    composed()
    sent_at = MONDAY + timedelta(seconds=6)
    with transaction() as session:
        claim = sending.claim(session, the(Email).id, rules=RULES, texts=TEXTS, lease=timedelta(minutes=5), now=sent_at)
        assert claim is not None
        sending.record_sent(session, claim.email_id, claim.attempt, rules=RULES, now=sent_at)
    a_therapist(id=therapist, sequence=2, email=None, phone_hours=MONDAY_MORNINGS)
    tuesday = MONDAY + timedelta(days=1)
    fresh = a_request(therapist, time=tuesday)
    composed(tuesday + timedelta(minutes=1))
    assert the(PhoneCall).placement_request_ids == [fresh]
    week_later = MONDAY + timedelta(days=7, hours=6)  # after the practice's hour, in which nobody called
    assert jobs.follow_up(RULES, week_later) == 1
    composed(week_later + timedelta(minutes=1))
    waiting = next(each for each in rows(Inquiry, status="open") if each.placement_request_ids == [mailed])
    assert (waiting.waits_for, len(rows(PhoneCall, status="planned"))) == ("earlier_inquiry", 1)
    composed(week_later + timedelta(days=1))
    call = the(PhoneCall, status="planned")
    assert set(call.placement_request_ids) == {mailed, fresh}
    assert call.starts_at == datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def test_others_who_join_do_not_bring_a_call_back_forward() -> None:
    therapist = a_practice_to_phone(phone_hours=EVERY_MORNING)
    a_request(therapist)
    composed()
    outcome(the(PhoneCall).id, "call_back", call_back_at="2026-11-25T10:00:00+01:00")
    a_request(therapist, time=TEN)
    composed(TEN + timedelta(minutes=1))
    call = the(PhoneCall, status="planned")
    assert (len(call.placement_request_ids), call.starts_at) == (2, datetime(2026, 11, 25, 9, 0, tzinfo=UTC))


def test_a_withdrawal_between_two_attempts_cancels_the_next(session: Session) -> None:
    request = a_request(a_practice_to_phone())
    composed()
    outcome(the(PhoneCall).id, "busy", now=TEN)
    withdraw(request)
    composed(TEN + timedelta(seconds=1))
    assert [call.status for call in rows(PhoneCall)] == ["failed", "cancelled"]
    assert recorded_data(session, "communication.attempts_used_up") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"result": "maybe"},
        {"result": "reached", "occurred_at": "2999-01-01T00:00:00Z"},
        {"result": "reached", "responses": [{"placement_request_id": str(new_id()), "outcome": "accepted"}]},
        {"result": "busy", "call_back_at": "2026-11-23T10:32:00+01:00"},
        {"result": "call_back", "call_back_at": "2098-01-01T10:00:00+01:00"},
        {"result": "busy", "responses": [{"placement_request_id": str(new_id()), "outcome": "accepted"}]},
    ],
)
def test_an_outcome_that_cannot_be_is_refused_and_changes_nothing(body: dict[str, Any], client: FlaskClient) -> None:
    a_request(a_practice_to_phone())
    composed()
    call = the(PhoneCall)
    assert client.post(f"/api/phone-calls/{call.id}/outcome", json=body).status_code == 422
    assert the(PhoneCall).status == "planned"


def test_an_unknown_call_is_not_found(client: FlaskClient) -> None:
    assert client.get(f"/api/phone-calls/{new_id()}").status_code == 404
    assert client.post(f"/api/phone-calls/{new_id()}/outcome", json={"result": "busy"}).status_code == 404
