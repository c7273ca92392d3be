"""From requests that wait to one e-mail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import composing
from communication_service.store.tables import ContactRequest, Email, Inquiry, PhoneCall
from shared.database import new_id, transaction
from shared.events import catalogue
from tests.builders.communication import (
    MONDAY_MORNINGS,
    RULES,
    TEXTS,
    a_patient,
    a_practice_to_phone,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    read,
    rows,
    the,
    withdraw,
)
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import recorded_data

SECONDS = timedelta(seconds=1)


def test_requests_for_one_therapist_gather_into_one_mail(session: Session) -> None:
    therapist = a_therapist()
    first = a_request(therapist, time=MONDAY)
    second = a_request(therapist, time=MONDAY + 3 * SECONDS)
    composed(MONDAY + 4 * SECONDS)
    assert rows(Inquiry) == []
    composed(MONDAY + 5 * SECONDS)
    email, inquiry = the(Email), the(Inquiry)
    assert (email.status, email.kind, inquiry.channel) == ("approved", "inquiry", "email")
    assert set(email.placement_request_ids) == {first, second}
    (published,) = recorded_data(session, "communication.inquiry_composed")
    assert set(published["placement_request_ids"]) == {str(first), str(second)}
    assert published["channel"] == "email"


def test_a_request_that_comes_before_the_mail_went_joins_it(session: Session) -> None:
    therapist = a_therapist()
    first = a_request(therapist)
    composed()
    later = a_request(therapist, time=MONDAY + 6 * SECONDS)
    composed(MONDAY + 6 * SECONDS)
    assert set(the(Email).placement_request_ids) == {first, later}
    assert len(recorded_data(session, "communication.inquiry_composed")) == 2


def test_at_most_six_go_together_and_those_who_wait_longest_go_first() -> None:
    therapist = a_therapist()
    by_day = {
        day: a_request(therapist, a_patient(search_started_on=date(2026, 10, day))) for day in (8, 3, 6, 1, 7, 2, 5, 4)
    }
    composed()
    first, second = rows(Email)
    assert first.placement_request_ids == [by_day[day] for day in (1, 2, 3, 4, 5, 6)]
    assert second.placement_request_ids == [by_day[7], by_day[8]]
    assert (first.status, second.status, second.waits_for) == ("approved", "waiting", "earlier_inquiry")


def test_of_two_who_wait_as_long_the_higher_priority_goes_first() -> None:
    therapist = a_therapist()
    usual, urgent = a_request(therapist), a_request(therapist, priority=5)
    composed()
    assert the(Email).placement_request_ids == [urgent, usual]


def test_an_event_that_arrives_twice_changes_nothing(session: Session) -> None:
    therapist, patient, request = a_therapist(), a_patient(), new_id()
    approved = catalogue.RequestApproved(
        placement_request_id=request, patient_id=patient, therapist_id=therapist, approved_at=MONDAY
    )
    arrives(approved, request)
    composed()
    arrives(approved, request)  # as after `processed_events` was pruned: the same fact in another envelope
    composed(MONDAY + 20 * SECONDS)
    assert len(rows(Email)) == 1
    assert len(recorded_data(session, "communication.inquiry_composed")) == 1


def test_a_request_waits_for_the_copies_of_its_therapist_and_its_patient() -> None:
    therapist, patient = new_id(), new_id()
    a_request(therapist, patient)
    composed()
    a_therapist(id=therapist, time=MONDAY + 10 * SECONDS)
    composed(MONDAY + 10 * SECONDS)
    assert rows(Inquiry) == []
    a_patient(id=patient, time=MONDAY + 20 * SECONDS)
    composed(MONDAY + 20 * SECONDS)
    assert the(Email).status == "approved"


def test_a_withdrawal_that_overtakes_the_approval_is_remembered() -> None:
    therapist, patient, request = a_therapist(), a_patient(), new_id()
    facts = {"placement_request_id": request, "patient_id": patient, "therapist_id": therapist}
    arrives(catalogue.RequestWithdrawn(**facts, reason="search_ended"), request, sequence=2)
    arrives(catalogue.RequestApproved(**facts, approved_at=MONDAY), request, sequence=1)
    composed()
    assert rows(Inquiry) == []
    arrives(catalogue.RequestReopened(**facts, approved_at=MONDAY), request, sequence=3)
    composed(MONDAY + 5 * SECONDS)
    assert the(Email).placement_request_ids == [request]


def test_a_hold_that_overtakes_the_approval_holds() -> None:
    therapist, patient, request = a_therapist(), a_patient(), new_id()
    facts = {"placement_request_id": request, "patient_id": patient, "therapist_id": therapist}
    arrives(catalogue.RequestHeld(**facts, hold="search_paused"), request, sequence=2)
    arrives(catalogue.RequestApproved(**facts, approved_at=MONDAY), request, sequence=1)
    composed()
    assert rows(Inquiry) == []
    arrives(catalogue.RequestReleased(**facts), request, sequence=3)
    composed()
    assert the(Email).placement_request_ids == [request]


def test_a_withdrawal_before_the_mail_went_takes_the_request_out_of_it() -> None:
    therapist = a_therapist()
    gone, stays = a_request(therapist, a_patient(reference="P-GONE-22")), a_request(therapist)
    composed()
    assert "P-GONE-22" in read(the(Email)).text
    withdraw(gone)
    composed(MONDAY + 6 * SECONDS)
    email = the(Email)
    assert email.placement_request_ids == [stays]
    assert "P-GONE-22" not in str(read(email))


def test_a_mail_of_which_nothing_is_left_is_cancelled() -> None:
    request = a_request(a_therapist())
    composed()
    withdraw(request)
    composed(MONDAY + 6 * SECONDS)
    assert (the(Email).status, the(Inquiry).status) == ("cancelled", "dissolved")


def test_a_hold_takes_the_request_out_and_says_so_and_a_release_brings_it_back(session: Session) -> None:
    request = a_request(a_therapist())
    composed()
    publish(catalogue.RequestHeld, request, hold="accepted_elsewhere")
    composed(MONDAY + 6 * SECONDS)
    assert the(Email).status == "cancelled"
    (published,) = recorded_data(session, "communication.inquiry_dissolved")
    assert published["placement_request_ids"] == [str(request)]
    publish(catalogue.RequestReleased, request, sequence=3)
    composed(MONDAY + 7 * SECONDS)
    assert [email.status for email in rows(Email)] == ["cancelled", "approved"]


def test_a_patient_who_is_known_to_have_stopped_searching_is_not_written_about() -> None:
    patient = a_patient()
    a_request(a_therapist(), patient)
    composed()
    a_patient(id=patient, sequence=2, status="paused")  # before matching's hold arrives
    composed(MONDAY + 6 * SECONDS)
    assert the(Email).status == "cancelled"


def test_a_claim_looks_at_the_requests_as_they_are_at_that_moment(sent: Callable[..., None]) -> None:
    request = a_request(a_therapist())
    composed()
    withdraw(request)  # and nobody has composed since
    sent()
    assert the(Email).status == "cancelled"


@pytest.mark.parametrize(
    ("fields", "channel", "waits_for"),
    [
        ({}, "email", None),
        ({"contact_preference": "phone_only", "phone_hours": MONDAY_MORNINGS}, "phone", None),
        ({"contact_preference": "email_only"}, "email", None),
        ({"contact_preference": "email_only", "email": None}, "phone", "email_address_missing"),
        ({"contact_preference": "none"}, "phone", "no_contact_wanted"),
        ({"status": "blocked"}, "email", "therapist_not_active"),
        ({"status": "inactive", "email": None}, "phone", "therapist_not_active"),
        ({"email_opt_out": True, "phone_hours": MONDAY_MORNINGS}, "phone", None),
        ({"email": None, "phone_hours": MONDAY_MORNINGS}, "phone", None),
        ({"email": "kein-postfach", "phone_hours": MONDAY_MORNINGS}, "phone", None),
        ({"email": None}, "phone", "phone_hours_unknown"),
        ({"email": None, "phone": None, "phone_hours": MONDAY_MORNINGS}, "phone", "phone_number_missing"),
    ],
)
def test_the_channel_follows_from_what_is_known_of_the_practice(
    fields: dict[str, object], channel: str, waits_for: str | None
) -> None:
    a_request(a_therapist(**fields))
    composed()
    inquiry = the(Inquiry)
    assert (inquiry.channel, inquiry.waits_for, inquiry.status) == (channel, waits_for, "open")
    assert len(rows(PhoneCall)) == (channel == "phone" and waits_for is None)
    assert [email.status for email in rows(Email)] == (
        [] if channel == "phone" else ["approved" if waits_for is None else "waiting"]
    )


def test_a_block_stops_a_mail_that_has_not_gone(sent: Callable[..., None]) -> None:
    therapist = a_therapist(email="praxis@example.org")
    a_request(therapist)
    composed()
    a_therapist(id=therapist, sequence=2, status="blocked", email="praxis@example.org")
    sent()
    assert (the(Email).status, the(Email).waits_for) == ("waiting", "therapist_not_active")


def test_an_opt_out_covers_everyone_who_shares_the_address() -> None:
    a_therapist(email="Praxis@Example.org", email_opt_out=True)
    a_request(a_therapist(email="praxis@example.org", phone_hours=MONDAY_MORNINGS))
    composed()
    assert the(Inquiry).channel == "phone"


def test_an_inquiry_that_waits_for_phone_hours_goes_on_when_they_become_known() -> None:
    therapist = a_therapist(email=None)
    a_request(therapist)
    composed()
    assert the(Inquiry).waits_for == "phone_hours_unknown"
    a_practice_to_phone(id=therapist, sequence=2)
    composed(MONDAY + 10 * SECONDS)
    assert (the(Inquiry).waits_for, the(PhoneCall).status) == (None, "planned")


def test_a_therapist_who_cannot_be_handled_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    poison, fine = a_therapist(), a_therapist()
    a_request(poison)
    a_request(fine)
    real = composing.compose_if_due

    def breaks(session: Session, therapist_ids: Collection[UUID], **rest: Any) -> int:
        if poison in therapist_ids:
            raise ValueError("a mistake of ours")
        return real(session, therapist_ids, **rest)

    monkeypatch.setattr(composing, "compose_if_due", breaks)
    assert jobs.compose(RULES, TEXTS, MONDAY + 5 * SECONDS) == 1
    assert the(Email).therapist_id == fine
    (left,) = rows(ContactRequest, therapist_id=poison)
    assert left.due_at is not None
    assert left.due_at > MONDAY + 5 * SECONDS


def test_a_mail_carries_the_correlation_of_what_was_approved() -> None:
    therapist, patient, request = a_therapist(), a_patient(), new_id()
    approved = happened(
        catalogue.RequestApproved(
            placement_request_id=request, patient_id=patient, therapist_id=therapist, approved_at=MONDAY
        ),
        request,
    )
    with transaction() as session:
        from communication_service.listeners import listeners

        listeners.apply(session, [approved], now=datetime(2026, 11, 23, 9, tzinfo=UTC))
    composed()
    assert the(Email).correlation_id == approved.envelope.correlation_id
