"""What every request waits for, in an inquiry or not; and in which turn, and for whose sake, it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from communication_service import jobs
from communication_service.domain import composing, mail_server
from communication_service.listeners import listeners
from communication_service.store.tables import ContactRequest, PhoneCall
from shared.database import new_id, transaction
from shared.events import catalogue
from shared.events.event import Event
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    publish,
    rows,
    the,
    withdraw,
)
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import recorded

WEEK = timedelta(days=8)
Send = Callable[..., None]


def reason(client: FlaskClient, request: UUID, **wanted: Any) -> tuple[str, str | None, bool]:
    """What the list says of a request: the reason, until when, and whether it is in an inquiry."""
    page = client.get("/api/waiting-requests", query_string=wanted).json
    (found,) = (each for each in page["items"] if each["placement_request_id"] == str(request))
    return found["waits_for"], found["waits_until"], found["inquiry_id"] is not None


def test_every_request_that_waits_says_what_for_also_in_no_inquiry(client: FlaskClient, sent: Send) -> None:
    therapist = a_therapist(title="Dr.", first_name="Erika")
    patient = a_patient(reference="P-WAITS")
    held, paused = a_request(therapist), a_request(therapist, a_patient(status="paused"))
    publish(catalogue.RequestHeld, held, hold="accepted_elsewhere")
    stranger, nobody = a_request(new_id()), a_request(therapist, new_id())
    going, phoned = a_request(therapist, patient), a_request(a_practice_to_phone())
    unreachable = a_request(a_therapist(email=None, phone=None))
    composed()
    named = {
        UUID(each["placement_request_id"]): (each["patient_reference"], each["therapist_name"])
        for each in client.get("/api/waiting-requests").json["items"]
    }
    assert named[going] == ("P-WAITS", "Dr. Erika Erfunden")
    assert named[nobody] == (None, "Dr. Erika Erfunden")
    assert named[stranger][1] is None
    assert reason(client, held) == ("accepted_elsewhere", None, False)
    assert reason(client, paused) == ("search_paused", None, False)
    assert reason(client, stranger) == ("therapist_not_known", None, False)
    assert reason(client, nobody) == ("patient_not_known", None, False)
    assert reason(client, going, patient_id=str(patient)) == ("sending", None, True)
    assert reason(client, phoned) == ("planned_call", "2026-11-23", True)
    assert reason(client, unreachable) == ("phone_number_missing", None, True)
    sent()
    assert reason(client, going, therapist_id=str(therapist)) == ("answer", "2026-11-29", False)
    withdraw(going)
    assert client.get("/api/waiting-requests", query_string={"patient_id": str(patient)}).json["total"] == 0


def test_an_email_waits_for_the_mail_server_while_that_is_in_trouble(client: FlaskClient) -> None:
    going, phoned = a_request(a_therapist()), a_request(a_practice_to_phone())
    composed()
    with transaction() as session:
        mail_server.record_trouble(session, mail_server.TroubleCause("out of order", "out"), rules=RULES, now=MONDAY)
    assert reason(client, going) == ("mail_server", None, True)
    assert reason(client, phoned) == ("planned_call", "2026-11-23", True)
    with transaction() as session:
        mail_server.record_taken(session)
    assert reason(client, going) == ("sending", None, True)


@pytest.mark.parametrize("until", ["2026-12-24", None])
def test_a_paused_search_says_until_when(client: FlaskClient, until: str | None) -> None:
    patient = a_patient(status="paused", paused_until=until)
    request, held = a_request(a_therapist(), patient), a_request(a_therapist(), patient)
    publish(catalogue.RequestHeld, held, hold="search_paused")
    assert reason(client, request) == reason(client, held) == ("search_paused", until, False)


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({}, "2026-11-29"),
        ({"contact_preference": "phone_only"}, "2026-11-29"),
        ({"contact_preference": "email_only"}, None),
        ({"status": "inactive"}, None),
    ],
)
def test_a_date_is_shown_only_where_a_call_follows_on_it(
    client: FlaskClient, sent: Send, fields: dict[str, str], until: str | None
) -> None:
    therapist = a_therapist()
    request = a_request(therapist)
    composed()
    sent()
    a_therapist(id=therapist, sequence=2, **fields)
    assert reason(client, request) == ("answer", until, False)
    assert jobs.follow_up(RULES, MONDAY + WEEK) == (until is not None)


def test_no_call_follows_while_another_practice_offers_a_place(client: FlaskClient, sent: Send) -> None:
    patient = a_patient()
    request, other = a_request(a_therapist(), patient), a_request(a_therapist(), patient)
    composed()
    sent()
    publish(catalogue.RequestAccepted, other, sequence=2, accepted_on=MONDAY.date())
    assert reason(client, request) == ("answer", None, False)
    assert jobs.follow_up(RULES, MONDAY + WEEK) == 0


def test_a_placed_patient_is_asked_for_again(client: FlaskClient) -> None:
    patient = a_patient()
    placed = a_request(a_therapist(), patient)
    publish(catalogue.RequestAccepted, placed, sequence=2, accepted_on=MONDAY.date())
    publish(catalogue.PatientPlaced, placed, sequence=3, placed_on=MONDAY.date())
    again = a_request(a_therapist(), patient)
    composed()
    assert the(ContactRequest, id=placed).status == "over"
    assert reason(client, again) == ("sending", None, True)


def test_an_offer_elsewhere_cancels_the_call_after_an_unanswered_email(client: FlaskClient, sent: Send) -> None:
    patient, therapist = a_patient(), a_therapist(phone_hours=MONDAY_MORNINGS)
    mailed = a_request(therapist, patient)
    other = a_request(a_therapist(), patient)
    composed()
    sent()
    assert jobs.follow_up(RULES, MONDAY + WEEK) == 2
    composed(MONDAY + WEEK + timedelta(minutes=1))
    assert the(PhoneCall, therapist_id=therapist).status == "planned"
    publish(catalogue.RequestAccepted, other, sequence=2, accepted_on=MONDAY.date(), time=MONDAY + WEEK)
    composed(MONDAY + WEEK + timedelta(minutes=2))
    assert the(PhoneCall, therapist_id=therapist).status == "cancelled"
    assert reason(client, mailed) == ("accepted_elsewhere", None, False)
    publish(catalogue.RequestWithdrawn, other, sequence=3, reason="patient_declined", time=MONDAY + WEEK)
    composed(MONDAY + WEEK + timedelta(minutes=3))
    assert the(PhoneCall, therapist_id=therapist, status="planned").placement_request_ids == [mailed]


def test_a_contact_continues_the_cause_of_the_request_that_waits_longest() -> None:
    therapist = a_therapist()
    causes = []
    for number, cause in enumerate(("zz-first", "aa-second")):
        request = new_id()
        approved = catalogue.RequestApproved(
            placement_request_id=request, patient_id=a_patient(), therapist_id=therapist, approved_at=MONDAY
        )
        _arrives_because_of(approved, request, cause, number)
        causes.append(cause)
    with transaction() as session:
        (due,) = composing.due(session, now=MONDAY + timedelta(minutes=1), at_most=10)
    assert due == (therapist, causes[0])
    composed(MONDAY + timedelta(minutes=1))
    a_therapist(id=therapist, sequence=2, email="neu@example.org", time=MONDAY + timedelta(minutes=2))
    with transaction() as session:
        (due,) = composing.due(session, now=MONDAY + timedelta(minutes=2), at_most=10)
    assert due == (therapist, causes[0])


def _arrives_because_of(event: Event, subject: UUID, cause: str, number: int) -> None:
    arrived = happened(event, subject, time=MONDAY + timedelta(seconds=number))
    arrived.with_envelope(replace(arrived.envelope, correlation_id=cause))
    with transaction() as session:
        listeners.apply(session, [arrived], now=arrived.envelope.time)


def test_news_that_nothing_waits_for_leaves_no_look() -> None:
    a_therapist()
    with transaction() as session:
        assert composing.due(session, now=MONDAY + WEEK, at_most=10) == []
        assert recorded(session) == []
    assert rows(ContactRequest) == []
