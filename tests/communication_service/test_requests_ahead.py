"""What is known of a request is ahead of matching: it is noticed, and put right by what matching republishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import answers
from communication_service.domain.schemas import CallResponse
from communication_service.listeners import listeners
from communication_service.store.tables import ContactRequest, Email
from shared.database import copies, new_id, transaction
from shared.events import catalogue
from shared.events.event import LARGEST_SEQUENCE, Event
from shared.values.enums import CallAnswer
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
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
from tests.selection import mostly_slow

Send = Callable[..., None]
MINUTE = timedelta(minutes=1)
SOON, LATER, AT_LAST = MONDAY + 2 * MINUTE, MONDAY + 5 * MINUTE, MONDAY + 9 * MINUTE
FALSE: dict[type[Event], dict[str, Any]] = {
    catalogue.RequestApproved: {"approved_at": MONDAY},
    catalogue.RequestReopened: {"approved_at": MONDAY},
    catalogue.RequestHeld: {"hold": "search_paused"},
    catalogue.RequestReleased: {},
    catalogue.RequestWithdrawn: {"reason": "other"},
    catalogue.RequestAnswered: {"outcome": "declined_other"},
    catalogue.RequestAccepted: {"accepted_on": MONDAY.date()},
    catalogue.PatientPlaced: {"placed_on": MONDAY.date()},
}
"""What anybody may say of a request."""


def request(id: UUID) -> ContactRequest:
    return the(ContactRequest, id=id)


def stands(id: UUID, status: str, *, sequence: int, time: datetime = AT_LAST, **fields: Any) -> Event:
    """Matching republishes how the request stands."""
    row = request(id)
    event = catalogue.RequestUpdated(
        placement_request_id=id, patient_id=row.patient_id, therapist_id=row.therapist_id, status=status, **fields
    )
    return republished(event, id, sequence=sequence, time=time)


def republished(event: Event, subject: UUID, *, sequence: int, time: datetime) -> Event:
    happened(event, subject, sequence=sequence, time=time)
    event.with_envelope(replace(event.envelope, republished=True))
    again(event)
    return event


def again(*events: Event) -> None:
    with transaction() as session:
        listeners.apply(session, events, now=MONDAY)


def ahead() -> list[tuple[str, UUID, int]]:
    with transaction() as session:
        return [(row.copies, row.id, row.known_sequence) for row in copies.list_ahead(session)]


@pytest.mark.parametrize("bogus", [3, 1000, 10**6, LARGEST_SEQUENCE])
def test_a_false_withdrawal_is_noticed_and_overruled(sent: Send, bogus: int) -> None:
    id = a_request(a_therapist())
    withdraw(id, sequence=bogus, time=SOON)
    publish(catalogue.RequestReopened, id, sequence=2, time=LATER, approved_at=MONDAY)
    assert request(id).status == "over"
    assert ahead() == [("placement_requests.asked_sequence", id, bogus)]
    stands(id, "open", sequence=3)
    assert (request(id).status, ahead()) == ("waiting", [])
    publish(catalogue.RequestWithdrawn, id, sequence=4, time=AT_LAST, reason="other")
    assert request(id).status == "over"


@pytest.mark.parametrize("bogus", [3, 1000, 10**6, LARGEST_SEQUENCE])
def test_a_false_approval_does_not_let_an_email_go_out_for_good(sent: Send, bogus: int) -> None:
    id = a_request(a_therapist())
    publish(catalogue.RequestApproved, id, sequence=bogus, time=SOON, approved_at=MONDAY)
    withdraw(id, sequence=2, time=LATER)
    assert (request(id).status, len(ahead())) == ("waiting", 1)
    stands(id, "withdrawn", sequence=3)
    composed(AT_LAST)
    sent(AT_LAST)
    assert (request(id).status, ahead(), rows(Email)) == ("over", [], [])


@pytest.mark.parametrize("bogus", [4, LARGEST_SEQUENCE])
@pytest.mark.parametrize("is_held", [True, False])
def test_a_false_hold_or_release_is_noticed_and_overruled(is_held: bool, bogus: int) -> None:
    id = a_request(a_therapist())
    false, true = (catalogue.RequestHeld, catalogue.RequestReleased)[:: 1 if is_held else -1]
    hold = {catalogue.RequestHeld: {"hold": "search_paused"}}
    publish(false, id, sequence=bogus, time=SOON, **hold.get(false, {}))
    publish(true, id, sequence=3, time=LATER, **hold.get(true, {}))
    assert (request(id).hold is not None) is is_held
    assert ahead() == [("placement_requests.hold_sequence", id, bogus)]
    truth = None if is_held else "search_paused"
    stands(id, "open", hold=truth, sequence=4)
    assert (request(id).hold, ahead()) == (truth, [])


TRUTHS = {
    "open": "waiting", "queued": "waiting", "contacted": "contacted", "accepted": "accepted", "declined": "over",
    "deferred": "over", "no_answer": "over", "placed": "over", "failed": "over", "withdrawn": "over",
}  # fmt: skip


@pytest.mark.parametrize("bogus", mostly_slow([5, 2, LARGEST_SEQUENCE], every=3))
@pytest.mark.parametrize("truth", mostly_slow(TRUTHS, every=3))
@pytest.mark.parametrize("false", FALSE, ids=lambda kind: kind.__name__)
def test_whatever_anybody_said_the_request_is_what_matching_says(
    sent: Send, false: type[Event], truth: str, bogus: int
) -> None:
    id = a_request(a_therapist())
    if truth not in ("open", "queued"):
        composed()
        sent()
    publish(false, id, sequence=bogus, time=SOON, **FALSE[false])
    stands(id, truth, sequence=5, inquiry_id=None)
    row = request(id)
    assert row.status == TRUTHS[truth]
    assert row.answered is (truth in ("accepted", "declined", "placed", "failed"))
    assert row.hold is None
    # and goes on as if nothing had been
    publish(catalogue.RequestReopened, id, sequence=6, time=AT_LAST + MINUTE, approved_at=MONDAY)
    assert (request(id).status, request(id).answered) == ("waiting", False)


@pytest.mark.parametrize("status", ["open", "queued", "contacted"])
def test_what_was_done_here_meanwhile_stays(sent: Send, status: str) -> None:
    """The e-mail went out, and the practice has answered; matching has handled neither."""
    id = a_request(a_therapist())
    composed()
    sent()
    stands(id, status, sequence=2)
    assert request(id).status == "contacted"
    jobs.follow_up(RULES, MONDAY + timedelta(days=8))
    stands(id, status, sequence=3, time=MONDAY + timedelta(days=8))
    assert (request(id).status, request(id).by_phone) == ("waiting", True)


@pytest.mark.parametrize("status", ["deferred", "no_answer"])
def test_an_answer_that_matching_does_not_know_stays(session: Session, status: str) -> None:
    """Another one would be acknowledged, too, and matching takes only one of them."""
    id = a_request(a_therapist())
    said = [CallResponse(placement_request_id=id, outcome=CallAnswer.DECLINED_OTHER)]
    answers.record_answers(
        session, TEXTS, said, therapist_id=request(id).therapist_id, occurred_at=MONDAY, by=None, now=MONDAY
    )
    session.commit()
    stands(id, status, sequence=2)
    assert request(id).answered


def test_what_matching_asks_anew_is_asked_though_somebody_froze_it(sent: Send) -> None:
    id = a_request(a_therapist())
    publish(catalogue.RequestApproved, id, sequence=LARGEST_SEQUENCE, time=MONDAY, approved_at=MONDAY)
    composed()
    sent()
    inquiry = the(Email).inquiry_id
    publish(catalogue.RequestReopened, id, sequence=2, time=LATER, approved_at=MONDAY)
    assert request(id).status == "contacted"
    stands(id, "open", inquiry_id=inquiry, sequence=3)
    assert (request(id).status, request(id).emailed_on) == ("waiting", None)


def test_another_offer_that_was_none_holds_nobody_any_more(sent: Send) -> None:
    patient = a_patient()
    id, other = a_request(a_therapist(), patient), a_request(a_therapist(), patient)
    publish(catalogue.RequestAccepted, id, sequence=LARGEST_SEQUENCE, time=MONDAY, accepted_on=MONDAY.date())
    composed()
    assert rows(Email) == []
    stands(id, "withdrawn", sequence=2)
    composed(AT_LAST)
    assert the(Email).placement_request_ids == [other]


def test_an_event_with_the_number_of_another_is_acted_on(sent: Send) -> None:
    """One of the two is nobody's, and a withdrawal must not be lost."""
    id = a_request(a_therapist())
    publish(catalogue.RequestApproved, id, sequence=2, time=MONDAY, approved_at=MONDAY)
    withdraw(id, sequence=2, time=MONDAY)
    assert request(id).status == "over"


def test_a_state_does_not_say_what_day_an_email_will_have_gone_out(sent: Send) -> None:
    """The call after it would be made in that year."""
    id = a_request(a_therapist())
    withdraw(id, sequence=LARGEST_SEQUENCE, time=SOON)
    stands(id, "contacted", sequence=2, emailed_on=date(2098, 1, 1), priority=3)
    assert (request(id).status, request(id).emailed_on, request(id).priority) == ("contacted", MONDAY.date(), 3)


def test_late_states_change_nothing() -> None:
    id = a_request(a_therapist())
    old = stands(id, "open", sequence=2, time=SOON)
    withdraw(id, sequence=3, time=LATER)
    again(old)
    stands(id, "open", sequence=2, time=SOON)
    assert (request(id).status, ahead()) == ("over", [])


def test_usual_events_in_another_order_are_nothing_to_notice() -> None:
    id = a_request(a_therapist(), sequence=3, time=SOON)
    publish(catalogue.RequestHeld, id, sequence=2, time=SOON + timedelta(seconds=2), hold="search_paused")
    withdraw(id, sequence=1, time=MONDAY)
    assert (request(id).status, request(id).hold, ahead()) == ("waiting", None, [])


def test_a_request_that_matching_does_not_have_is_over(session: Session, sent: Send) -> None:
    id, true = a_request(a_therapist(), sequence=LARGEST_SEQUENCE), a_request(a_therapist())
    publish(catalogue.RequestHeld, id, sequence=LARGEST_SEQUENCE, hold="search_paused")
    composed()
    republished(catalogue.RequestUnknown(placement_request_id=id), id, sequence=1, time=LATER)
    composed(AT_LAST)
    sent(AT_LAST)
    assert (request(id).status, request(true).status) == ("over", "contacted")
    nobody = new_id()
    republished(catalogue.RequestUnknown(placement_request_id=nobody), nobody, sequence=1, time=LATER)
    assert rows(ContactRequest, id=nobody) == []


def test_a_state_of_a_request_that_is_over_and_unknown_makes_none() -> None:
    """Where this service was restored from a backup: nobody is written to a second time either."""
    for status, here in (
        ("withdrawn", []),
        ("accepted", ["accepted"]),
        ("open", ["waiting"]),
        ("contacted", ["contacted"]),
    ):
        id = new_id()
        event = catalogue.RequestUpdated(
            placement_request_id=id, patient_id=a_patient(), therapist_id=a_therapist(), status=status,
            emailed_on=MONDAY.date() if status == "contacted" else None,
        )  # fmt: skip
        republished(event, id, sequence=9, time=LATER)
        assert [row.status for row in rows(ContactRequest, id=id)] == here
