"""How and when practices would be asked, and why not at once, by what communication_service published."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service import jobs
from matching_service.domain import contact_forecasts, plan_solving
from matching_service.domain.contact_forecasts import Calling
from matching_service.settings import ContactPlanRules
from shared.events.catalogue import CallingDay, CallingHoursChanged, PracticeContactChanged, TherapistMerged
from shared.runtime import clock
from shared.values.datetimes import BERLIN
from shared.values.enums import RequestStatus
from shared.values.weekly import Weekly
from tests.builders.contact_plans import (
    MONDAY_OF_WEEK,
    WEDNESDAY,
    WEEK,
    a_callable_therapist,
    a_mailable_therapist,
    patients_of,
)
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    a_known_patient,
    a_known_therapist,
    a_request,
    handle,
    patient_becomes,
)

URL = "/api/contact-forecasts"
HOURS_ID = uuid4()


def publish(session: Session, therapist: UUID, *, sequence: int = 1, **state: Any) -> None:
    event = PracticeContactChanged(**({"therapist_id": therapist, "email_suppressed": False} | state))
    handle(session, happened(event, therapist, sequence=sequence))


def publish_hours(session: Session, minutes: dict[date, int], *, callers: int = 1, sequence: int = 1) -> None:
    days = [CallingDay(day=day, minutes=number) for day, number in minutes.items()]
    event = CallingHoursChanged(calling_hours_id=HOURS_ID, callers=callers, days=days)
    handle(session, happened(event, HOURS_ID, sequence=sequence))


def test_it_says_by_which_channel_when_and_why_not_at_once(client: FlaskClient, session: Session) -> None:
    today = clock.today()
    later, call_at = today + timedelta(days=3), clock.now() + timedelta(days=2)
    patient = a_known_patient(session)
    expected: dict[UUID, tuple[str | None, str | None, Any]] = {}

    def practice(id: UUID, channel: str | None, waits_for: str | None, until: Any = None, **state: Any) -> UUID:
        if state:
            publish(session, id, **state)
        expected[id] = (channel, waits_for, until and until.isoformat())
        return id

    mailable = (a_mailable_therapist(session, f"praxis{number}@example.org") for number in range(9))
    at_once = practice(next(mailable), "email", None)
    practice(next(mailable), "email", None, email_again_on=today)
    written = practice(next(mailable), "email", "emailed_recently", later - timedelta(days=1), email_again_on=later)
    practice(next(mailable), "phone", "phone_hours_unknown", email_suppressed=True)
    phone_only = a_mailable_therapist(session, "x@example.org", contact_preference="phone_only")
    practice(phone_only, "phone", "phone_hours_unknown")
    email_only = {"contact_preference": "email_only"}
    suppressed = a_mailable_therapist(session, "y@example.org", **email_only)
    practice(suppressed, "email", "email_suppressed", email_suppressed=True)
    practice(a_known_therapist(session, email=None, **email_only), "email", "email_address_missing")
    practice(
        a_callable_therapist(session),
        "phone",
        "planned_call",
        call_at.astimezone(BERLIN).date(),
        planned_call_at=call_at,
    )
    practice(a_callable_therapist(session), "phone", "phone_number_missing", number_is_wrong=True)
    practice(a_callable_therapist(session, phone=None), "phone", "phone_number_missing")
    practice(a_callable_therapist(session, status="blocked"), None, "therapist_not_active")
    practice(a_mailable_therapist(session, "z@example.org", contact_preference="none"), None, "no_contact_wanted")
    practice(uuid4(), None, "therapist_not_known")
    answer = client.post(URL, json={"patient_id": str(patient), "therapist_ids": [str(each) for each in expected]})
    assert answer.status_code == 200, answer.json
    said = {UUID(each["therapist_id"]): each for each in answer.json["forecasts"]}
    assert list(said) == list(expected)
    found = {id: (each["channel"], each["waits_for"], each["waits_until"]) for id, each in said.items()}
    assert found == expected
    assert said[at_once]["earliest_at"] is not None
    assert said[written]["earliest_at"].startswith((later - timedelta(days=1)).isoformat())
    assert said[written]["text"].startswith("By e-mail from ")
    merged = uuid4()
    handle(session, happened(TherapistMerged(therapist_id=merged, merged_into=written), merged))
    one = {"patient_id": str(patient), "therapist_ids": [str(merged)]}
    assert client.post(URL, json=one).json["forecasts"][0]["waits_for"] == "emailed_recently"
    publish(session, written, sequence=2)
    assert client.post(URL, json=one).json["forecasts"][0]["waits_for"] is None
    a_request(session, RequestStatus.ACCEPTED, patient_id=patient, therapist_id=at_once)
    assert client.post(URL, json=one).json["forecasts"][0]["waits_for"] == "accepted_elsewhere"
    for status, waits_for in (("paused", "search_paused"), ("search_aborted", "search_ended")):
        patient_becomes(session, patient, status)
        (forecast,) = client.post(URL, json=one).json["forecasts"]
        assert (forecast["waits_for"], forecast["earliest_at"]) == (waits_for, None)
    assert client.post(URL, json={**one, "patient_id": str(uuid4())}).status_code == 404
    assert client.post(URL, json={**one, "therapist_ids": []}).status_code == 422


def test_a_practice_is_phoned_in_its_first_hour_on_a_day_on_which_callers_phone() -> None:
    hours = Weekly.from_json(
        {"monday": [{"start": "09:00", "end": "10:00"}], "tuesday": [{"start": "14:00", "end": "15:00"}]}
    )

    class Row:
        status, contact_preference, mailbox, can_be_phoned, phone_hours = "active", "any", None, True, hours
        email_suppressed, email_again_on, planned_call_at, number_is_wrong = False, None, None, False
        call_again_on, holidays, federal_states = None, (), None

    def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
        return datetime.combine(date(2026, month, day), time(hour, minute), BERLIN)

    everybody, only_tuesdays = Calling(None), Calling({date(2026, 11, 23): 0, date(2026, 11, 24): 60})
    for calling, now, earliest, waits_for in (
        (everybody, at(23, 8), at(23, 9), "phone_hours"),
        (everybody, at(23, 9, 30), at(23, 9, 30), None),
        (everybody, at(23, 10), at(24, 14), "phone_hours"),
        (only_tuesdays, at(23, 8), at(24, 14), "phone_hours"),
        # Christmas is on a Friday; 28 December is a Monday
        (everybody, at(22, 16, month=12), at(28, 9, month=12), "phone_hours"),
    ):
        how = contact_forecasts.of_practice(Row, calling, days_apart=2, now=now)
        assert (how.channel, how.earliest_at, how.waits_for) == ("phone", earliest, waits_for), now
    nobody = Calling({date(2026, 11, 23) + timedelta(days=each): 0 for each in range(60)})
    assert contact_forecasts.of_practice(Row, nobody, days_apart=2, now=at(23, 8)).waits_for == "no_free_slot"


def test_matches_say_how_and_when_each_candidate_can_be_contacted(client: FlaskClient, session: Session) -> None:
    later = clock.today() + timedelta(days=3)
    patient, one, two = (
        a_known_patient(session),
        a_mailable_therapist(session, "a@example.org"),
        a_known_therapist(session),
    )
    publish(session, one, email_again_on=later)
    (first, _) = client.post("/api/matches", json={"patient_id": str(patient)}).json["candidates"]
    assert first["contact"] is None
    found = client.post("/api/matches", json={"patient_id": str(patient), "contacts": True}).json["candidates"]
    contact = {UUID(each["therapist_id"]): each["contact"] for each in found}
    assert contact[one]["waits_until"] == (later - timedelta(days=1)).isoformat()
    assert (contact[two]["channel"], contact[two]["waits_for"]) == ("phone", "phone_hours_unknown")


def test_callers_hours_of_the_week_bound_the_calls_of_a_plan(client: FlaskClient, session: Session) -> None:
    """Ten minutes a practice: of the hours of that week only those that are left on Wednesday, less a planned call."""
    week = [MONDAY_OF_WEEK + timedelta(days=each) for each in range(-1, 8)]
    for _ in range(5):
        a_callable_therapist(session)
    busy = a_callable_therapist(session)
    publish(session, busy, planned_call_at=WEDNESDAY + timedelta(days=1))
    patient = a_known_patient(session)
    rules = ContactPlanRules(minutes_per_practice=10)

    def planned(**limits: Any) -> Any:
        begun = client.post("/api/contact-plans", json={"week": WEEK, "max_requests_per_patient": 20, **limits})
        assert jobs.make_contact_plan(RULES, WEDNESDAY, plan_rules=rules, solve=plan_solving.solve) == 1
        plan: Any = client.get(begun.headers["Location"]).json
        plan["lacks"] = patients_of(client, plan)[patient]["lacks"]
        return plan

    sunday = {week[7]: 0}
    publish_hours(session, dict.fromkeys(week, 600) | dict.fromkeys(week[3:7], 10) | sunday, sequence=2)
    for limits, possible, calls, lacks in (
        ({}, 3, 3, {"callers_hours_used_up": 3}),
        ({"max_calls": 2}, 3, 2, {"no_call_left": 4}),
        ({"max_calls": 9}, 3, 3, {"callers_hours_used_up": 3}),
    ):
        plan = planned(**limits)
        assert (plan["calls_in_callers_hours"], plan["calls"], plan["lacks"]) == (possible, calls, lacks), limits
    publish_hours(session, {}, callers=0, sequence=3)
    assert [planned()[each] for each in ("calls_in_callers_hours", "calls")] == [None, 6]
    assert planned(max_calls=1)["lacks"] == {"no_call_left": 5}
