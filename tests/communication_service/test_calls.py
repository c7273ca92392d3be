"""Calls: planned when the practice answers the phone, one at a time, and shown to who makes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from communication_service.domain.call_times import CallTimes, is_closed
from communication_service.settings import ContactRules
from communication_service.store.tables import Inquiry, PhoneCall
from shared.database import new_id
from shared.events import catalogue
from shared.values.datetimes import BERLIN
from shared.values.weekly import Weekly
from tests.builders.communication import (
    FIVE,
    RULES,
    TEN,
    a_patient,
    a_practice_to_phone,
    a_request,
    arrives,
    composed,
    outcome,
    rows,
    the,
    withdraw,
)
from tests.conftest import MONDAY

TUESDAYS = {"tuesday": [{"start": "09:00", "end": "09:10"}]}


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
        (date(2026, 11, 18), "BB SN", True),
        (date(2026, 11, 18), "HH SH", False),
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
    states = {each for each in (state or "").split() if each}
    assert is_closed(day, states=states, practice_holidays=[]) is closed


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
    either = catalogue.AddressGeocoded(
        owner_kind="therapist", owner_id=second, postal_code="52062", city="Aachen", federal_states=["HH", "SH"]
    )
    arrives(either, second, time=day)
    a_request(second, time=day)
    composed(day + timedelta(minutes=5))
    assert the(PhoneCall, therapist_id=second).starts_at.date() == date(2026, 11, 18)


def test_hours_on_the_day_the_clocks_change_are_local() -> None:
    hours = Weekly.from_json({"sunday": [{"start": "10:00", "end": "11:00"}]})
    assert hours is not None
    opening = CallTimes(hours, {"NW"}, [])
    for day, start in ((date(2026, 10, 24), "2026-10-25T09:00Z"), (date(2027, 3, 27), "2027-03-28T08:00Z")):
        earliest = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        found = opening.next_free_slot(earliest=earliest, rules=RULES, taken=lambda *_: [])
        assert found is not None
        assert found.starts_at == datetime.fromisoformat(start.replace("Z", "+00:00"))


@pytest.mark.parametrize(("step", "start"), [(1, "10:07"), (5, "10:10"), (15, "10:15"), (60, "11:00")])
def test_calls_start_on_a_step_of_the_clock(step: int, start: str) -> None:
    hours = Weekly.from_json({"wednesday": [{"start": "10:00", "end": "12:00"}]})
    assert hours is not None
    rules = ContactRules(call_step_minutes=step)
    found = CallTimes(hours, {"NW"}, []).next_free_slot(
        earliest=datetime(2026, 11, 25, 10, 6, 30, tzinfo=BERLIN), rules=rules, taken=lambda *_: []
    )
    assert found is not None
    assert found.starts_at == datetime.fromisoformat(f"2026-11-25T{start}+01:00")


@pytest.mark.parametrize(("days", "is_found"), [(2, False), (3, True)])
def test_no_call_is_planned_beyond_the_horizon(days: int, is_found: bool) -> None:
    """Today counts: on a Monday the third day is Wednesday."""
    hours = Weekly.from_json({"wednesday": [{"start": "10:00", "end": "12:00"}]})
    assert hours is not None
    found = CallTimes(hours, {"NW"}, []).next_free_slot(
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


@pytest.mark.parametrize(("end", "number"), [("10:09", 0), ("10:10", 1), ("10:14", 1), ("10:17", 2)])
def test_no_call_is_planned_that_would_go_on_after_the_phone_hours(end: str, number: int) -> None:
    """Also where they become shorter when the call is planned already."""
    practices = [a_practice_to_phone(phone_hours={"monday": [{"start": "10:05", "end": end}]}) for _ in range(3)]
    for practice in practices:
        a_request(practice)
    composed()
    calls = sorted(call.starts_at for call in rows(PhoneCall))
    assert [each for each in calls if each < MONDAY + timedelta(days=1)] == [
        TEN + FIVE * slot for slot in range(number)
    ]
    for practice in practices:
        a_practice_to_phone(id=practice, sequence=2, phone_hours={"monday": [{"start": "10:05", "end": "10:08"}]})
    composed(MONDAY + timedelta(minutes=1))
    assert [call for call in rows(PhoneCall) if call.status == "planned"] == []
    assert {inquiry.waits_for for inquiry in rows(Inquiry)} == {"no_free_slot"}


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
    therapist = a_practice_to_phone(
        title="Dr.", first_name="Anna", mobile="+491701234567", phone_hours=TUESDAYS, call_note="Ask for Ms. Roth.\r\n"
    )
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
        "note": "Ask for Ms. Roth.",
    }
    assert shown["patients"] == [
        {
            "placement_request_id": str(request),
            "reference": "P-7K3M-2Q",
            "other_references": [],
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
    patient = a_patient()
    a_request(a_practice_to_phone(), patient)
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
    assert (found(patient_id=str(patient)), found(patient_id=str(new_id()))) == (1, 0)
    assert client.get("/api/phone-calls?date=morgen").status_code == 422
    upside_down = client.get("/api/phone-calls?from=2026-11-24&to=2026-11-23")
    assert (upside_down.status_code, [each["field"] for each in upside_down.json["errors"]]) == (422, ["to"])
