"""An answer that waited for a lock, or whose date somebody entered wrong, is not refused and leaves nothing behind."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import answers
from matching_service.domain.schemas import NewAnswer
from shared.database import new_id
from shared.errors import RuleBroken
from shared.events.catalogue import CallRecorded, EmailAnswered, PracticeAnswer
from shared.values.enums import RequestStatus
from tests.builders.events import happened
from tests.builders.matching import RULES, TEXTS, a_request, an_open_request, listeners, stored
from tests.conftest import MONDAY
from tests.events import recorded

LATER, DECLINED = (
    NewAnswer.from_json({"outcome": "later"}),
    NewAnswer.from_json({"outcome": "declined_other"}),
)
SECOND = timedelta(seconds=1)


def test_of_two_answers_at_once_the_one_that_waited_is_not_too_early(session: Session) -> None:
    request = an_open_request(session)
    # both read the clock before either had the lock
    answers.respond(session, TEXTS, request.id, LATER, rules=RULES, by=None, now=MONDAY + SECOND)
    waited = answers.respond(session, TEXTS, request.id, DECLINED, rules=RULES, by=None, now=MONDAY)
    assert (waited.status, waited.responded_at) == ("declined", MONDAY + SECOND)


def test_a_time_that_somebody_entered_may_not_lie_before_the_known_answer(session: Session) -> None:
    request = an_open_request(session)
    answers.respond(session, TEXTS, request.id, LATER, rules=RULES, by=None, now=MONDAY)
    earlier = NewAnswer.from_json({"outcome": "accepted", "occurred_at": (MONDAY - SECOND).isoformat()})
    with pytest.raises(RuleBroken):
        answers.respond(session, TEXTS, request.id, earlier, rules=RULES, by=None, now=MONDAY)


def test_clocks_may_differ_by_minutes(session: Session) -> None:
    ahead = {"outcome": "later", "occurred_at": (MONDAY + timedelta(minutes=4)).isoformat()}
    assert answers.respond(
        session, TEXTS, an_open_request(session).id, NewAnswer.from_json(ahead), rules=RULES, by=None, now=MONDAY
    )
    tomorrow = ahead | {"occurred_at": (MONDAY + timedelta(days=1)).isoformat()}
    with pytest.raises(RuleBroken):
        answers.respond(
            session, TEXTS, an_open_request(session).id, NewAnswer.from_json(tomorrow), rules=RULES, by=None, now=MONDAY
        )


def called(
    session: Session, request: UUID, outcome: str, *, recorded_days_later: int, inquiry: UUID | None = None
) -> None:
    """A caller records today what came of a call, and dates it before everything else that happened."""
    call = CallRecorded(
        phone_call_id=new_id(),
        inquiry_id=inquiry or new_id(),
        therapist_id=new_id(),
        direction="outbound",
        result="reached",
        occurred_at=MONDAY - timedelta(days=9),
        placement_request_ids=[request],
        answers=[PracticeAnswer(placement_request_id=request, outcome=outcome)],
    )
    at = MONDAY + timedelta(days=recorded_days_later)
    listeners.apply(session, [happened(call, time=at)], now=at)


@pytest.mark.parametrize(("outcome", "status"), [("declined_other", "declined"), ("accepted", "accepted")])
def test_an_answer_with_an_old_date_counts_for_a_request_that_was_opened_again_since(
    session: Session, outcome: str, status: str
) -> None:
    request = a_request(session, RequestStatus.DEFERRED)
    again = MONDAY + timedelta(days=40)
    assert answers.reopen_deferred(session, today=again.date(), now=again) == 1
    called(session, request.id, outcome, recorded_days_later=41)
    assert stored(session, request.id).status == status


def test_what_was_not_discussed_in_a_call_is_asked_again_also_if_the_inquiry_is_published_later(
    session: Session,
) -> None:
    request = an_open_request(session)
    called(session, request.id, "not_discussed", recorded_days_later=1)
    assert [event["type"] for event in recorded(session, request.id)][-1] == "matching.request_reopened"


def test_an_acceptance_of_the_same_instant_that_is_handled_last_counts(session: Session) -> None:
    """Staff recorded another answer here at that instant; the one that was acknowledged there is not older."""
    request = an_open_request(session)
    answers.respond(session, TEXTS, request.id, LATER, rules=RULES, by=None, now=MONDAY)
    said = [PracticeAnswer(placement_request_id=request.id, outcome="accepted")]
    handled = EmailAnswered(email_id=new_id(), therapist_id=new_id(), occurred_at=MONDAY, answers=said)
    listeners.apply(session, [happened(handled, time=MONDAY)], now=MONDAY)
    assert stored(session, request.id).status == RequestStatus.ACCEPTED
