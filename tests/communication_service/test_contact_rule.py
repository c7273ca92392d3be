"""One rule for every contact: what keeps a practice from being written to or called, and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from communication_service.domain import call_changes, call_claims, claims
from communication_service.domain.call_changes import PlannedBy
from communication_service.domain.call_schemas import MovedCall, NewPhoneCall
from communication_service.domain.contact_rule import Cooldown, PracticeFacts, barrier
from communication_service.domain.schemas import PhoneCallView
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.errors import Conflict
from shared.values.practice_holidays import last_closed_day
from shared.values.schemas import read_patch
from tests.builders.communication import (
    EVERY_DAY,
    RULES,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    outcome,
    rows,
    the,
)
from tests.builders.planning import hours
from tests.communication_service.conftest import NOW
from tests.conftest import MONDAY

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)
REACHABLE = PracticeFacts(email_key="praxis@example.org", has_phone=True, call_times=hours())
WRITTEN = Cooldown("therapist_emailed_recently", TODAY + 3 * DAY)
CLOSED = ((TODAY - DAY, TODAY + DAY), (TODAY + 2 * DAY, TODAY + 4 * DAY), (TODAY + 7 * DAY, TODAY + 9 * DAY))


@pytest.mark.parametrize(
    ("channel", "facts", "waits_for", "days"),
    [
        ("email", {}, None, None),
        ("phone", {}, None, None),
        ("email", {"status": "blocked"}, "therapist_not_active", None),
        ("phone", {"status": "inactive", "has_chosen_time": True}, "therapist_not_active", None),
        ("email", {"contact_preference": "none"}, "no_contact_wanted", None),
        ("phone", {"contact_preference": "none", "has_chosen_time": True}, "no_contact_wanted", None),
        ("email", {"contact_preference": "phone_only"}, "email_address_missing", None),
        ("email", {"email_key": None}, "email_address_missing", None),
        ("email", {"is_suppressed": True, "cooldown": WRITTEN}, "email_suppressed", None),
        ("phone", {"is_suppressed": True}, None, None),
        ("phone", {"contact_preference": "email_only"}, "email_address_missing", None),
        ("phone", {"contact_preference": "email_only", "has_chosen_time": True}, None, None),
        ("phone", {"has_phone": False, "has_chosen_time": True}, "phone_number_missing", None),
        ("phone", {"call_times": None}, "phone_hours_unknown", None),
        ("phone", {"call_times": None, "has_chosen_time": True}, None, None),
        ("email", {"cooldown": WRITTEN}, "therapist_emailed_recently", 3),
        ("phone", {"cooldown": WRITTEN}, None, None),
        ("email", {"holidays": CLOSED}, "practice_holidays", 4),
        ("email", {"holidays": CLOSED, "cooldown": WRITTEN}, "practice_holidays", 4),
        ("email", {"holidays": CLOSED[:1], "cooldown": WRITTEN}, "therapist_emailed_recently", 3),
        ("email", {"holidays": CLOSED[1:]}, None, None),
        ("email", {"called_on": TODAY}, "planned_call", 0),
        ("email", {"called_on": TODAY + DAY}, "planned_call", 1),
        ("email", {"called_on": TODAY + 2 * DAY}, None, None),
        ("phone", {"written_on": TODAY}, "therapist_emailed_recently", 1),
        ("phone", {"written_on": TODAY - DAY}, "therapist_emailed_recently", 0),
        ("phone", {"written_on": TODAY - 2 * DAY}, None, None),
        ("phone", {"written_on": TODAY, "has_chosen_time": True}, None, None),
    ],
)
def test_a_practice_may_be_contacted_unless_something_keeps_it(
    channel: Any, facts: dict[str, Any], waits_for: str | None, days: int | None
) -> None:
    found = barrier(replace(REACHABLE, **facts), channel, rules=RULES, today=TODAY)
    until = None if days is None else TODAY + days * DAY
    assert (found.waits_for, found.until) == (waits_for, until) if found else waits_for is None


def test_without_days_between_them_letters_and_calls_do_not_wait_for_each_other() -> None:
    rules = RULES.model_copy(update={"days_between_email_and_call": 0})
    both = replace(REACHABLE, called_on=TODAY, written_on=TODAY)
    assert [barrier(both, channel, rules=rules, today=TODAY) for channel in ("email", "phone")] == [None, None]


def test_holidays_that_follow_at_once_are_one_time() -> None:
    assert last_closed_day(CLOSED, TODAY) == TODAY + 4 * DAY
    assert last_closed_day(CLOSED, TODAY + 5 * DAY) is None


# As it is asked


def waits() -> set[tuple[str, str | None, date | None]]:
    return {(each.channel, each.waits_for, each.waits_until) for each in rows(Inquiry)}


def called_about_one_and_to_be_written_to_about_another() -> UUID:
    """A practice that left one e-mail unanswered, so that it is called for this patient, and is asked for another."""
    therapist = a_therapist(phone_hours=EVERY_DAY)
    unanswered = a_request(therapist)
    with transaction() as session:
        session.get_one(ContactRequest, unanswered).by_phone = True
    composed()
    a_request(therapist)
    return therapist


def test_no_letter_goes_shortly_before_a_planned_call_and_it_goes_after_it() -> None:
    called_about_one_and_to_be_written_to_about_another()
    composed(NOW)
    assert waits() == {("phone", None, None), ("email", "planned_call", TODAY)}
    outcome(the(PhoneCall).id, "reached", now=NOW + timedelta(minutes=1))
    composed(NOW + timedelta(minutes=2))
    assert ("email", None, None) in waits()


def test_a_call_is_planned_some_days_after_a_letter(session: Session, sent: Callable[..., None]) -> None:
    therapist = a_therapist(phone_hours=EVERY_DAY)
    a_request(therapist)
    composed()
    sent()
    late = a_request(therapist, time=NOW)
    session.get_one(ContactRequest, late).by_phone = True
    session.flush()
    composed(NOW + timedelta(minutes=1))
    assert the(PhoneCall).starts_at.date() == TODAY + 2 * DAY


def test_a_letter_waits_for_the_end_of_the_holidays(client: FlaskClient, sent: Callable[..., None]) -> None:
    closed = [{"from": "2026-11-20", "to": "2026-11-24"}]
    a_request(a_therapist(holidays=closed))
    composed()
    sent()
    assert waits() == {("email", "practice_holidays", TODAY + DAY)}
    (shown,) = client.get("/api/waiting-requests").json["items"]
    assert (shown["waits_for"], shown["waits_until"]) == ("practice_holidays", "2026-11-24")
    later = MONDAY + timedelta(days=2)
    composed(later)
    sent(later)
    assert the(Email).status == "sent"


def test_nobody_is_asked_for_a_patient_whose_search_has_not_begun(client: FlaskClient) -> None:
    therapist = a_therapist()
    patient = a_patient(status="open")
    a_request(therapist, patient)
    composed()
    (shown,) = client.get("/api/waiting-requests").json["items"]
    assert (rows(Inquiry), shown["waits_for"], shown["inquiry_id"]) == ([], "search_not_started", None)
    a_patient(id=patient, sequence=2)
    composed(NOW + timedelta(minutes=2))
    assert the(Email).status == "approved"


# Calls that somebody is about to make


def add(therapist: UUID, **fields: Any) -> PhoneCallView:
    new = NewPhoneCall.from_json({"therapist_id": str(therapist), "starts_at": "2026-11-23T09:30:00Z", **fields})
    with transaction() as session:
        return call_changes.add(session, TEXTS, new, staff=PlannedBy(RULES, new_id(), NOW))


def test_a_call_is_not_claimed_nor_callable_once_the_practice_may_not_be_called() -> None:
    therapist = a_practice_to_phone(phone_hours=EVERY_DAY)
    a_request(therapist)
    composed()
    call, at = the(PhoneCall).id, NOW + timedelta(hours=2)
    a_practice_to_phone(id=therapist, sequence=2, phone_hours=EVERY_DAY, status="blocked")
    with transaction() as session:
        assert list(claims.callable_now(session, RULES, by=new_id(), at=at)) == []
        with pytest.raises(Conflict) as refused:
            call_claims.claim(session, TEXTS, call, rules=RULES, by=new_id(), now=at)
    assert refused.value.sentence.values == {"waits_for": "therapist_not_active"}


def test_staff_call_a_practice_that_should_wait_for_a_reason(sent: Callable[..., None]) -> None:
    therapist = a_therapist(phone_hours=EVERY_DAY)
    a_request(therapist)
    composed()
    sent()
    a_request(therapist, time=NOW)
    composed(NOW + timedelta(minutes=1))
    with pytest.raises(Conflict) as refused:
        add(therapist)
    (problem,) = refused.value.errors
    assert problem.field == "because"
    planned = add(therapist, because="practice_asked")
    assert (planned.insisted, planned.insisted_because) == (True, "practice_asked")
    composed(NOW + timedelta(minutes=2))
    assert the(PhoneCall).starts_at == planned.starts_at, "planning leaves it there"
    with transaction() as session:
        assert call_claims.claim(session, TEXTS, planned.id, rules=RULES, by=None, now=NOW).claimed_until


def move(call: UUID, **changes: Any) -> PhoneCallView:
    patch = read_patch(changes, MovedCall, PhoneCallView)
    with transaction() as session:
        staff = PlannedBy(RULES, new_id(), NOW)
        return call_changes.move(session, TEXTS, call, patch, expected_versions=None, staff=staff)


def test_a_call_is_moved_to_where_the_practice_should_wait_for_a_reason_alone(sent: Callable[..., None]) -> None:
    therapist = a_therapist(phone_hours=EVERY_DAY)
    a_request(therapist)
    composed()
    sent()
    a_request(therapist, time=NOW)
    composed(NOW + timedelta(minutes=1))
    call = add(therapist, because="practice_asked").id
    soon, later = "2026-11-23T10:00:00Z", "2026-12-07T09:30:00Z"
    assert move(call, starts_at=soon).insisted_because == "practice_asked", "its reason goes with it"
    moved = move(call, starts_at=later)
    assert (moved.insisted, moved.insisted_because) == (False, None), "then nobody has to wait any more"
    with pytest.raises(Conflict) as refused:
        move(call, starts_at=soon)
    assert refused.value.errors[0].field == "because"
    moved = move(call, starts_at=soon, because="urgent")
    assert (moved.insisted, moved.insisted_because) == (True, "urgent")


def test_no_reason_is_enough_for_a_practice_that_is_blocked() -> None:
    therapist = a_therapist(phone_hours=EVERY_DAY, status="blocked")
    a_request(therapist)
    with pytest.raises(Conflict):
        add(therapist, because="urgent")
