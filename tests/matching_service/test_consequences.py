"""What searches and therapists do to requests: in any order, also repeated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import answers, placement_requests
from matching_service.domain.schemas import ContactList, NewAnswer, NewPlace, Override, Withdrawal
from matching_service.store import queries
from matching_service.store.tables import TherapistCopy
from shared.database import new_id
from shared.errors import Conflict
from shared.events.catalogue import (
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
    TherapistBlocked,
    TherapistDeactivated,
    TherapistRemoved,
    TherapistUnblocked,
    TherapistUpdated,
)
from shared.values.datetimes import berlin_day
from shared.values.enums import MatchCriterion, RequestStatus
from shared.values.placement_enums import StaffWithdrawalReason
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    TEXTS,
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    patient_becomes,
    public_patient,
    public_therapist,
    stored,
    types,
)
from tests.conftest import MONDAY
from tests.events import recorded

HOUR = timedelta(hours=1)
BY_PATIENT = Withdrawal(reason=StaffWithdrawalReason.PATIENT_DECLINED)


def test_a_pause_holds_what_has_not_gone_out_and_resuming_releases_it(session: Session) -> None:
    patient = a_known_patient(session)
    statuses = ("open", "queued", "contacted", "deferred", "no_answer", "accepted")
    for status in statuses[:-1]:
        a_request(session, RequestStatus(status), patient_id=patient)
    requests = [a_request(session, RequestStatus(s), patient_id=patient).id for s in statuses[:-1]]
    patient_becomes(session, patient, "paused", sequence=2)
    holds = [stored(session, each).hold for each in requests]
    assert holds == ["search_paused", "search_paused", None, "search_paused", None]
    assert types(session, requests[0]) == ["approved", "held"]
    patient_becomes(session, patient, "searching", sequence=3)
    assert [stored(session, each).hold for each in requests] == [None] * 5
    assert types(session, requests[0]) == ["approved", "held", "released"]


def test_resuming_releases_nothing_that_an_acceptance_holds(session: Session) -> None:
    held = an_open_request(session)
    accepted = a_request(session, RequestStatus.ACCEPTED, patient_id=held.patient_id)
    patient_becomes(session, held.patient_id, "paused", sequence=2)
    patient_becomes(session, held.patient_id, "searching", sequence=3)
    assert stored(session, held.id).hold == "accepted_elsewhere"
    assert types(session, held.id) == ["approved", "held"]
    patient_becomes(session, held.patient_id, "paused", sequence=4)
    answers.withdraw(session, accepted.id, BY_PATIENT, by=None, now=MONDAY)
    assert stored(session, held.id).hold == "search_paused"


@pytest.mark.parametrize("status", ["search_aborted", "therapy_completed", "therapy_aborted", "open"])
def test_the_end_of_a_search_withdraws_everything(session: Session, status: str) -> None:
    patient = a_known_patient(session)
    live = ("open", "queued", "contacted", "deferred", "no_answer", "accepted")
    requests = [a_request(session, RequestStatus(s), patient_id=patient).id for s in live]
    declined = a_request(session, RequestStatus.DECLINED, patient_id=patient).id
    patient_becomes(session, patient, status)
    for each in requests:
        ended = stored(session, each)
        assert (ended.status, ended.withdrawn_reason, ended.hold) == ("withdrawn", "search_ended", None)
    assert stored(session, declined).status == "declined"
    count = len(recorded(session))
    patient_becomes(session, patient, status, sequence=3)
    assert len(recorded(session)) == count


def test_a_therapy_that_staff_noted_ends_the_search_and_leaves_the_acceptance(session: Session) -> None:
    patient = a_known_patient(session)
    contacted = a_request(session, RequestStatus.CONTACTED, patient_id=patient)
    accepted = a_request(session, RequestStatus.ACCEPTED, patient_id=patient)
    patient_becomes(session, patient, "in_therapy")
    assert stored(session, contacted.id).status == "withdrawn"
    assert stored(session, accepted.id).status == "accepted"


def test_an_old_status_that_comes_again_changes_nothing(session: Session) -> None:
    request = an_open_request(session)
    aborted = PatientStatusChanged(
        patient=public_patient(id=request.patient_id, status="search_aborted"), previous_status="searching"
    )
    patient_becomes(session, request.patient_id, "searching", sequence=5)
    handle(session, happened(aborted, request.patient_id, sequence=3))
    assert stored(session, request.id).status == "open"


def test_a_patient_whose_search_ends_before_anything_is_known_harms_nobody(session: Session) -> None:
    patient_becomes(session, new_id(), "search_aborted")
    assert recorded(session) == []


@pytest.mark.parametrize(("event", "status"), [(TherapistBlocked, "blocked"), (TherapistDeactivated, "inactive")])
def test_what_has_not_gone_out_to_a_lost_therapist_is_withdrawn(session: Session, event: Any, status: str) -> None:
    lost = public_therapist()
    handle(session, happened(TherapistUnblocked(therapist=lost), lost.id))
    by_status = {
        s: a_request(session, s, therapist_id=lost.id).id
        for s in RequestStatus
        if s not in (RequestStatus.FAILED, RequestStatus.WITHDRAWN)
    }
    gone = happened(event(therapist=lost.model_copy(update={"status": status})), lost.id, sequence=2)
    handle(session, gone)
    withdrawn = {s for s, each in by_status.items() if stored(session, each).status == "withdrawn"}
    assert withdrawn == {"open", "queued", "deferred"}
    assert stored(session, by_status[RequestStatus.OPEN]).withdrawn_reason == "therapist_unavailable"
    assert types(session, by_status[RequestStatus.OPEN]) == ["approved", "withdrawn"]
    count = len(recorded(session))
    handle(session, gone, happened(event(therapist=lost.model_copy(update={"status": status})), lost.id, sequence=2))
    assert len(recorded(session)) == count


def test_a_block_that_is_lifted_already_withdraws_nothing(session: Session) -> None:
    back = public_therapist()
    handle(session, happened(TherapistUnblocked(therapist=back), back.id, sequence=7))
    request = an_open_request(session, therapist_id=back.id)
    blocked = TherapistBlocked(therapist=back.model_copy(update={"status": "blocked"}))
    handle(session, happened(blocked, back.id, sequence=6))
    assert stored(session, request.id).status == "open"


def exclude(session: Session, patient: UUID, *therapists: UUID, sequence: int = 2) -> None:
    changed = public_patient(id=patient, status="searching", excluded_therapist_ids=list(therapists))
    handle(session, happened(PatientTherapistsExcluded(patient=changed), patient, sequence=sequence))


def test_what_has_not_gone_out_to_a_therapist_whom_the_patient_excludes_is_withdrawn(session: Session) -> None:
    """It may be somebody whom the patient knows, and who must not learn of the illness."""
    patient = a_known_patient(session)
    requests = {
        s: a_request(session, s, patient_id=patient)
        for s in (RequestStatus.OPEN, RequestStatus.QUEUED, RequestStatus.CONTACTED)
    }
    other = an_open_request(session, patient_id=patient)
    exclude(session, patient, *(each.therapist_id for each in requests.values()))
    after = {s: stored(session, each.id) for s, each in requests.items()}
    assert {s: each.status for s, each in after.items()} == {
        "open": "withdrawn",
        "queued": "withdrawn",
        "contacted": "contacted",
    }
    assert after[RequestStatus.OPEN].withdrawn_reason == "patient_declined"
    assert stored(session, other.id).status == "open"
    answers.reopen(session, after[RequestStatus.CONTACTED], now=MONDAY)
    assert stored(session, requests[RequestStatus.CONTACTED].id).status == "withdrawn"


def test_an_exclusion_that_staff_set_aside_withdraws_nothing(session: Session) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    exclude(session, patient, therapist)
    reason = Override(therapist_id=therapist, rule=MatchCriterion.PATIENT_EXCLUSION, reason="The patient asked for it.")
    wanted = ContactList(patient_id=patient, therapist_ids=[therapist], overrides=[reason])
    request = placement_requests.approve(
        session, TEXTS, wanted, rules=RULES, by=None, today=berlin_day(MONDAY), now=MONDAY
    ).items[0]
    exclude(session, patient, therapist, new_id(), sequence=3)
    assert stored(session, request.id).status == "open"


def test_another_patients_place_holds_nobody_and_ends_with_nobody_elses_search(session: Session) -> None:
    place = a_request(session, RequestStatus.ACCEPTED)
    answers.place(session, TEXTS, place.id, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY)
    other = an_open_request(session)
    assert other.hold is None
    patient_becomes(session, other.patient_id, "search_aborted")
    assert stored(session, place.id).status == "placed"


def followed(session: Session, place: UUID, patient: UUID, status: str, state: str, *, sequence: int) -> None:
    """The patient service says what became of a place."""
    published = public_patient(id=patient, status=status, placement_request_id=place, placement_state=state)
    before = "searching" if status == "in_therapy" else "in_therapy"
    event = PatientStatusChanged(patient=published, previous_status=before)
    handle(session, happened(event, patient, sequence=sequence, time=MONDAY + sequence * HOUR))


def a_place(session: Session) -> tuple[UUID, UUID, UUID]:
    """The ids of a placed request, its patient and its therapist."""
    request = a_request(session, RequestStatus.ACCEPTED)
    answers.place(session, TEXTS, request.id, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY)
    followed(session, request.id, request.patient_id, "in_therapy", "taken_up", sequence=2)
    assert stored(session, request.id).status == "placed"
    return request.id, request.patient_id, request.therapist_id


def test_a_place_that_failed_keeps_its_therapist_out_of_this_search_only(session: Session) -> None:
    place, patient, therapist = a_place(session)
    followed(session, place, patient, "searching", "failed", sequence=3)
    assert stored(session, place).status == "failed"
    with pytest.raises(Conflict) as refused:
        an_open_request(session, patient_id=patient, therapist_id=therapist)
    assert "failed in this search" in refused.value.errors[0].message
    assert an_open_request(session, patient_id=patient).hold is None
    new_search = public_patient(id=patient, search_started_on=berlin_day(MONDAY + timedelta(days=400)))
    handle(session, happened(PatientUpdated(patient=new_search), patient, sequence=9))
    assert an_open_request(session, patient_id=patient, therapist_id=therapist).status == "open"


def test_after_a_therapy_that_ended_the_same_therapist_may_be_asked_in_a_new_search(session: Session) -> None:
    place, patient, therapist = a_place(session)
    followed(session, place, patient, "therapy_completed", "ended", sequence=3)
    assert stored(session, place).status == "placed"
    patient_becomes(session, patient, "searching", sequence=5)
    assert an_open_request(session, patient_id=patient, therapist_id=therapist).hold is None


@pytest.mark.parametrize(
    ("minutes", "more", "before", "after", "ends"),
    [
        (1, {}, "in_therapy", "searching", True),
        (1, {}, "searching", "search_aborted", True),
        (-1, {}, "in_therapy", "searching", False),  # people went on before the place was recorded
        (1, {}, "searching", "in_therapy", False),
        (1, {"caused_by_place": new_id()}, "in_therapy", "searching", False),  # another place failed
    ],
)
def test_a_place_of_which_the_patient_service_never_learned_ends_when_people_go_on_without_it(
    session: Session, minutes: int, more: dict[str, Any], before: str, after: str, ends: bool
) -> None:
    request = a_request(session, RequestStatus.ACCEPTED)
    answers.place(session, TEXTS, request.id, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY + HOUR)
    published = public_patient(id=request.patient_id, status=after)
    step = PatientStatusChanged(patient=published, previous_status=before, **more)
    handle(session, happened(step, request.patient_id, sequence=2, time=MONDAY + HOUR + timedelta(minutes=minutes)))
    assert stored(session, request.id).status == ("failed" if ends else "placed")


def test_a_list_approved_before_the_patient_service_knows_of_the_place_is_held(session: Session) -> None:
    request = a_request(session, RequestStatus.ACCEPTED)
    answers.place(session, TEXTS, request.id, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY)
    between = an_open_request(session, patient_id=request.patient_id)
    assert (between.hold, between.waits_for) == ("accepted_elsewhere", "accepted_elsewhere")
    followed(session, request.id, request.patient_id, "in_therapy", "taken_up", sequence=2)
    assert stored(session, between.id).status == "withdrawn"


def test_what_an_ended_search_asked_is_over_also_where_the_next_search_began_before_that_was_handled(
    session: Session,
) -> None:
    request = an_open_request(session)
    steps = [("searching", "search_aborted"), ("search_aborted", "open"), ("open", "searching")]
    published = [
        happened(
            PatientStatusChanged(patient=public_patient(id=request.patient_id, status=after), previous_status=before),
            request.patient_id,
            sequence=number,
            time=MONDAY + HOUR,
        )
        for number, (before, after) in enumerate(steps, start=2)
    ]
    handle(session, *published)
    assert stored(session, request.id).status == "withdrawn"


def test_who_was_blocked_since_is_not_asked_again_after_a_call_that_did_not_come_to_it(session: Session) -> None:
    lost = public_therapist()
    handle(session, happened(TherapistUnblocked(therapist=lost), lost.id))
    request = a_request(session, RequestStatus.CONTACTED, therapist_id=lost.id)
    blocked = TherapistBlocked(therapist=lost.model_copy(update={"status": "blocked"}))
    handle(session, happened(blocked, lost.id, sequence=2))
    answers.reopen(session, stored(session, request.id), now=MONDAY)
    ended = stored(session, request.id)
    assert (ended.status, ended.withdrawn_reason) == ("withdrawn", "therapist_unavailable")


def test_what_is_approved_while_the_therapist_is_removed_is_withdrawn_in_any_order(session: Session) -> None:
    request = an_open_request(session)
    removed = TherapistRemoved(therapist_id=request.therapist_id)
    handle(session, happened(removed, sequence=3))
    late = TherapistUpdated(therapist=public_therapist(id=request.therapist_id))
    handle(session, happened(late, sequence=2), happened(removed, sequence=3))
    assert stored(session, request.id).withdrawn_reason == "therapist_unavailable"
    assert types(session, request.id) == ["approved", "withdrawn"]
    with pytest.raises(Conflict):
        an_open_request(session, patient_id=request.patient_id, therapist_id=request.therapist_id)
    inactive = TherapistDeactivated(therapist=public_therapist(id=request.therapist_id, status="inactive"))
    handle(session, happened(inactive, sequence=4), happened(removed, sequence=3))
    copy = session.get(TherapistCopy, request.therapist_id, populate_existing=True)
    assert copy is not None
    assert copy.status == "inactive"


def test_every_entry_of_the_log_says_from_which_one_it_followed(session: Session) -> None:
    """What was held, withdrawn or released leads back to the answer, the place or the withdrawal of another request."""
    patient = a_known_patient(session)
    held, accepted, other = (an_open_request(session, patient_id=patient).id for _ in range(3))
    answered(session, accepted, "accepted")
    answered(session, other, "accepted")
    answers.withdraw(session, other, BY_PATIENT, by=None, now=MONDAY + HOUR)
    answers.place(session, TEXTS, accepted, NewPlace(), today=berlin_day(MONDAY), by=None, now=MONDAY + HOUR)
    followed(session, accepted, patient, "in_therapy", "taken_up", sequence=2)
    assert causes(session, held, accepted, other) == {
        (held, "approved"): None,
        (accepted, "approved"): None,
        (other, "approved"): None,
        (accepted, "answered"): None,
        (held, "held"): (accepted, "answered"),
        (other, "held"): (accepted, "answered"),
        (other, "answered"): None,
        (other, "withdrawn"): None,
        (accepted, "placed"): (accepted, "answered"),
        (held, "withdrawn"): (accepted, "placed"),
    }


def test_what_comes_back_by_itself_leads_back_to_the_answer(session: Session) -> None:
    deferred = a_request(session, RequestStatus.DEFERRED).id
    later = MONDAY + timedelta(days=40)
    assert answers.reopen_deferred(session, today=berlin_day(later), now=later) == 1
    assert causes(session, deferred)[deferred, "reopened"] == (deferred, "answered")


def answered(session: Session, request: UUID, outcome: str) -> None:
    said = NewAnswer.from_json({"outcome": outcome})
    answers.respond(session, TEXTS, request, said, rules=RULES, by=None, now=MONDAY + HOUR)


def causes(session: Session, *requests: UUID) -> dict[tuple[UUID, str], tuple[UUID, str] | None]:
    """Of each entry of these requests which other one caused it, both as the request and what happened."""
    session.flush()
    entries = queries.audit_log_of(session, requests)
    names = {entry.id: (entry.placement_request_id, entry.what) for entry in entries}
    return {names[entry.id]: names[entry.caused_by] if entry.caused_by else None for entry in entries}
