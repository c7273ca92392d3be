"""Two files of one person became one elsewhere: their requests are the kept one's, in whatever order that is heard."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.domain import answers
from matching_service.domain.schemas import NewAnswer
from matching_service.store import queries
from matching_service.store.tables import PatientCopy, PlacementRequest
from shared.database import new_id, patient_keys
from shared.events.catalogue import (
    CallRecorded,
    EmailAnswered,
    PatientMerged,
    PatientStatusChanged,
    PatientUpdated,
    PracticeAnswer,
)
from shared.events.event import Event
from shared.values.enums import RequestOutcome, RequestStatus
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    TEXTS,
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    public_patient,
    stored,
)
from tests.conftest import MONDAY
from tests.events import recorded
from tests.selection import mostly_slow, params_of_pairs

LATER = MONDAY + timedelta(hours=1)
LIVE = ("open", "queued", "contacted", "no_answer", "deferred", "accepted", "placed")
"""From the one that has come least far to the one that has come farthest."""


def was_merged(patient: UUID, into: UUID, *, sequence: int = 9, kept_sequence: int = 2, **more: Any) -> Event:
    ids = {"patient_id": patient, "merged_into": into}
    event = PatientMerged.model_validate({**ids, "kept_sequence": kept_sequence, "status": "searching", **more})
    return happened(event, patient, sequence=sequence, time=LATER)


def kept_is(patient: UUID, *, sequence: int = 2, before: str = "searching", **fields: Any) -> Event:
    """How the kept one is since, which the same transaction published."""
    event = PatientStatusChanged(patient=public_patient(id=patient, **fields), previous_status=before)
    return happened(event, patient, sequence=sequence, time=LATER)


def the_copy(session: Session, patient: UUID) -> PatientCopy:
    session.expire_all()
    copy = session.get(PatientCopy, patient)
    assert copy is not None
    return copy


def requests_of(session: Session, patient: UUID) -> dict[str, PlacementRequest]:
    session.flush()
    return {str(each.id): each for each in queries.lock_requests_of_patient(session, patient)}


def test_all_requests_of_the_merged_one_are_the_kept_ones(session: Session) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    made = [a_request(session, RequestStatus(each), patient_id=other).id for each in (*LIVE[:-1], "declined")]
    handle(session, was_merged(other, kept), kept_is(kept))
    assert requests_of(session, kept).keys() == set(map(str, made))
    assert requests_of(session, other) == {}
    assert stored(session, made[0]).hold == "accepted_elsewhere"
    said = recorded(session, made[-1])[-1]
    assert (said["type"], said["data"]["patient_id"]) == ("matching.request_updated", str(kept))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_copy_of_the_merged_one_is_empty_whatever_is_read_first(session: Session, order: tuple[int, ...]) -> None:
    kept, other = a_known_patient(session), new_id()
    before = happened(PatientUpdated(patient=public_patient(id=other)), other, sequence=3)
    late = happened(PatientUpdated(patient=public_patient(id=other)), other, sequence=8)
    events = [before, was_merged(other, kept), late]
    for place in order:
        handle(session, events[place])
    copy = the_copy(session, other)
    assert (copy.merged_into, copy.sequence) == (kept, 9)
    assert (copy.status, copy.reference, copy.max_distance_km, copy.availability) == (None, None, None, None)
    assert the_copy(session, kept).status == "searching"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kept_first", [True, False])
@pytest.mark.parametrize("status", ["open", "search_aborted"])
def test_a_search_that_the_kept_one_takes_over_goes_on_whatever_is_read_first(
    session: Session, together: bool, kept_first: bool, status: str
) -> None:
    """The kept one's copy is of before the merge for a while: nothing of the other may end because of that."""
    kept, other = a_known_patient(session, status=status), a_known_patient(session)
    request = an_open_request(session, patient_id=other)
    events = [was_merged(other, kept), kept_is(kept, before=status)]
    for poll in [events] if together else [[each] for each in (reversed(events) if kept_first else events)]:
        handle(session, *poll)
    goes_on = stored(session, request.id)
    assert (goes_on.status, goes_on.patient_id) == ("open", kept)


@pytest.mark.parametrize("kept_first", [True, False])
def test_what_follows_for_the_kept_one_follows_for_the_others_requests(session: Session, kept_first: bool) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    held, excluded = (an_open_request(session, patient_id=other) for _ in range(2))
    events = [
        was_merged(other, kept),
        kept_is(kept, status="paused", excluded_therapist_ids=[excluded.therapist_id]),
    ]
    for each in reversed(events) if kept_first else events:
        handle(session, each)
    assert stored(session, held.id).hold == "search_paused"
    assert stored(session, excluded.id).withdrawn_reason == "patient_declined"


@pytest.mark.parametrize(("one", "two"), mostly_slow(params_of_pairs(LIVE), every=5))
def test_of_two_live_requests_to_one_therapist_the_further_one_stays(session: Session, one: str, two: str) -> None:
    therapist = a_known_therapist(session)
    kept, other = a_known_patient(session), a_known_patient(session)
    mine = a_request(session, RequestStatus(one), patient_id=kept, therapist_id=therapist).id
    theirs = a_request(session, RequestStatus(two), patient_id=other, therapist_id=therapist).id
    handle(session, kept_is(kept), was_merged(other, kept))
    goes_on, ended = (mine, theirs) if LIVE.index(one) >= LIVE.index(two) else (theirs, mine)
    assert stored(session, goes_on).status == max(one, two, key=LIVE.index)
    assert stored(session, goes_on).patient_id == stored(session, ended).patient_id == kept
    over = stored(session, ended)
    assert over.merged_into == goes_on
    if "placed" in (one if ended == mine else two):
        assert over.place_ended_at is not None
    else:
        assert (over.status, over.withdrawn_reason) == ("withdrawn", "patient_merged")


def test_a_practice_that_has_refused_the_person_is_not_asked(session: Session) -> None:
    therapist = a_known_therapist(session)
    kept, other = a_known_patient(session), a_known_patient(session)
    a_request(session, RequestStatus.DECLINED, patient_id=other, therapist_id=therapist)
    asked = an_open_request(session, patient_id=kept, therapist_id=therapist)
    handle(session, kept_is(kept), was_merged(other, kept))
    assert stored(session, asked.id).withdrawn_reason == "patient_merged"


@pytest.mark.parametrize(("state", "status"), [("failed", "failed"), ("ended", "placed")])
def test_what_became_of_the_merged_ones_place_is_known_from_the_last_state(
    session: Session, state: str, status: str
) -> None:
    """The event that said so may be in the same poll, where the copy is empty already, or compacted away."""
    kept, other = a_known_patient(session), a_known_patient(session)
    place = a_request(session, RequestStatus.PLACED, patient_id=other).id
    ended = "searching" if state == "failed" else "therapy_completed"
    last = {"status": ended, "placement_request_id": place, "placement_state": state}
    handle(session, kept_is(kept), was_merged(other, kept, **last))
    request = stored(session, place)
    assert (request.status, request.place_ended_at is None) == (status, state == "failed")


def test_what_the_merged_ones_search_had_ended_does_not_come_back(session: Session) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    request = an_open_request(session, patient_id=other)
    ended = PatientStatusChanged(patient=public_patient(id=other, status="search_aborted"), previous_status="searching")
    handle(
        session,
        happened(ended, other, sequence=8, time=LATER),
        was_merged(other, kept, status="search_aborted"),
        kept_is(kept),
    )
    assert stored(session, request.id).withdrawn_reason == "search_ended"


# Answers that come late


def an_answer(kind: str, request: UUID, outcome: str) -> Event:
    said = [PracticeAnswer(placement_request_id=request, outcome=outcome)]
    at = LATER + timedelta(hours=1)
    if kind == "email":
        event: Event = EmailAnswered(email_id=new_id(), therapist_id=new_id(), occurred_at=at, answers=said)
    else:
        event = CallRecorded(
            phone_call_id=new_id(),
            therapist_id=new_id(),
            direction="inbound",
            result="reached",
            occurred_at=at,
            placement_request_ids=[request],
            answers=said,
        )
    return happened(event, time=at)


@pytest.mark.parametrize("kind", ["email", "call"])
@pytest.mark.parametrize("merged_before", [True, False])
def test_an_answer_to_the_merged_ones_letter_is_the_persons(session: Session, kind: str, merged_before: bool) -> None:
    """Two letters lie with the practice, and it may answer either."""
    therapist = a_known_therapist(session)
    kept, other = a_known_patient(session), a_known_patient(session)
    mine = a_request(session, RequestStatus.CONTACTED, patient_id=kept, therapist_id=therapist).id
    theirs = a_request(session, RequestStatus.CONTACTED, patient_id=other, therapist_id=therapist).id
    events = [[kept_is(kept), was_merged(other, kept)], [an_answer(kind, theirs, "accepted")]]
    for poll in events if merged_before else reversed(events):
        handle(session, *poll, now=LATER + timedelta(hours=2))
    (goes_on,) = (each for id in (mine, theirs) if (each := stored(session, id)).merged_into is None)
    assert (goes_on.status, goes_on.patient_id) == ("accepted", kept)


def test_staff_may_record_the_answer_for_either(client: FlaskClient, session: Session) -> None:
    therapist = a_known_therapist(session)
    kept, other = a_known_patient(session), a_known_patient(session)
    mine = a_request(session, RequestStatus.CONTACTED, patient_id=kept, therapist_id=therapist).id
    theirs = a_request(session, RequestStatus.CONTACTED, patient_id=other, therapist_id=therapist).id
    handle(session, kept_is(kept), was_merged(other, kept))
    shown = answers.respond(
        session, TEXTS, theirs, NewAnswer(outcome=RequestOutcome.ACCEPTED), rules=RULES, by=None, now=LATER
    )
    assert (shown.id, shown.status) == (mine, "accepted")
    assert client.get(f"/api/placement-requests/{theirs}").json["merged_into"] == str(mine)


def test_a_call_about_both_takes_what_was_said_of_the_one_that_goes_on(session: Session) -> None:
    therapist = a_known_therapist(session)
    kept, other = a_known_patient(session), a_known_patient(session)
    mine = a_request(session, RequestStatus.CONTACTED, patient_id=kept, therapist_id=therapist).id
    theirs = a_request(session, RequestStatus.CONTACTED, patient_id=other, therapist_id=therapist).id
    handle(session, kept_is(kept), was_merged(other, kept))
    said = [
        PracticeAnswer(placement_request_id=mine, outcome="accepted"),
        PracticeAnswer(placement_request_id=theirs, outcome="declined_other"),
    ]
    event = EmailAnswered(email_id=new_id(), therapist_id=therapist, occurred_at=LATER, answers=said)
    handle(session, happened(event, time=LATER + timedelta(hours=1)), now=LATER + timedelta(hours=2))
    assert stored(session, mine).status == "accepted"


def test_what_was_written_about_the_merged_one_is_read_with_the_kept_ones_requests(
    client: FlaskClient, session: Session
) -> None:
    """It is encrypted with a key of the merged patient, which is destroyed with the kept one's."""
    kept, other = a_known_patient(session), a_known_patient(session)
    request = an_open_request(session, patient_id=other)
    url = f"/api/placement-requests/{request.id}"
    assert client.patch(url, json={"note": "bitte bald"}).status_code == 200
    handle(session, kept_is(kept), was_merged(other, kept))
    assert client.get(url).json["note"] == "bitte bald"
    patient_keys.destroy(session, kept)
    assert "bitte bald" not in client.get(url).text


# Several merges, and false ones


# events of one patient, such as the first two, come in order
@pytest.mark.parametrize("order", [each for each in permutations(range(4)) if each.index(0) < each.index(1)])
def test_a_merge_of_a_merged_one_ends_with_the_last_whatever_is_read_first(
    session: Session, order: tuple[int, ...]
) -> None:
    """First into second, second into third: the first one's events are in order, the others' are not."""
    first, second, third = (a_known_patient(session) for _ in range(3))
    requests = [an_open_request(session, patient_id=each).id for each in (first, second, third)]
    events = [
        was_merged(first, second, sequence=9),
        was_merged(first, third, sequence=10, kept_sequence=2),
        was_merged(second, third, sequence=9, kept_sequence=2),
        kept_is(third),
    ]
    for place in order:
        handle(session, events[place])
    assert {stored(session, each).patient_id for each in requests} == {third}
    assert {stored(session, each).status for each in requests} == {"open"}


def test_false_merges_in_a_circle_stop_nothing(session: Session) -> None:
    one, two = a_known_patient(session), a_known_patient(session)
    request = an_open_request(session, patient_id=one)
    handle(session, was_merged(one, two))
    handle(session, was_merged(two, one))
    handle(session, was_merged(one, two, sequence=10))
    assert stored(session, request.id).patient_id in (one, two)


def test_a_merge_of_people_who_are_not_known_here_changes_nothing_else(session: Session) -> None:
    one, two = uuid4(), uuid4()
    handle(session, was_merged(one, two))
    assert the_copy(session, one).merged_into == two
    assert recorded(session) == []


def test_a_repeated_merge_changes_nothing(session: Session) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    an_open_request(session, patient_id=other)
    handle(session, kept_is(kept), was_merged(other, kept))
    before = len(recorded(session))
    handle(session, was_merged(other, kept), was_merged(other, kept, sequence=10))
    assert len(recorded(session)) == before


# What staff ask of the merged one


def test_the_merged_ones_requests_are_found_by_either_id(client: FlaskClient, session: Session) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    request = an_open_request(session, patient_id=other)
    handle(session, kept_is(kept), was_merged(other, kept))
    for id in (kept, other):
        found = client.get("/api/placement-requests", query_string={"patient_id": str(id)}).json["items"]
        assert [each["id"] for each in found] == [str(request.id)]


@pytest.mark.parametrize("path", ["/api/matches", "/api/placement-requests"])
def test_nobody_is_asked_for_the_merged_one_and_the_kept_one_is_named(
    client: FlaskClient, session: Session, path: str
) -> None:
    kept, other = a_known_patient(session, reference="P-7K3M-2Q"), a_known_patient(session)
    handle(session, kept_is(kept), was_merged(other, kept))
    body = {"patient_id": str(other)}
    if path != "/api/matches":
        body |= {"therapist_ids": [str(a_known_therapist(session))]}  # type: ignore[dict-item]
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json["code"]) == (404, "patient.not_found")
    assert answer.json["merged_into"] == {"id": str(kept), "reference": "P-7K3M-2Q"}
