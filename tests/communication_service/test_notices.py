"""E-mails that are no inquiries: a practice that was asked learns at once that its answer is not needed any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import emails, notices, states
from communication_service.domain.schemas import Resolution
from communication_service.jobs import Sending
from communication_service.store.tables import ContactRequest, Email, EmailCooldown
from shared.database import transaction
from shared.events import catalogue
from tests.builders.communication import (
    RULES,
    TEXTS,
    a_patient,
    a_request,
    a_therapist,
    arrives,
    composed,
    publish,
    read,
    rows,
    the,
)
from tests.communication_service.conftest import NOW
from tests.events import recorded_data
from tests.fakes.smtp import FakeMailServer

Send = Callable[..., None]
LATER = NOW + timedelta(hours=1)


def withdrawn(request: UUID, *, reason: str = "placed_elsewhere", sequence: int = 2) -> None:
    """Matching withdraws the request."""
    publish(catalogue.RequestWithdrawn, request, sequence=sequence, time=LATER, reason=reason)


def written() -> list[Email]:
    """Withdrawals are written, once they have gathered; returns those there are."""
    while jobs.write_withdrawals(RULES, TEXTS, LATER + timedelta(minutes=5)):
        pass
    return rows(Email, kind="withdrawal")


def asked(*patients: UUID | None, **therapist: object) -> list[UUID]:
    """One practice is asked for so many patients, or those."""
    practice = a_therapist(**therapist)
    return [a_request(practice, patient) for patient in patients]


def test_a_practice_that_was_asked_learns_at_once_and_in_one_letter_what_is_withdrawn(
    session: Session, catcher: FakeMailServer, sent: Send
) -> None:
    known = [a_patient(reference="P-PLACED"), a_patient(reference="P-ENDED"), a_patient(reference="P-STAYS")]
    requests = asked(*known)
    composed()
    sent()
    withdrawn(requests[0])
    withdrawn(requests[1], reason="search_ended")
    (letter,) = written()
    assert (letter.status, letter.placement_request_ids) == ("approved", sorted(requests[:2]))
    sent(LATER + timedelta(seconds=7))
    assert len(catcher.messages) == 2, "it waits for no cooldown"
    text = read(the(Email, kind="withdrawal")).text
    assert "P-PLACED: hat inzwischen einen Therapieplatz gefunden" in text
    assert ("P-ENDED" in text, "P-STAYS" in text, "P-PLACED" in catcher.messages[1]["Subject"]) == (True, False, True)
    assert (the(Email, kind="withdrawal").status, len(rows(EmailCooldown))) == ("sent", 2)
    published = recorded_data(session, "communication.email_sent")[-1]
    assert (published["kind"], published["inquiry_id"]) == ("withdrawal", None)
    assert published["placement_request_ids"] == [str(each) for each in sorted(requests[:2])]
    assert the(ContactRequest, id=requests[2]).status == "contacted"


@pytest.mark.parametrize(
    ("reason", "therapist", "is_sent"),
    [
        ("patient_erased", {}, True),
        ("patient_merged", {}, True),
        ("therapist_unavailable", {}, True),
        ("placed_elsewhere", {}, False),
        ("placed_elsewhere", {"contact_preference": "phone_only"}, True),
        ("placed_elsewhere", {"email_opt_out": True}, True),
        ("placed_elsewhere", {"email": None}, True),
        ("placed_elsewhere", {"status": "blocked"}, True),
    ],
)
def test_nobody_is_written_to_who_was_not_or_should_not_be(
    reason: str, therapist: dict[str, object], is_sent: bool, sent: Send
) -> None:
    (request,) = asked(None, email="praxis@example.org")
    composed()
    if is_sent:
        sent()
    a_therapist(id=the(ContactRequest).therapist_id, sequence=2, **{"email": "praxis@example.org", **therapist})
    withdrawn(request, reason=reason)
    assert written() == []
    assert the(ContactRequest).withdrawal_due_at is None


def test_who_has_answered_is_not_written_to(sent: Send) -> None:
    (request,) = asked(None)
    composed()
    sent()
    publish(catalogue.RequestAnswered, request, outcome="declined_capacity", answered_at=NOW)
    withdrawn(request, sequence=3)
    assert written() == []


def test_what_is_withdrawn_while_it_is_in_doubt_is_written_of_once_it_went(
    sending: Sending, catcher: FakeMailServer
) -> None:
    (request,) = asked(None)
    composed()
    catcher.behaviour = "drop_after_data"
    sending.run(NOW)
    withdrawn(request)
    assert written() == []
    with transaction() as session:
        found_out = Resolution.from_json({"outcome": "sent"})
        emails.resolve(session, TEXTS, the(Email).id, found_out, rules=RULES, by=None, now=LATER)
    assert len(written()) == 1


def test_what_is_not_true_any_more_is_not_sent(catcher: FakeMailServer, sent: Send) -> None:
    requests = asked(None, None)
    composed()
    sent()
    for request in requests:
        withdrawn(request)
    assert len(written()) == 1
    # staff correct the mistake: one of the two is asked for again
    stands = {"status": "contacted", "priority": 0, "inquiry_id": None, "hold": None}
    publish(catalogue.RequestUpdated, requests[0], sequence=3, time=LATER, **stands)
    sent(LATER + timedelta(seconds=7))
    assert (len(catcher.messages), the(Email, kind="withdrawal").status) == (1, "cancelled")
    again = [each for each in written() if each.status == "approved"]
    assert [each.placement_request_ids for each in again] == [[requests[1]]]


def test_a_notice_about_somebody_who_was_erased_is_cancelled_and_the_others_are_written_of_anew(sent: Send) -> None:
    erased = a_patient()
    requests = asked(erased, None)
    composed()
    sent()
    for request in requests:
        withdrawn(request)
    assert len(written()) == 1
    arrives(catalogue.PatientErased(patient_id=erased), erased, sequence=2, time=LATER)
    assert jobs.confirm_erasures(LATER) == 1
    assert [each.status for each in rows(Email, kind="withdrawal")] == ["cancelled"]
    letters = written()
    assert [each.placement_request_ids for each in letters if each.status == "approved"] == [[requests[1]]]
    sent(LATER + timedelta(minutes=1))
    assert {each.status for each in rows(Email, kind="withdrawal")} == {"cancelled", "sent"}


def test_a_bad_address_and_a_doubt_are_recorded_as_of_every_letter(catcher: FakeMailServer, sending: Sending) -> None:
    for _ in range(2):
        asked(None)
    composed()
    while sending.run(NOW):
        pass
    for request in rows(ContactRequest):
        withdrawn(request.id)
    written()
    catcher.recipient_answer = "550 5.1.1 no such user"
    sending.run(LATER + timedelta(seconds=7))
    catcher.recipient_answer, catcher.behaviour = None, "drop_after_data"
    sending.run(LATER + timedelta(seconds=8))
    assert sorted(each.status for each in rows(Email, kind="withdrawal")) == ["failed", "in_doubt"]
    assert [each.status for each in rows(ContactRequest)] == ["over", "over"]
    doubtful = the(Email, status="in_doubt")
    with transaction() as session:
        found_out = Resolution.from_json({"outcome": "not_sent"})
        emails.resolve(session, TEXTS, doubtful.id, found_out, rules=RULES, by=None, now=LATER)
    anew = [each for each in written() if each.status == "approved"]
    assert [each.placement_request_ids for each in anew] == [doubtful.placement_request_ids]


def test_a_confirmation_waits_while_its_practice_is_not_written_to() -> None:
    (request,) = asked(None, email="praxis@example.org")
    publish(catalogue.RequestAccepted, request, sequence=2, time=NOW, accepted_on=NOW.date())
    jobs.write_confirmations(RULES, TEXTS, LATER)
    practice, confirmation = the(ContactRequest).therapist_id, the(Email, kind="confirmation")
    waits = {"none": "no_contact_wanted", "phone_only": "calls_only"}
    for sequence, preference in enumerate(waits, start=2):
        a_therapist(id=practice, sequence=sequence, email="praxis@example.org", contact_preference=preference)
        with transaction() as session:
            found = notices.ready(session, the(Email, kind="confirmation"), texts=TEXTS, now=LATER)
            assert (found, notices.release_waiting(session, now=LATER, at_most=9)) == (None, 0)
            waiting = session.get_one(Email, confirmation.id)
            assert (waiting.status, waiting.waits_for) == ("waiting", waits[preference])
            states.approve_email(waiting, now=LATER)
    with transaction() as session:
        notices.ready(session, the(Email, kind="confirmation"), texts=TEXTS, now=LATER)
    a_therapist(id=practice, sequence=4, email="praxis@example.org")
    with transaction() as session:
        assert notices.release_waiting(session, now=LATER, at_most=9) == 1
        assert notices.ready(session, the(Email, kind="confirmation"), texts=TEXTS, now=LATER)
