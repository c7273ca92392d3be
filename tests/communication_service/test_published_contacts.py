"""Other services learn how practices can be contacted and when callers phone, once for each change of these."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import callers, cooldowns, suppressions
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.settings import ContactRules
from communication_service.store.tables import Email, PracticeCopy, WrongNumber
from shared.database import new_id, transaction
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    TEN,
    a_caller,
    a_practice_to_phone,
    a_request,
    a_therapist,
    an_email_to_send,
    composed,
)
from tests.conftest import MONDAY
from tests.events import recorded, recorded_data

CONTACT, HOURS = "communication.practice_contact_changed", "communication.calling_hours_changed"
AN_HOUR_LATER = MONDAY + timedelta(hours=1)


def contacts(session: Session, therapist: UUID) -> list[dict[str, Any]]:
    return [each["data"] for each in recorded(session, therapist) if each["type"] == CONTACT]


def test_a_practice_is_published_when_how_it_can_be_contacted_changes_and_not_again(session: Session) -> None:
    to_phone, written_to = a_practice_to_phone(), a_therapist(email="praxis@example.org")
    untouched = a_therapist(email="andere@example.org")
    a_request(to_phone)
    composed()
    assert jobs.publish_contacts(RULES, MONDAY) == 1
    assert jobs.publish_contacts(RULES, MONDAY) == 0
    (planned,) = contacts(session, to_phone)
    assert planned == {
        "therapist_id": str(to_phone),
        "email_suppressed": False,
        "email_again_on": None,
        "call_again_on": None,
        "planned_call_at": TEN.isoformat().replace("+00:00", "Z"),
        "number_is_wrong": False,
    }
    with transaction() as inner:
        known = inner.get_one(PracticeCopy, to_phone)
        wrong = {"phone": known.phone, "mobile": known.mobile, "phone_call_id": new_id(), "noted_at": MONDAY}
        inner.add(WrongNumber(therapist_id=to_phone, **wrong))
        wanted = NewSuppression(email="PRAXIS@example.org", reason="rief an")
        suppression = suppressions.add(inner, wanted, by=None, now=MONDAY)
    assert jobs.publish_contacts(RULES, MONDAY) == 2
    assert [each["number_is_wrong"] for each in contacts(session, to_phone)] == [False, True]
    assert [each["email_suppressed"] for each in contacts(session, written_to)] == [True]
    with transaction() as inner:
        suppressions.remove(inner, suppression.id, by=None, now=AN_HOUR_LATER)
    assert jobs.publish_contacts(RULES, AN_HOUR_LATER) == 1
    assert [each["email_suppressed"] for each in contacts(session, written_to)] == [True, False]
    assert contacts(session, untouched) == []


def test_the_days_without_another_e_mail_are_published_and_pass_without_an_event(session: Session) -> None:
    """Everybody at the address waits; that days have passed is known to whoever has them."""
    email = an_email_to_send(email="praxis@example.org")
    also_there = a_therapist(email="Praxis@example.org")
    with transaction() as inner:
        sent = [inner.get_one(Email, email.id)]
        assert cooldowns.start_all(inner, sent, rules=RULES, now=MONDAY, until=MONDAY) == {email.id}
    assert email.therapist_id is not None
    jobs.publish_contacts(RULES, MONDAY)
    for therapist in (email.therapist_id, also_there):
        (said,) = contacts(session, therapist)
        assert said["email_again_on"] == "2026-11-30"
        # who was written to is not called at once; another one at the address may be
        assert said["call_again_on"] == ("2026-11-25" if therapist == email.therapist_id else None)
    assert jobs.publish_contacts(RULES, MONDAY + timedelta(days=7)) == 0


def test_what_still_holds_is_published_once_more_before_its_topic_forgets_it(session: Session) -> None:
    """A reader that begins with nothing, such as a database that was lost, finds it on Kafka whenever that is."""
    therapist = a_therapist(email="praxis@example.org")
    with transaction() as inner:
        wanted = NewSuppression(email="praxis@example.org", reason="rief an")
        suppression = suppressions.add(inner, wanted, by=None, now=MONDAY)
    for days, published in ((0, 1), (59, 0), (61, 1), (62, 0), (122, 1)):
        assert jobs.publish_contacts(RULES, MONDAY + timedelta(days=days)) == published, days
    first, second, third = contacts(session, therapist)
    assert first == second == third
    with transaction() as inner:
        suppressions.remove(inner, suppression.id, by=None, now=MONDAY)
    for days, published in ((123, 1), (184, 0)):
        assert jobs.publish_contacts(RULES, MONDAY + timedelta(days=days)) == published, days


def test_when_callers_phone_is_published_for_weeks_less_absences_and_closed_days(session: Session) -> None:
    first = a_caller(hours=MONDAY_MORNINGS)
    a_caller(hours={"monday": [{"start": "10:30", "end": "12:00"}]}, name="Ali")
    a_caller(hours=None, name="Nobody")
    rules = ContactRules(closing_days="2026-11-30")
    assert jobs.publish_contacts(rules, MONDAY) == 1
    assert jobs.publish_contacts(rules, MONDAY) == 0
    (said,) = recorded_data(session, HOURS)
    minutes = {date.fromisoformat(each["day"]): each["minutes"] for each in said["days"]}
    assert (said["callers"], len(minutes)) == (2, 28)
    assert [minutes[date(2026, 11, day)] for day in (23, 24, 30)] == [150, 0, 0]
    with transaction() as inner:
        callers.remove(inner, first, by=None, now=MONDAY)
    jobs.publish_contacts(rules, MONDAY)
    assert [each["callers"] for each in recorded_data(session, HOURS)] == [2, 1]
    for each in rows_of_callers():
        with transaction() as inner:
            callers.remove(inner, each, by=None, now=MONDAY)
    jobs.publish_contacts(rules, MONDAY)
    assert recorded_data(session, HOURS)[-1] | {"calling_hours_id": None} == {
        "calling_hours_id": None,
        "callers": 0,
        "days": [],
    }


def rows_of_callers() -> list[UUID]:
    with transaction() as inner:
        return [each.caller_id for each in callers.times(inner) if each.caller_id is not None]
