"""What practice and patient learn after an acceptance, and what did not arrive is written of anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from communication_service import jobs
from communication_service.domain import emails
from communication_service.domain import sending as domain_sending
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.schemas import Resolution
from communication_service.jobs import Sending
from communication_service.store import mail_server as mail_store
from communication_service.store import notice_queries
from communication_service.store.tables import ContactRequest, Email, RecordedAnswer
from shared.database import Session, new_id, transaction
from shared.events import catalogue
from shared.values.datetimes import berlin_day
from shared.values.patient_details import PatientDetails, PatientDetailsAnswer
from tests.builders.communication import (
    LINKS,
    RULES,
    TEXTS,
    a_request,
    a_therapist,
    composed,
    publish,
    read,
    rows,
    the,
)
from tests.builders.incoming_mail import a_bounce, comes_in
from tests.communication_service.conftest import NOW, reaching
from tests.fakes.smtp import FakeMailServer

LATER = NOW + timedelta(hours=1)
OLD, NEW = "praxis@example.org", "neu@example.org"


def erika(wanted: WantedDetails) -> PatientDetailsAnswer:
    """The patient service says who it is."""
    details = PatientDetails(first_name="Erika", last_name="Musterfrau", email="erika@example.org")
    return PatientDetailsAnswer(refusal=None, details=details)


@pytest.fixture
def sending(catcher: FakeMailServer) -> Sending:
    return Sending(RULES, TEXTS, reaching(catcher), ask_who=erika, links=LINKS)


def accepted(request: UUID, *, time: datetime = NOW, sequence: int = 2) -> None:
    publish(catalogue.RequestAccepted, request, sequence=sequence, time=time, accepted_on=berlin_day(time))


def an_acceptance(email: str = OLD) -> UUID:
    """A practice with an address offers a place."""
    request = a_request(a_therapist(email=email))
    composed()
    accepted(request)
    return request


def written(now: datetime = LATER) -> None:
    while jobs.write_confirmations(RULES, TEXTS, now):
        pass


def sent(sending: Sending, now: datetime = LATER) -> None:
    while sending.run(now):
        pass


def notices(kind: str) -> list[tuple[str, str | None]]:
    return [(each.status, each.waits_for) for each in rows(Email, kind=kind)]


def resolved(kind: str) -> None:
    with transaction() as session:
        email = the(Email, kind=kind, status="in_doubt").id
        emails.resolve(
            session,
            TEXTS,
            email,
            Resolution.from_json({"outcome": "not_sent"}),
            rules=RULES,
            by=new_id(),
            now=LATER,
        )


@pytest.mark.parametrize("how", ["refused", "bounced", "not sent"])
def test_what_did_not_arrive_is_written_anew_and_never_to_where_it_cannot_arrive(
    how: str, catcher: FakeMailServer, sending: Sending
) -> None:
    request = an_acceptance()
    written()
    if how == "refused":
        catcher.recipient_answer = "550 5.1.1 no such user"
    if how == "not sent":
        catcher.behaviour = "drop_after_data"
    sent(sending)
    catcher.recipient_answer, catcher.behaviour = None, "accept"
    if how == "bounced":
        comes_in(a_bounce(of=the(Email, kind="confirmation").message_id, recipient=OLD), now=LATER)
    if how == "not sent":
        resolved("confirmation")
    with transaction() as session:
        (shown,) = notice_queries.unconfirmed_requests(session, [request])
        assert shown.id == request, "the sheet names who it is"
    soon = LATER + timedelta(minutes=20)
    written(soon)
    sent(sending, soon)
    ended = {"refused": "failed", "bounced": "bounced", "not sent": "failed"}[how]
    again = ("sent", None) if how == "not sent" else ("waiting", "email_suppressed")
    assert notices("confirmation") == [(ended, None), again]
    of_patient = {"refused": [(ended, None), ("waiting", "patient_address_bounced")], "bounced": [("sent", None)]}
    if how in of_patient:
        assert notices("patient_notice") == of_patient[how]
    if how == "not sent":
        return
    a_therapist(id=the(ContactRequest).therapist_id, sequence=2, email=NEW)
    written(soon)
    sent(sending, soon)
    assert notices("confirmation")[-1] == ("sent", None)
    assert catcher.envelopes[-1][1] == [NEW]


def test_an_acceptance_that_only_a_republished_state_says_is_written_of_too() -> None:
    request = a_request(a_therapist(email=OLD))
    stands = {"status": "accepted", "priority": 0, "inquiry_id": None, "hold": None}
    for sequence in (3, 4):
        publish(catalogue.RequestUpdated, request, sequence=sequence, time=NOW, **stands)
        written()
    assert [len(notices(kind)) for kind in ("confirmation", "patient_notice")] == [1, 1]


CONTACTED = {"status": "contacted", "priority": 0, "inquiry_id": None, "hold": None}
DELETE = "bitte löschen Sie"


@pytest.mark.parametrize(
    ("what", "has_gone", "subject", "asks_to_delete"),
    [
        ("placed elsewhere", True, "Unsere Anfrage hat sich erledigt", True),
        ("placed elsewhere", False, "Unsere Anfrage hat sich erledigt", False),
        ("corrected", True, "Bitte löschen", True),
        ("corrected", False, None, False),
        ("corrected and accepted", True, None, False),
        ("another day", True, None, False),
    ],
)
def test_who_offered_a_place_learns_that_it_is_not_needed_or_was_a_mistake(
    what: str, has_gone: bool, subject: str | None, asks_to_delete: bool, sending: Sending
) -> None:
    request = an_acceptance()
    written()
    if has_gone:
        sent(sending)
    at = LATER + timedelta(minutes=1)
    if what == "placed elsewhere":
        publish(catalogue.RequestWithdrawn, request, sequence=3, time=at, reason="placed_elsewhere")
    else:
        outcome = "accepted" if what == "another day" else None
        publish(catalogue.RequestCorrected, request, sequence=3, time=at, outcome=outcome)
        publish(catalogue.RequestUpdated, request, sequence=4, time=at, **CONTACTED)
    if what == "corrected and accepted":
        accepted(request, time=at, sequence=5)
    soon = at + timedelta(minutes=1)
    jobs.write_withdrawals(RULES, TEXTS, soon)
    assert jobs.write_withdrawals(RULES, TEXTS, soon) == 0
    sent(sending, soon)
    letters = [read(each) for each in rows(Email, kind="withdrawal", status="sent")]
    assert [each.subject.startswith(subject or "-") for each in letters] == ([True] if subject else [])
    assert [DELETE in each.text for each in letters] == [asks_to_delete] * len(letters)


def test_what_staff_entered_may_be_corrected_for_some_minutes_before_anybody_is_named() -> None:
    by_staff, by_link = an_acceptance(), an_acceptance(NEW)
    with transaction() as session:
        for request, recorded_by in ((by_staff, new_id()), (by_link, None)):
            email = the(Email, kind="inquiry", therapist_id=the(ContactRequest, id=request).therapist_id)
            said = {"outcome": "accepted", "occurred_at": NOW, "recorded_at": NOW, "recorded_by": recorded_by}
            session.add(RecordedAnswer(placement_request_id=request, email_id=email.id, therapist_id=new_id(), **said))
    named = {5: [by_link], 14 * 60: [by_link], 15 * 60: [by_link, by_staff]}
    for seconds, expected in named.items():
        written(NOW + timedelta(seconds=seconds))
        assert [each.placement_request_ids for each in rows(Email, kind="confirmation")] == [
            [each] for each in expected
        ]


@pytest.mark.parametrize("goes_meanwhile", [False, True])
def test_a_refusal_is_taken_back_unless_another_letter_went_and_one_that_cannot_be_holds_up_nobody(
    goes_meanwhile: bool, catcher: FakeMailServer, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_acceptance()
    written()
    catcher.recipient_answer = "550 5.1.1 no such user"
    sent(sending)
    catcher.recipient_answer = None
    refused, soon = the(Email, kind="confirmation"), LATER + timedelta(minutes=20)
    written(soon)
    if goes_meanwhile:
        a_therapist(id=the(ContactRequest).therapist_id, sequence=2, email=NEW)
        written(soon)
        sent(sending, soon)
    wrong = new_id()
    with transaction() as session:
        mail_store.state_for_change(session).to_take_back = [wrong, refused.id]
    taken_back = domain_sending.take_back_refusal

    def fail_once(session: Session, email_id: UUID, *, now: datetime) -> None:
        if email_id == wrong:
            raise ValueError
        taken_back(session, email_id, now=now)

    monkeypatch.setattr(domain_sending, "take_back_refusal", fail_once)
    jobs.retry_wrongly_refused(soon)
    sent(sending, soon)
    went = [("failed", None), ("sent", None)] if goes_meanwhile else [("sent", None), ("cancelled", None)]
    assert notices("confirmation") == went
