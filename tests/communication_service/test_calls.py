"""Calls: planned when the practice answers the phone, one at a time, and what came of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import calls, sending
from communication_service.domain.call_times import CallTimes, is_closed
from communication_service.domain.schemas import CallOutcome
from communication_service.settings import ContactRules
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.events import catalogue
from shared.values.datetimes import BERLIN
from shared.values.weekly import Weekly
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    rows,
    the,
    withdraw,
)
from tests.conftest import MONDAY
from tests.events import recorded

TEN = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
"""The first slot after MONDAY plus five seconds, 10:05 in Berlin: the practices' hour is from ten to eleven."""
TUESDAYS = {"tuesday": [{"start": "09:00", "end": "09:10"}]}
FIVE = timedelta(minutes=5)
EVERY_MORNING = {day: [{"start": "10:00", "end": "11:00"}] for day in ("monday", "tuesday", "wednesday")}


def events(session: Session, kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in recorded(session) if event["type"] == kind]


def outcome(call: UUID, result: str, *, now: datetime = TEN, **fields: Any) -> None:
    with transaction() as session:
        said = CallOutcome.from_json({"result": result, **fields})
        calls.record_outcome(session, call, said, rules=RULES, now=now)


def test_calls_lie_inside_the_phone_hours_on_five_minutes_and_never_overlap() -> None:
    for _ in range(13):
        a_request(a_practice_to_phone())
    composed()
    starts = sorted(call.starts_at for call in rows(PhoneCall))
    assert starts[:11] == [TEN + FIVE * slot for slot in range(11)]
    assert starts[11] == datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    assert all(call.ends_at - call.starts_at == FIVE for call in rows(PhoneCall))


def test_who_may_have_a_place_is_called_first() -> None:
    usual, hopeful = a_practice_to_phone(), a_practice_to_phone(potentially_available=True)
    a_request(usual)
    a_request(hopeful)
    composed()
    assert the(PhoneCall, therapist_id=hopeful).starts_at == TEN
    assert the(PhoneCall, therapist_id=usual).starts_at == TEN + FIVE


def test_the_database_refuses_two_calls_at_once(session: Session) -> None:
    a_request(a_practice_to_phone())
    composed()
    first = the(PhoneCall)
    session.add(
        PhoneCall(
            id=new_id(),
            therapist_id=new_id(),
            status="planned",
            attempt=1,
            starts_at=first.starts_at + timedelta(minutes=1),
            ends_at=first.ends_at + FIVE,
        )
    )
    with pytest.raises(IntegrityError, match="one_call_at_a_time"):
        session.flush()
    session.rollback()


def test_the_database_refuses_two_planned_calls_to_one_practice(session: Session) -> None:
    a_request(a_practice_to_phone())
    composed()
    first = the(PhoneCall)
    hour = timedelta(hours=1)
    session.add(
        PhoneCall(
            id=new_id(),
            therapist_id=first.therapist_id,
            status="planned",
            attempt=1,
            starts_at=first.starts_at + hour,
            ends_at=first.ends_at + hour,
        )
    )
    with pytest.raises(IntegrityError, match="uq_phone_calls_planned"):
        session.flush()
    session.rollback()


@pytest.mark.parametrize(
    ("day", "state", "closed"),
    [
        (date(2026, 12, 24), "NW", True),
        (date(2026, 12, 31), "NW", True),
        (date(2026, 12, 25), "NW", True),
        (date(2026, 12, 28), "NW", False),
        (date(2026, 11, 1), "NW", True),
        (date(2026, 11, 1), "BE", False),
        (date(2026, 11, 18), "SN", True),
        (date(2026, 11, 18), "NW", False),
        (date(2026, 11, 18), None, True),
        (date(2026, 8, 15), "BY", True),
        (date(2026, 6, 4), "SN", True),
        (date(2026, 6, 4), "TH", True),
        (date(2026, 6, 4), "BB", False),
        (date(2026, 8, 8), "BY", True),
        (date(2026, 8, 8), "BW", False),
        (date(2026, 8, 8), None, True),
        (date(2150, 6, 14), "NW", True),
        (date(2026, 11, 23), None, False),
    ],
)
def test_nobody_is_called_on_holidays_of_the_state_or_of_any_state_if_it_is_unknown(
    day: date, state: str | None, closed: bool
) -> None:
    assert is_closed(day, state=state, practice_holidays=[]) is closed


def test_nobody_is_called_in_the_practices_holidays() -> None:
    away = [{"from": "2026-11-23", "to": "2026-11-30"}]
    a_request(a_practice_to_phone(holidays=away))
    composed()
    assert the(PhoneCall).starts_at == datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def test_the_state_counts_only_while_the_address_is_the_current_one() -> None:
    # Buß- und Bettag: Wednesday, 18 November 2026, in Saxony only; unknown states keep all holidays
    wednesdays = {"wednesday": [{"start": "10:00", "end": "11:00"}]}
    day = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
    therapist = a_practice_to_phone(phone_hours=wednesdays, postal_code="52062", city="Aachen", time=day)
    a_request(therapist, time=day)
    composed(day + timedelta(seconds=5))
    assert the(PhoneCall).starts_at.date() == date(2026, 11, 25)
    for sequence, postal_code, expected in ((1, "04109", date(2026, 11, 25)), (2, "52062", date(2026, 11, 25))):
        place = catalogue.AddressGeocoded(
            owner_kind="therapist", owner_id=therapist, postal_code=postal_code, city="Aachen", federal_state="NW"
        )
        arrives(place, therapist, sequence=sequence, time=day)
        composed(day + timedelta(minutes=sequence))
        assert the(PhoneCall).starts_at.date() == expected  # a call that fits stays where it is
    second = a_practice_to_phone(phone_hours=wednesdays, postal_code="52062", city="Aachen", time=day)
    place = catalogue.AddressGeocoded(
        owner_kind="therapist", owner_id=second, postal_code="52062", city="Aachen", federal_state="NW"
    )
    arrives(place, second, time=day)
    a_request(second, time=day)
    composed(day + timedelta(minutes=5))
    assert the(PhoneCall, therapist_id=second).starts_at.date() == date(2026, 11, 18)


def test_hours_on_the_day_the_clocks_change_are_local() -> None:
    hours = Weekly.from_json({"sunday": [{"start": "10:00", "end": "11:00"}]})
    assert hours is not None
    opening = CallTimes(hours, "NW", [])
    for day, start in ((date(2026, 10, 24), "2026-10-25T09:00Z"), (date(2027, 3, 27), "2027-03-28T08:00Z")):
        earliest = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        found = opening.next_free_slot(earliest=earliest, rules=RULES, taken=lambda *_: [])
        assert found == datetime.fromisoformat(start.replace("Z", "+00:00"))


@pytest.mark.parametrize(("step", "start"), [(1, "10:07"), (5, "10:10"), (15, "10:15"), (60, "11:00")])
def test_calls_start_on_a_step_of_the_clock(step: int, start: str) -> None:
    hours = Weekly.from_json({"wednesday": [{"start": "10:00", "end": "12:00"}]})
    assert hours is not None
    rules = ContactRules(call_step_minutes=step)
    found = CallTimes(hours, "NW", []).next_free_slot(
        earliest=datetime(2026, 11, 25, 10, 6, 30, tzinfo=BERLIN), rules=rules, taken=lambda *_: []
    )
    assert found == datetime.fromisoformat(f"2026-11-25T{start}+01:00")


@pytest.mark.parametrize(("days", "is_found"), [(2, False), (3, True)])
def test_no_call_is_planned_beyond_the_horizon(days: int, is_found: bool) -> None:
    """Today counts: on a Monday the third day is Wednesday."""
    hours = Weekly.from_json({"wednesday": [{"start": "10:00", "end": "12:00"}]})
    assert hours is not None
    found = CallTimes(hours, "NW", []).next_free_slot(
        earliest=datetime(2026, 11, 23, 10, tzinfo=BERLIN),
        rules=ContactRules(call_horizon_days=days),
        taken=lambda *_: [],
    )
    assert (found is not None) == is_found


def test_a_call_moves_when_the_practice_changes_its_hours() -> None:
    therapist = a_practice_to_phone()
    a_request(therapist)
    composed()
    a_practice_to_phone(id=therapist, sequence=2, phone_hours=TUESDAYS)
    composed(MONDAY + timedelta(minutes=1))
    call = the(PhoneCall)
    assert (call.status, call.starts_at) == ("planned", datetime(2026, 11, 24, 8, 0, tzinfo=UTC))


def test_a_call_nobody_made_on_its_day_is_planned_again_without_counting() -> None:
    a_request(a_practice_to_phone())
    composed()
    composed(MONDAY + timedelta(days=1, hours=2))
    call = the(PhoneCall)
    assert (call.starts_at, call.attempt) == (datetime(2026, 11, 30, 9, 0, tzinfo=UTC), 1)


def test_up_to_six_patients_share_a_call_and_the_next_call_waits_for_it() -> None:
    therapist = a_practice_to_phone(phone_hours=TUESDAYS)
    asked = [a_request(therapist) for _ in range(7)]
    composed()
    call = the(PhoneCall)
    first, second = rows(Inquiry)
    assert call.placement_request_ids == first.placement_request_ids == asked[:6]
    assert (second.placement_request_ids, second.waits_for) == (asked[6:], "earlier_inquiry")
    outcome(call.id, "reached", now=call.starts_at)
    composed(call.starts_at + timedelta(minutes=2))
    assert the(PhoneCall, status="planned").placement_request_ids == asked[6:]


def test_a_call_without_patients_is_cancelled() -> None:
    request = a_request(a_practice_to_phone())
    composed()
    withdraw(request)
    composed(MONDAY + timedelta(minutes=1))
    assert the(PhoneCall).status == "cancelled"


def test_a_call_shows_what_the_caller_may_say(client: FlaskClient) -> None:
    therapist = a_practice_to_phone(title="Dr.", first_name="Anna", mobile="+491701234567", phone_hours=TUESDAYS)
    free = {"monday": [{"start": "09:00", "end": "12:00"}]}
    patient = a_patient(reference="P-7K3M-2Q", diagnosis_block="F40-F48", availability=free)
    request = a_request(therapist, patient)
    composed()
    shown = client.get(f"/api/phone-calls/{the(PhoneCall).id}").json
    assert shown["therapist"] == {
        "name": "Dr. Anna Erfunden",
        "phone": "0241 123456",
        "mobile": "0170 1234567",
        "phone_hours": TUESDAYS,
        "note": None,
    }
    assert shown["patients"] == [
        {
            "placement_request_id": str(request),
            "reference": "P-7K3M-2Q",
            "age": 34,
            "gender": "female",
            "insurance_type": "statutory",
            "diagnosis_group": "F40-F48 Neurotische, Belastungs- und somatoforme Störungen",
            "practice_summary": None,
            "availability": free,
            "prior_therapy_within_two_years": None,
        }
    ]
    assert (shown["status"], shown["attempt"], shown["starts_at"]) == ("planned", 1, "2026-11-24T08:00:00Z")


def test_calls_are_listed_by_day(client: FlaskClient) -> None:
    a_request(a_practice_to_phone())
    tuesday = a_practice_to_phone(phone_hours=TUESDAYS)
    a_request(tuesday)
    composed()

    def found(**query: str) -> int:
        answer = client.get("/api/phone-calls", query_string=query)
        assert answer.status_code == 200
        total: int = answer.json["total"]
        return total

    assert found() == 2
    assert found(date="2026-11-23") == 1
    assert found(**{"from": "2026-11-24", "to": "2026-11-30"}) == 1
    assert found(therapist_id=str(tuesday), status="planned") == 1
    assert found(status="completed") == 0
    assert client.get("/api/phone-calls?date=morgen").status_code == 422


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
    (published,) = events(session, "communication.call_recorded")
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
    assert len(events(session, "communication.call_recorded")) == 1
    publish(catalogue.RequestReopened, open_, sequence=2, approved_at=MONDAY, time=TEN)
    composed(TEN + timedelta(minutes=1))
    assert rows(PhoneCall)[1].placement_request_ids == [open_]


@pytest.mark.parametrize("result", ["no_answer", "busy", "voicemail", "wrong_number"])
def test_a_call_that_reached_nobody_is_planned_again_in_the_next_free_slot(result: str, session: Session) -> None:
    request = a_request(a_practice_to_phone())
    composed()
    outcome(the(PhoneCall).id, result, now=TEN + timedelta(minutes=2))
    failed, planned = rows(PhoneCall)
    assert (failed.status, failed.result) == ("failed", result)
    assert (planned.status, planned.attempt, planned.inquiry_id) == ("planned", 2, failed.inquiry_id)
    assert (planned.starts_at, planned.placement_request_ids) == (TEN + FIVE, [request])
    (published,) = events(session, "communication.call_recorded")
    assert (published["result"], published["answers"]) == (result, [])


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
    (published,) = events(session, "communication.attempts_used_up")
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
    assert [published["placement_request_ids"] for published in events(session, "communication.attempts_used_up")] == [
        [str(first)]
    ]
    assert (the(PhoneCall, status="planned").attempt, the(PhoneCall, status="planned").placement_request_ids) == (
        3,
        [later],
    )
    outcome(the(PhoneCall, status="planned").id, "busy", now=TEN + 3 * FIVE)
    assert rows(PhoneCall, status="planned") == []
    assert events(session, "communication.attempts_used_up")[1]["placement_request_ids"] == [str(later)]


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
    assert len(events(session, "communication.attempts_used_up")) == 1


def test_a_call_that_nobody_made_and_a_follow_up_that_falls_due_are_one_call() -> None:
    therapist = a_therapist(phone_hours=MONDAY_MORNINGS)
    mailed = a_request(therapist)
    composed()
    sent_at = MONDAY + timedelta(seconds=6)
    with transaction() as session:
        claim = sending.claim(session, the(Email).id, rules=RULES, lease=timedelta(minutes=5), now=sent_at)
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
    assert events(session, "communication.attempts_used_up") == []


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
