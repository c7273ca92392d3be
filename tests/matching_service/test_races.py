"""Two people who decide the same at once: the second one is told that it was decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from matching_service.domain import answers, bulk, copies, corrections, placement_requests, places
from matching_service.domain.bulk_schemas import BulkChange
from matching_service.domain.place_schemas import Confirmation, Correction, PlaceFailure
from matching_service.domain.schemas import ContactList, NewAnswer, NewPlace, Withdrawal
from shared.database import new_id, transaction
from shared.errors import Conflict
from shared.events.catalogue import (
    CallRecorded,
    PatientMerged,
    PatientStatusChanged,
    PatientUpdated,
    PracticeAnswer,
    TherapistBlocked,
)
from shared.values.datetimes import berlin_day
from shared.values.enums import RequestOutcome, RequestStatus
from shared.values.placement_enums import PlacementFailure, StaffWithdrawalReason
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    TEXTS,
    a_known_patient,
    a_known_therapist,
    a_request,
    listeners,
    patient_becomes,
    public_patient,
    public_therapist,
    stored,
)
from tests.concurrency import in_turn, while_uncommitted
from tests.conftest import MONDAY

pytestmark = pytest.mark.usefixtures("real_commits")

NOW = MONDAY + timedelta(hours=1)
TODAY = berlin_day(NOW)
BY_PATIENT = Withdrawal(reason=StaffWithdrawalReason.PATIENT_DECLINED)


def committed(make: Callable[[Session], Any]) -> Any:
    with transaction() as session:
        return make(session)


def respond(outcome: RequestOutcome) -> Callable[[Session, UUID], Any]:
    return lambda session, request: answers.respond(
        session, TEXTS, request, NewAnswer(outcome=outcome), rules=RULES, by=None, now=NOW
    )


def place(session: Session, request: UUID) -> Any:
    return answers.place(session, TEXTS, request, NewPlace(), today=TODAY, by=None, now=NOW)


def withdraw(session: Session, request: UUID) -> Any:
    return answers.withdraw(session, request, BY_PATIENT, by=None, now=NOW)


def the_search_ends(session: Session, request: UUID) -> None:
    """The copy of the patient says so; what follows from it has not come yet."""
    patient = public_patient(id=placement_requests.lock_request(session, request).patient_id, status="search_aborted")
    event = happened(PatientUpdated(patient=patient), patient.id, sequence=2)
    copies.keep_patients(session, [(patient, event.envelope)])


def confirm(session: Session, request: UUID) -> Any:
    day = Confirmation(confirmed_on=TODAY)
    return places.confirm(session, TEXTS, request, day, today=TODAY, by=None, now=NOW)


def fail(session: Session, request: UUID) -> Any:
    failure = PlaceFailure(reason=PlacementFailure.NO_SHOW, failed_on=TODAY)
    return places.fail(session, TEXTS, request, failure, today=TODAY, by=None, now=NOW)


def correct(session: Session, request: UUID) -> Any:
    correction = Correction.from_json({"outcome": None, "reason": "a mistake"})
    return corrections.correct(session, TEXTS, request, correction, rules=RULES, by=None, now=NOW)


ACCEPTED, DECLINED = respond(RequestOutcome.ACCEPTED), respond(RequestOutcome.DECLINED_CAPACITY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "first", "second", "code"),
    [
        (RequestStatus.CONTACTED, ACCEPTED, DECLINED, "placement_request.answered_already"),
        (RequestStatus.CONTACTED, DECLINED, ACCEPTED, "placement_request.answered_already"),
        (RequestStatus.ACCEPTED, place, place, "placement_request.placed_already"),
        (RequestStatus.ACCEPTED, withdraw, place, "placement_request.not_accepted"),
        (RequestStatus.ACCEPTED, place, withdraw, "placement_request.over"),
        (RequestStatus.CONTACTED, withdraw, withdraw, "placement_request.over"),
        (RequestStatus.PLACED, fail, confirm, "placement_request.not_placed"),
        (RequestStatus.PLACED, fail, fail, "placement_request.not_placed"),
        (RequestStatus.PLACED, confirm, confirm, "placement_request.confirmed_already"),
        (RequestStatus.ACCEPTED, correct, place, "placement_request.not_accepted"),
        (RequestStatus.DECLINED, correct, correct, "placement_request.not_answered"),
        (RequestStatus.ACCEPTED, the_search_ends, place, "patient.not_searching"),
    ],
)
def test_what_was_decided_a_moment_before_is_not_decided_again(
    status: RequestStatus,
    first: Callable[[Session, UUID], Any],
    second: Callable[[Session, UUID], Any],
    code: str,
) -> None:
    with transaction() as session:
        request = a_request(session, status).id
    refusal = in_turn(lambda session: first(session, request), lambda session: second(session, request))
    assert isinstance(refusal, Conflict)
    assert refusal.code == code


def test_what_others_have_changed_by_then_is_not_changed_with_many() -> None:
    with transaction() as session:
        requests = [a_request(session, RequestStatus.OPEN).id for _ in range(3)]
    wanted = BulkChange.from_json(
        {"filter": {"status": ["open"]}, "expected_total": 3, "action": "withdraw", "reason": "other"}
    )
    refusal = in_turn(
        lambda session: withdraw(session, requests[1]),
        lambda session: bulk.change(session, wanted, by=None, now=NOW),
    )
    assert isinstance(refusal, Conflict)
    assert refusal.code == "bulk.other_total"
    with transaction() as session:
        statuses = [stored(session, each).status for each in requests]
    assert statuses == ["open", "withdrawn", "open"]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_call_while_an_answer_is_corrected_counts_when_it_comes_after_it(is_first: bool) -> None:
    """Before the correction it was logged without an effect: the refusal stood."""
    with transaction() as session:
        request = a_request(session, RequestStatus.DECLINED)
        said = [PracticeAnswer(placement_request_id=request.id, outcome="accepted")]
        call = CallRecorded(
            phone_call_id=new_id(), inquiry_id=request.inquiry_id, therapist_id=request.therapist_id,
            direction="outbound", result="reached", occurred_at=NOW, placement_request_ids=[request.id], answers=said,
        )  # fmt: skip
        event = happened(call, time=NOW)
    works = [
        lambda session: listeners.apply(session, [event], now=NOW),
        lambda session: correct(session, request.id),
    ]
    assert not isinstance(in_turn(*(works if is_first else works[::-1])), Exception)
    with transaction() as session:
        assert stored(session, request.id).status == ("contacted" if is_first else "accepted")


def test_who_is_blocked_while_a_correction_opens_their_request_again_is_not_asked() -> None:
    with transaction() as session:
        open_one = a_request(session, RequestStatus.OPEN)
        wrong = a_request(session, RequestStatus.ACCEPTED, patient_id=open_one.patient_id).id
        place(session, wrong)
    blocked = public_therapist(id=open_one.therapist_id, status="blocked")
    event = happened(TherapistBlocked(therapist=blocked), blocked.id, sequence=5)
    works = [lambda session: correct(session, wrong), lambda session: listeners.apply(session, [event], now=NOW)]
    assert not isinstance(in_turn(*works), Exception)
    with transaction() as session:
        assert stored(session, open_one.id).withdrawn_reason == "therapist_unavailable"


def approving(patient: UUID, therapist: UUID) -> Callable[[Session], Any]:
    wanted = ContactList(patient_id=patient, therapist_ids=[therapist])
    return lambda session: placement_requests.approve(
        session, TEXTS, wanted, rules=RULES, today=TODAY, by=None, now=NOW
    )


def test_a_therapist_is_asked_once_for_a_patient() -> None:
    with transaction() as session:
        patient, therapist = a_known_patient(session), a_known_therapist(session)
    refusal = in_turn(approving(patient, therapist), approving(patient, therapist))
    assert isinstance(refusal, Conflict)
    assert refusal.code == "placement_request.all_refused"
    assert refusal.errors[0].message.startswith("open request: ")


def test_nobody_is_asked_for_a_patient_whose_search_pauses_at_that_moment() -> None:
    with transaction() as session:
        patient, therapist = a_known_patient(session), a_known_therapist(session)
    refusal = in_turn(lambda session: patient_becomes(session, patient, "paused"), approving(patient, therapist))
    assert isinstance(refusal, Conflict)
    assert refusal.code == "patient.not_searching"


def test_an_acceptance_of_that_moment_is_not_taken_up_beside_a_place() -> None:
    with transaction() as session:
        one = a_request(session, RequestStatus.PLACED)
        other = a_request(session, RequestStatus.CONTACTED, patient_id=one.patient_id).id
    refusal = in_turn(lambda session: ACCEPTED(session, other), lambda session: place(session, other))
    assert isinstance(refusal, Conflict)
    assert refusal.code == "patient.placed_already"


def the_merge(merged: UUID, kept: UUID) -> Any:
    """A worker reads that two files were of one person, and how the kept one is since."""
    merge = PatientMerged(patient_id=merged, merged_into=kept, kept_sequence=2, status="searching")
    state = PatientStatusChanged(patient=public_patient(id=kept), previous_status="searching")
    events = [happened(merge, merged, sequence=9), happened(state, kept, sequence=2)]
    return lambda session: listeners.apply(session, events, now=NOW)


def test_an_answer_beside_a_merge_is_that_of_the_request_that_goes_on(app: Flask) -> None:
    """It waits for the merged patient, finds the request with another one, and begins anew."""
    therapist = committed(a_known_therapist)
    kept, other = committed(a_known_patient), committed(a_known_patient)
    asked = {"status": RequestStatus.CONTACTED, "therapist_id": therapist}
    mine, theirs = (committed(partial(a_request, **asked, patient_id=each)).id for each in (kept, other))
    url = f"/api/placement-requests/{theirs}/response"
    answer = while_uncommitted(
        the_merge(other, kept), lambda: app.test_client().post(url, json={"outcome": "accepted"})
    )
    assert (answer.status_code, answer.json["id"], answer.json["status"]) == (200, str(mine), "accepted")


def test_an_approval_beside_a_merge_is_refused_and_names_the_kept_one(app: Flask) -> None:
    therapist, kept, other = committed(a_known_therapist), committed(a_known_patient), committed(a_known_patient)
    body = {"patient_id": str(other), "therapist_ids": [str(therapist)]}
    answer = while_uncommitted(
        the_merge(other, kept), lambda: app.test_client().post("/api/placement-requests", json=body)
    )
    assert (answer.status_code, answer.json["merged_into"]["id"]) == (404, str(kept))
