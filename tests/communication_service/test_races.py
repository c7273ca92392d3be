"""Two people who record the same at once: the second one is told that it was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from communication_service import jobs
from communication_service.domain import (
    call_changes,
    call_claims,
    call_corrections,
    call_outcomes,
    callers,
    claims,
    composing,
    email_claims,
    emails,
    suppressions,
)
from communication_service.domain import sending as domain
from communication_service.domain.call_changes import PlannedBy
from communication_service.domain.call_schemas import CallCorrection, NewPhoneCall
from communication_service.domain.caller_schemas import CallerFields
from communication_service.domain.schemas import CallOutcome, EmailResponse, Resolution
from communication_service.domain.suppression_schemas import NewSuppression
from communication_service.store import locks
from communication_service.store.tables import Email, PhoneCall
from shared.database import new_id, transaction
from shared.errors import Conflict, NotFound
from shared.runtime import clock
from shared.values.schemas import MergePatch
from tests.builders.communication import (
    EVERY_DAY,
    RULES,
    TEXTS,
    a_practice_to_phone,
    a_request,
    a_therapist,
    composed,
    the,
    withdraw,
)
from tests.concurrency import at_once, in_turn, while_uncommitted
from tests.conftest import MONDAY
from tests.events import recorded

pytestmark = pytest.mark.usefixtures("real_commits")

NOW = MONDAY + timedelta(seconds=6)
ADDRESS = NewSuppression(email="praxis@example.org", reason="asked us to")


def suppressing(session: Session) -> Any:
    return suppressions.add(session, ADDRESS, by=None, now=NOW)


def an_email_in_doubt() -> Email:
    a_request(a_therapist())
    composed()
    lease = timedelta(minutes=1)
    with transaction() as session:
        assert domain.claim(session, the(Email).id, rules=RULES, texts=TEXTS, lease=lease, now=NOW)
    with transaction() as session:
        domain.doubt_unrecorded(session, now=NOW + 2 * lease)
    return the(Email)


@pytest.mark.parametrize("said", ["sent", "not_sent"])
def test_a_doubt_is_resolved_once(said: str) -> None:
    mail = an_email_in_doubt()

    def settling(outcome: str) -> Callable[[Session], Any]:
        resolution = Resolution.from_json({"outcome": outcome})
        return lambda session: emails.resolve(session, TEXTS, mail.id, resolution, rules=RULES, by=None, now=NOW)

    second = in_turn(settling(said), settling("sent"))
    assert isinstance(second, Conflict)
    assert second.code == "email.not_in_doubt"


@pytest.mark.parametrize(("first", "second"), [("declined_other", "accepted"), ("accepted", "accepted")])
def test_of_two_answers_to_an_email_at_once_one_is_refused(first: str, second: str) -> None:
    mail, request = an_email_that_was_sent(a_therapist())
    refused = in_turn(answering(mail, request, first, seconds=10), answering(mail, request, second, seconds=10))
    assert isinstance(refused, Conflict)
    assert refused.code == "placement_request.answered_already"
    assert len(times_of_answers()) == 1


def test_of_an_answer_to_an_email_and_one_on_the_phone_at_once_one_is_refused() -> None:
    mail, request = an_email_that_was_sent(a_therapist(phone_hours=EVERY_DAY))
    jobs.follow_up(RULES, NOW + timedelta(days=8))
    composed(NOW + timedelta(days=8, minutes=1))
    said = {"result": "reached", "responses": [{"placement_request_id": str(request), "outcome": "accepted"}]}
    outcome, call, later = CallOutcome.from_json(said), the(PhoneCall).id, NOW + timedelta(days=8, minutes=5)
    calling = partial(
        call_outcomes.record_outcome, texts=TEXTS, call_id=call, outcome=outcome, rules=RULES, by=None, now=later
    )
    refused = in_turn(answering(mail, request, "declined_other", seconds=8 * 24 * 3600), calling)
    assert isinstance(refused, Conflict)
    assert refused.code == "placement_request.answered_already"
    assert the(PhoneCall).status == "planned"


def test_a_call_has_one_outcome() -> None:
    a_request(a_practice_to_phone())
    composed()
    call = the(PhoneCall).id

    def recording(result: str) -> Callable[[Session], Any]:
        outcome = CallOutcome.from_json({"result": result})
        now = NOW + timedelta(hours=1)
        return lambda session: call_outcomes.record_outcome(
            session, TEXTS, call, outcome, rules=RULES, by=None, now=now
        )

    second = in_turn(recording("busy"), recording("voicemail"))
    assert isinstance(second, Conflict)
    assert second.code == "phone_call.not_planned"


def test_an_address_is_suppressed_once(app: Flask) -> None:
    body = {"email": "Praxis@example.org", "reason": "a bounce"}
    answer = while_uncommitted(suppressing, lambda: app.test_client().post("/api/email-suppressions", json=body))
    assert answer.status_code == 409
    again = app.test_client().post("/api/email-suppressions", json=body)
    assert (again.status_code, again.json["code"]) == (409, "email_suppression.known")


def test_a_suppression_is_lifted_once() -> None:
    with transaction() as session:
        known = suppressing(session)

    def lifting(session: Session) -> None:
        suppressions.remove(session, known.id, by=None, now=NOW)

    assert isinstance(in_turn(lifting, lifting), NotFound)


def answering(email: UUID, request: UUID, outcome: str, *, seconds: int) -> Callable[[Session], Any]:
    """Records an answer to an e-mail, by a clock that was read so many seconds after it was sent."""
    said = EmailResponse.from_json({"responses": [{"placement_request_id": str(request), "outcome": outcome}]})
    return lambda session: emails.answer(
        session, TEXTS, email, said, rules=RULES, by=None, now=NOW + timedelta(seconds=seconds)
    )


def an_email_that_was_sent(therapist: UUID) -> tuple[UUID, UUID]:
    request = a_request(therapist)
    composed()
    mail = the(Email).id
    with transaction() as session:
        claim = domain.claim(session, mail, rules=RULES, texts=TEXTS, lease=timedelta(minutes=1), now=NOW)
        assert claim is not None
        assert domain.record_sent(session, mail, claim.attempt, rules=RULES, now=NOW)
    return mail, request


instant = datetime.fromisoformat


def times_of_answers() -> list[tuple[datetime, datetime]]:
    """When answers were given, and when they were recorded, as published, in the order of recording."""
    with transaction() as session:
        published = [e for e in recorded(session) if e["data"].get("answers")]
    return [(instant(event["data"]["occurred_at"]), instant(event["time"])) for event in published]


def test_an_acceptance_that_waited_for_another_answer_is_published_as_the_newer_one() -> None:
    mail, request = an_email_that_was_sent(a_therapist())
    # the one that waits has read its clock first
    accepted = in_turn(answering(mail, request, "later", seconds=20), answering(mail, request, "accepted", seconds=10))
    assert not isinstance(accepted, Exception)
    later, accepted = times_of_answers()
    assert later[0] < accepted[0]
    assert later[1] < accepted[1]


@pytest.mark.parametrize("said", [None, NOW + timedelta(seconds=1)])
def test_a_call_that_waited_counts_from_its_recording_unless_staff_say_when_it_was(said: datetime | None) -> None:
    therapist = a_therapist(phone_hours=EVERY_DAY)
    mail, request = an_email_that_was_sent(therapist)
    jobs.follow_up(RULES, NOW + timedelta(days=8))
    composed(NOW + timedelta(days=8, minutes=1))
    week = 8 * 24 * 3600
    outcome = {
        "result": "reached",
        "occurred_at": said and said.isoformat(),
        "responses": [{"placement_request_id": str(request), "outcome": "accepted"}],
    }
    call = CallOutcome.from_json({name: value for name, value in outcome.items() if value})
    at = NOW + timedelta(seconds=week + 10)
    recording = partial(
        call_outcomes.record_outcome, texts=TEXTS, call_id=the(PhoneCall).id, outcome=call, rules=RULES, by=None, now=at
    )
    assert not isinstance(in_turn(answering(mail, request, "later", seconds=week + 20), recording), Exception)
    later, accepted = times_of_answers()
    assert (accepted[0] < later[0]) is (said is not None)
    assert later[1] < accepted[1]


def test_an_answer_counts_from_its_turn_whoever_it_waited_for(app: Flask) -> None:
    """Nobody answered here meanwhile; but matching may have been told of another answer while this one waited."""
    therapist = a_therapist(phone_hours=EVERY_DAY)
    mail, request = an_email_that_was_sent(therapist)
    jobs.follow_up(RULES, NOW + timedelta(days=8))
    composed(NOW + timedelta(days=8, minutes=1))
    for path, outcome, result in (
        (f"emails/{mail}/response", "later", {}),
        (f"phone-calls/{the(PhoneCall).id}/outcome", "accepted", {"result": "reached"}),
    ):
        said = {"responses": [{"placement_request_id": str(request), "outcome": outcome}]}
        posting = partial(app.test_client().post, f"/api/{path}", json={**said, **result})
        freed_after = clock.now() + timedelta(seconds=0.3)
        answer = while_uncommitted(lambda session: locks.lock_therapist(session, therapist), posting)
        assert answer.status_code == 200, answer.json
        assert min(times_of_answers()[-1]) > freed_after


@pytest.mark.parametrize("is_alone", [True, False])
def test_who_has_taken_a_place_elsewhere_while_a_mail_is_composed_is_in_no_mail(is_alone: bool) -> None:
    """The patient's request is withdrawn by then; the mail that was composed is composed anew, or is none."""
    therapist = a_therapist()
    placed = a_request(therapist)
    others = [] if is_alone else [a_request(therapist)]

    def composing_at_this_moment(session: Session) -> None:
        assert composing.compose(session, therapist, rules=RULES, texts=TEXTS, now=NOW)

    assert while_uncommitted(composing_at_this_moment, lambda: withdraw(placed, time=NOW)) is None
    later = NOW + timedelta(minutes=1)
    composed(later)
    with transaction() as session:
        waiting = email_claims.next_to_send(session, rules=RULES, now=later, at_most=10)
        asked = [session.get_one(Email, each.email_id).placement_request_ids for each in waiting]
    assert asked == ([others] if others else [])


ANNA, BEN = new_id(), new_id()


def calls_to_make(number: int) -> list[UUID]:
    for _ in range(number):
        a_request(a_practice_to_phone())
    composed()
    with transaction() as session:
        return list(session.scalars(select(PhoneCall.id).order_by(PhoneCall.starts_at)))


def claiming(call: UUID, by: UUID) -> Callable[[Session], Any]:
    return lambda session: call_claims.claim(session, TEXTS, call, rules=RULES, by=by, now=NOW)


def test_a_call_is_claimed_by_one_of_two() -> None:
    (call,) = calls_to_make(1)
    refused = in_turn(claiming(call, ANNA), claiming(call, BEN))
    assert isinstance(refused, Conflict)
    assert refused.code == "phone_call.claimed"

    def renewing(session: Session) -> Any:
        return call_claims.renew(session, TEXTS, call, rules=RULES, by=ANNA, now=NOW)

    lease_is_over = partial(
        call_claims.claim, texts=TEXTS, call_id=call, rules=RULES, by=BEN, now=NOW + RULES.call_lease
    )
    too_late = in_turn(lease_is_over, renewing)
    assert isinstance(too_late, Conflict)
    assert too_late.code == "phone_call.not_claimed"


def test_two_who_ask_for_the_next_call_at_once_get_different_ones() -> None:
    first, second = calls_to_make(2)
    at = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)

    def asking(by: UUID) -> UUID | None:
        with transaction() as session:
            call = claims.take_next(session, rules=RULES, by=by, now=at)
            return None if call is None else call.id

    assert {*at_once([partial(asking, each) for each in (ANNA, BEN)])} <= {first, second, None}
    # whoever came while the other one had the practice's lock may have found nothing; asked again they get the other
    assert {asking(ANNA), asking(BEN)} == {first, second}


def test_a_mistaken_outcome_is_corrected_once_and_the_newest_first() -> None:
    (call,) = calls_to_make(1)
    with transaction() as session:
        busy = CallOutcome.from_json({"result": "busy"})
        call_outcomes.record_outcome(session, TEXTS, call, busy, rules=RULES, by=None, now=NOW)

    def correcting(session: Session) -> Any:
        why = CallCorrection(reason="a mistake")
        return call_corrections.correct(session, TEXTS, call, why, rules=RULES, by=None, now=NOW)

    again = in_turn(correcting, correcting)
    assert isinstance(again, Conflict)
    assert again.code == "phone_call.corrected_already"


def test_a_caller_gets_one_of_two_calls_at_the_same_time() -> None:
    first, second = calls_to_make(2)
    at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

    def moving(call: UUID) -> Callable[[Session], Any]:
        patch = MergePatch({"starts_at": at}, {})
        staff = PlannedBy(RULES, None, NOW)
        return lambda session: call_changes.move(session, TEXTS, call, patch, expected_versions=None, staff=staff)

    refused = in_turn(moving(first), moving(second))
    assert isinstance(refused, Conflict)
    assert refused.code == "phone_call.caller_busy"


def test_an_account_is_one_callers(app: Flask) -> None:
    body = {"name": "Maria", "user_id": str(ANNA)}

    def adding(session: Session) -> Any:
        return callers.add(session, CallerFields.from_json(body), by=None, now=NOW)

    answer = while_uncommitted(adding, lambda: app.test_client().post("/api/callers", json=body))
    assert answer.status_code == 409
    again = app.test_client().post("/api/callers", json=body)
    assert (again.status_code, again.json["code"]) == (409, "caller.known")


def test_a_call_by_hand_is_planned_once() -> None:
    therapist = a_practice_to_phone()
    a_request(therapist)

    def planning(session: Session) -> Any:
        new = NewPhoneCall(therapist_id=therapist, starts_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
        return call_changes.add(session, TEXTS, new, staff=PlannedBy(RULES, None, NOW))

    refused = in_turn(planning, planning)
    assert isinstance(refused, Conflict)
    assert refused.code == "phone_call.planned_already"
