"""Two entries of one therapist became one elsewhere: requests to the merged one are requests to the kept one."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import answers, matches
from matching_service.domain.match_schemas import MatchQuestion
from matching_service.domain.schemas import NewAnswer
from matching_service.store.tables import TherapistCopy
from shared.database import new_id
from shared.errors import Conflict
from shared.events.catalogue import PatientUpdated, TherapistBlocked, TherapistMerged, TherapistUpdated
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
    public_therapist,
    stored,
)
from tests.conftest import MONDAY
from tests.events import recorded

LATER = MONDAY + timedelta(hours=1)


def was_merged(therapist: UUID, into: UUID, *, sequence: int = 9) -> Event:
    return happened(TherapistMerged(therapist_id=therapist, merged_into=into), sequence=sequence, time=LATER)


def test_open_requests_to_both_become_one_and_the_others_follow(session: Session) -> None:
    kept, other = a_known_therapist(session), a_known_therapist(session)
    twice, once = a_known_patient(session), a_known_patient(session)
    near = a_request(session, RequestStatus.OPEN, patient_id=twice, therapist_id=kept)
    far = a_request(session, RequestStatus.CONTACTED, patient_id=twice, therapist_id=other)
    alone = a_request(session, RequestStatus.OPEN, patient_id=once, therapist_id=other)
    over = a_request(session, RequestStatus.DECLINED, therapist_id=other)
    for _ in range(2):
        handle(session, was_merged(other, kept))
    ended = stored(session, near.id)
    assert (ended.status, ended.withdrawn_reason, ended.merged_into) == ("withdrawn", "therapist_merged", far.id)
    assert {stored(session, each.id).therapist_id for each in (near, far, alone, over)} == {kept}
    assert [stored(session, each.id).status for each in (far, alone, over)] == ["contacted", "open", "declined"]
    (said,) = (each for each in recorded(session, alone.id) if each["type"] == "matching.request_updated")
    assert said["data"]["therapist_id"] == str(kept)
    answer = NewAnswer.from_json({"outcome": RequestOutcome.ACCEPTED})
    taken = answers.respond(session, TEXTS, near.id, answer, rules=RULES, by=None, now=LATER)
    assert (taken.id, taken.status) == (far.id, "accepted")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_late_states_of_the_merged_one_bring_nobody_back(session: Session, order: tuple[int, ...]) -> None:
    kept, other = a_known_therapist(session), new_id()
    events = [
        happened(TherapistUpdated(therapist=public_therapist(id=other)), sequence=3),
        was_merged(other, kept),
        happened(TherapistBlocked(therapist=public_therapist(id=other, status="blocked")), sequence=8),
    ]
    for place in order:
        handle(session, events[place])
    session.expire_all()
    copy = session.get(TherapistCopy, other)
    assert copy is not None
    assert (copy.merged_into, copy.status, copy.sequence) == (kept, None, 9)
    with pytest.raises(Conflict):
        an_open_request(session, therapist_id=other)


def test_whoever_is_merged_twice_and_what_was_refused_or_excluded_counts_for_the_last(session: Session) -> None:
    first, second, last = (a_known_therapist(session) for _ in range(3))
    refused = a_request(session, RequestStatus.DECLINED, therapist_id=first)
    again = an_open_request(session, patient_id=refused.patient_id, therapist_id=last)
    excluding = an_open_request(session, therapist_id=last)
    excluded = public_patient(id=excluding.patient_id, excluded_therapist_ids=[second])
    handle(session, happened(PatientUpdated(patient=excluded), sequence=2))
    moved = an_open_request(session, patient_id=refused.patient_id, therapist_id=second)
    handle(session, was_merged(second, last), was_merged(first, second))
    assert {stored(session, each.id).therapist_id for each in (refused, again, excluding, moved)} == {last}
    assert stored(session, again.id).withdrawn_reason == "therapist_merged"
    assert stored(session, excluding.id).withdrawn_reason == "patient_declined"
    question = MatchQuestion.from_json({"patient_id": str(excluding.patient_id)})
    assert last not in {
        each.therapist_id for each in matches.find(session, question, rules=RULES, today=MONDAY.date()).candidates
    }


def test_what_has_not_gone_out_to_one_who_turns_out_blocked_is_withdrawn(session: Session) -> None:
    kept, other = a_known_therapist(session), a_known_therapist(session)
    handle(session, happened(TherapistBlocked(therapist=public_therapist(id=kept, status="blocked")), sequence=2))
    waiting = an_open_request(session, therapist_id=other)
    gone_out = a_request(session, RequestStatus.CONTACTED, therapist_id=other)
    handle(session, was_merged(other, kept))
    assert stored(session, waiting.id).withdrawn_reason == "therapist_unavailable"
    assert stored(session, gone_out.id).status == "contacted"
