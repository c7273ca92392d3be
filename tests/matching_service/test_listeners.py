"""What contacts do to requests: in any order, also repeated."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from matching_service.dependencies import Dependencies
from matching_service.domain import answers, audit_log
from matching_service.domain.lists import AUDIT_LOG
from matching_service.domain.schemas import NewAnswer
from matching_service.jobs import reopen_deferred
from matching_service.listeners import listeners as unbound
from matching_service.settings import AskAgainRules
from matching_service.store.tables import PatientContact
from shared.database import new_id
from shared.events.catalogue import (
    AttemptsUsedUp,
    CallRecorded,
    EmailAnswered,
    EmailBounced,
    EmailSent,
    InquiryComposed,
    InquiryDissolved,
    PracticeAnswer,
)
from shared.events.event import Event
from shared.values.enums import RequestOutcome, RequestStatus
from tests.builders.events import happened
from tests.builders.lists import asked_for
from tests.builders.matching import (
    RULES,
    TEXTS,
    a_request,
    an_open_request,
    handle,
    patient_becomes,
    stored,
    types,
)
from tests.conftest import MONDAY
from tests.events import recorded

HOUR = timedelta(hours=1)


class Contacts:
    """The events of one inquiry, each an hour after the one before."""

    def __init__(self, request_id: UUID, *, start: datetime = MONDAY) -> None:
        self.inquiry, self.therapist, self.ids, self.start = new_id(), new_id(), [request_id], start

    def composed(self, hours: int = 1) -> Event:
        event = InquiryComposed(
            inquiry_id=self.inquiry, therapist_id=self.therapist, channel="email", placement_request_ids=self.ids
        )
        return happened(event, self.inquiry, time=self.start + hours * HOUR)

    def dissolved(self, hours: int = 2) -> Event:
        event = InquiryDissolved(inquiry_id=self.inquiry, therapist_id=self.therapist, placement_request_ids=self.ids)
        return happened(event, self.inquiry, time=self.start + hours * HOUR)

    def emailed(self, hours: int = 2, kind: str = "inquiry") -> Event:
        at = self.start + hours * HOUR
        event = EmailSent(
            email_id=new_id(), inquiry_id=self.inquiry, kind=kind, placement_request_ids=self.ids, sent_at=at
        )
        return happened(event, time=at)

    def bounced(self, hours: int = 3, sent: int = 2, kind: str = "inquiry") -> Event:
        at = self.start + hours * HOUR
        event = EmailBounced(
            email_id=new_id(),
            inquiry_id=self.inquiry,
            kind=kind,
            placement_request_ids=self.ids,
            sent_at=self.start + sent * HOUR,
            bounced_at=at,
        )
        return happened(event, time=at)

    def answered(self, outcome: str, hours: int = 3, **more: Any) -> Event:
        at = self.start + hours * HOUR
        said = [PracticeAnswer(placement_request_id=each, outcome=outcome, **more) for each in self.ids]
        event = EmailAnswered(email_id=new_id(), therapist_id=self.therapist, occurred_at=at, answers=said)
        return happened(event, time=at)

    def called(self, outcome: str | None = None, hours: int = 3, result: str = "reached") -> Event:
        at = self.start + hours * HOUR
        said = [PracticeAnswer(placement_request_id=each, outcome=outcome) for each in self.ids] if outcome else []
        event = CallRecorded(
            phone_call_id=new_id(),
            inquiry_id=self.inquiry,
            therapist_id=self.therapist,
            direction="outbound",
            result=result,
            occurred_at=at,
            placement_request_ids=self.ids,
            answers=said,
        )
        return happened(event, time=at)

    def used_up(self, hours: int = 4) -> Event:
        event = AttemptsUsedUp(inquiry_id=self.inquiry, therapist_id=self.therapist, placement_request_ids=self.ids)
        return happened(event, self.inquiry, time=self.start + hours * HOUR)


def test_an_email_that_came_back_was_no_contact(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    # of an e-mail that is not known, or went to the patient, nothing follows, and the same once more changes nothing
    to_patient = contact.bounced(kind="patient_notice")
    handle(session, contact.composed(), contact.emailed(), contact.bounced(sent=1), to_patient)
    handle(session, contact.bounced(hours=3), contact.bounced(hours=4))
    entries = audit_log.list_part(session, TEXTS, request.id, asked_for(AUDIT_LOG)).items
    assert sorted(each.what for each in entries) == ["approved", "bounced", "emailed", "queued"]
    log = session.scalars(select(PatientContact).order_by(PatientContact.recorded_at, PatientContact.id)).all()
    assert [each.result for each in log] == ["sent", "taken_back"]
    assert (log[1].corrects, log[1].occurred_at, log[1].channel) == (log[0].id, MONDAY + 2 * HOUR, "email")
    assert stored(session, request.id).status == "contacted"


def test_a_contact_goes_from_the_queue_to_the_practice_to_an_answer(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    for event, status in [
        (contact.composed(), "queued"),
        (contact.emailed(), "contacted"),
        (contact.answered("accepted", available_from="2027-01-04"), "accepted"),
    ]:
        handle(session, event)
        assert stored(session, request.id).status == status
    done = stored(session, request.id)
    assert (done.emailed_at, done.responded_at) == (MONDAY + 2 * HOUR, MONDAY + 3 * HOUR)
    assert done.available_from.isoformat() == "2027-01-04"
    assert types(session, request.id) == ["approved", "answered", "accepted"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("outcome", "status"), [("accepted", "accepted"), ("declined_other", "declined"), ("later", "deferred")]
)
def test_news_of_one_contact_in_any_order_and_twice_lead_to_the_same_end(
    session: Session, order: tuple[int, ...], outcome: str, status: str
) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    news = [contact.composed(), contact.emailed(), contact.answered(outcome)]
    for place in (*order, *order):
        handle(session, news[place])
    end = stored(session, request.id)
    assert (end.status, end.emailed_at, end.responded_at) == (status, MONDAY + 2 * HOUR, MONDAY + 3 * HOUR)
    assert types(session, request.id).count("answered") == 1


def test_an_inquiry_that_is_dissolved_opens_its_requests_again(session: Session) -> None:
    request = an_open_request(session)
    contact, next_one = Contacts(request.id), Contacts(request.id)
    handle(session, contact.composed(1), contact.dissolved(2))
    assert stored(session, request.id).status == "open"
    handle(session, next_one.composed(3))
    assert stored(session, request.id).status == "queued"
    handle(session, contact.dissolved(2))  # late news of the first one
    assert stored(session, request.id).status == "queued"
    handle(session, contact.composed(4))  # the first one has it again: it took in what was left of the next
    handle(session, next_one.dissolved(4))
    assert stored(session, request.id).status == "queued"


def test_a_composition_handled_after_its_dissolution_queues_nothing(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    handle(session, contact.dissolved(2), contact.composed(1))
    assert stored(session, request.id).status == "open"


def test_only_an_inquiry_counts_as_a_contact(session: Session) -> None:
    request = an_open_request(session)
    handle(session, Contacts(request.id).emailed(kind="withdrawal"))
    untouched = stored(session, request.id)
    assert (untouched.status, untouched.emailed_at) == ("open", None)


def test_an_old_email_does_not_make_a_reopened_request_contacted(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    handle(session, contact.composed(), contact.answered("later", hours=3))
    assert reopen_deferred(MONDAY + timedelta(days=200)) == 1
    handle(session, contact.emailed(2))
    late = stored(session, request.id)
    assert (late.status, late.emailed_at) == ("open", MONDAY + 2 * HOUR)
    again = Contacts(request.id, start=MONDAY + timedelta(days=200))
    handle(session, again.composed(1), again.emailed(2))
    assert stored(session, request.id).status == "contacted"


def test_a_call_takes_each_answer_and_what_was_not_discussed_waits_again(session: Session) -> None:
    first, second, third = (a_request(session, RequestStatus.QUEUED, now=MONDAY) for _ in range(3))
    at = MONDAY + HOUR
    call = CallRecorded(
        phone_call_id=new_id(),
        inquiry_id=first.inquiry_id,
        therapist_id=new_id(),
        direction="outbound",
        result="reached",
        occurred_at=at,
        placement_request_ids=[first.id, second.id, third.id],
        answers=[
            PracticeAnswer(placement_request_id=first.id, outcome="accepted"),
            PracticeAnswer(placement_request_id=second.id, outcome="not_discussed"),
        ],
    )
    handle(session, happened(call, time=at))
    ends = [stored(session, each.id) for each in (first, second, third)]
    assert [each.status for each in ends] == ["accepted", "open", "contacted"]
    assert [each.called_at for each in ends] == [at] * 3
    assert types(session, second.id) == ["approved", "reopened"]
    handle(session, happened(call, time=at))
    assert types(session, second.id) == ["approved", "reopened"]
    assert types(session, first.id) == ["approved", "answered", "accepted"]


def test_what_was_not_discussed_can_be_composed_again_at_once(session: Session) -> None:
    request = an_open_request(session)
    call, next_one = Contacts(request.id), Contacts(request.id)
    handle(
        session, call.composed(1), call.called("not_discussed", 2), now=MONDAY + 9 * HOUR
    )  # handled seven hours late
    handle(session, next_one.composed(3))
    assert stored(session, request.id).status == "queued"
    handle(session, call.called("not_discussed", 2))
    assert stored(session, request.id).status == "queued"


def test_what_was_not_discussed_is_held_again_while_the_search_is_paused(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    patient_becomes(session, request.patient_id, "paused")
    call = Contacts(request.id)
    call.inquiry = request.inquiry_id or call.inquiry
    handle(session, call.called("not_discussed"))
    again = stored(session, request.id)
    assert (again.status, again.hold) == ("open", "search_paused")


@pytest.mark.parametrize("result", ["no_answer", "busy", "voicemail", "wrong_number", "call_back"])
def test_a_call_that_reached_nobody_changes_nothing(session: Session, result: str) -> None:
    request = a_request(session, RequestStatus.QUEUED)
    handle(session, Contacts(request.id).called(result=result))
    same = stored(session, request.id)
    assert (same.status, same.called_at) == ("queued", None)


def test_after_all_attempts_there_is_no_answer_which_one_can_still_come(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    handle(session, contact.composed(), contact.used_up())
    unanswered = stored(session, request.id)
    assert (unanswered.status, unanswered.next_contact_after) == ("no_answer", MONDAY.date() + timedelta(days=28))
    handle(session, contact.answered("accepted", hours=50))
    assert stored(session, request.id).status == "accepted"
    handle(session, contact.used_up(hours=51))
    assert stored(session, request.id).status == "accepted"


def test_a_follow_up_call_to_a_contacted_practice_can_end_without_an_answer(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    call = Contacts(request.id, start=MONDAY + timedelta(days=7))
    handle(session, call.composed())
    assert stored(session, request.id).status == "contacted"
    handle(session, call.used_up())
    assert stored(session, request.id).status == "no_answer"


@pytest.mark.parametrize("status", ["accepted", "declined", "placed", "withdrawn"])
def test_an_answer_to_what_is_over_is_logged_and_changes_nothing(session: Session, status: str) -> None:
    request = a_request(session, RequestStatus(status))
    count = len(recorded(session))
    handle(session, Contacts(request.id).answered("later"))
    assert (stored(session, request.id).status, len(recorded(session))) == (status, count)
    entries = audit_log.list_part(session, TEXTS, request.id, asked_for(AUDIT_LOG)).items
    assert (entries[-1].what, entries[-1].outcome, entries[-1].channel) == ("answered", "later", "email")


def test_what_later_leads_to_is_what_the_rules_of_this_process_say(session: Session) -> None:
    by_email, by_phone = (a_request(session, RequestStatus.CONTACTED) for _ in range(2))
    asking = unbound.given(Dependencies(AskAgainRules(days_without_a_date=5), TEXTS))
    answers = [Contacts(by_email.id).answered("later"), Contacts(by_phone.id).called("later")]
    asking.apply(session, answers, now=MONDAY)
    for request in (by_email, by_phone):
        assert stored(session, request.id).next_contact_after == MONDAY.date() + timedelta(days=5)


def test_an_older_answer_that_arrives_later_does_not_count(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    contact = Contacts(request.id)
    handle(session, contact.answered("later", hours=5))
    handle(session, contact.answered("declined_other", hours=4))
    assert stored(session, request.id).status == "deferred"
    handle(session, contact.answered("declined_other", hours=6))
    assert stored(session, request.id).status == "declined"


def test_an_acceptance_by_email_holds_the_patients_other_requests(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    other = an_open_request(session, patient_id=request.patient_id)
    handle(session, Contacts(request.id).answered("accepted"))
    assert stored(session, other.id).hold == "accepted_elsewhere"


def test_going_out_ends_a_hold_that_came_too_late(session: Session) -> None:
    request = a_request(session, RequestStatus.QUEUED)
    patient_becomes(session, request.patient_id, "paused")
    contact = Contacts(request.id)
    handle(session, contact.emailed())
    gone = stored(session, request.id)
    assert (gone.status, gone.hold) == ("contacted", None)


def test_requests_that_nobody_knows_are_left_aside_and_the_others_are_not(session: Session) -> None:
    request = an_open_request(session)
    contact = Contacts(request.id)
    contact.ids = [new_id(), request.id]
    handle(session, contact.composed(), contact.emailed(), contact.answered("accepted"))
    assert stored(session, request.id).status == "accepted"


def test_a_word_that_no_answer_is_raises_so_that_the_event_becomes_a_dead_letter(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    with pytest.raises(ValueError, match="perhaps"):
        handle(session, Contacts(request.id).answered("perhaps"))


def test_every_change_counts_one_event_each(session: Session) -> None:
    request = a_request(session, RequestStatus.CONTACTED)
    answers.respond(
        session, TEXTS, request.id, NewAnswer(outcome=RequestOutcome.ACCEPTED), rules=RULES, by=None, now=MONDAY + HOUR
    )
    sequences = [event["sequence"] for event in recorded(session, request.id)]
    assert sequences == list(range(1, len(sequences) + 1))
