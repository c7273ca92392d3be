"""What practice and patient learn after an acceptance, and what did not arrive is written of anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from communication_service import jobs
from communication_service.domain import emails
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.schemas import Resolution
from communication_service.jobs import Sending
from communication_service.store import notice_queries
from communication_service.store.tables import ContactRequest, Email
from shared.database import new_id, transaction
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


def an_acceptance() -> UUID:
    """A practice with an address offers a place."""
    request = a_request(a_therapist(email=OLD))
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
    of_patient = {"refused": [(ended, None), again], "bounced": [("sent", None)]}
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
