"""Requests whose therapist or patient moved: what does not fit any more is shown, and nothing is withdrawn."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from matching_service import jobs
from matching_service.domain import comparing, placement_requests
from matching_service.domain.schemas import ContactList, Override
from matching_service.store.tables import PatientCopy
from shared.events.catalogue import PatientUpdated, TherapistUpdated
from shared.values.enums import MatchCriterion, RequestStatus
from tests.builders.events import happened
from tests.builders.matching import (
    RULES,
    TEXTS,
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    north_of_aachen,
    public_patient,
    public_therapist,
    stored,
)
from tests.conftest import MONDAY
from tests.events import recorded


def moves(session: Session, therapist: UUID, kilometres: float, *, sequence: int) -> None:
    there = public_therapist(id=therapist, **north_of_aachen(kilometres))
    handle(session, happened(TherapistUpdated(therapist=there), sequence=sequence))


def compared(session: Session) -> int:
    session.flush()
    done = jobs.Comparing(RULES).compare_again(MONDAY)
    session.expire_all()
    return done


def test_a_practice_that_moves_away_is_shown_until_it_is_near_again(client: FlaskClient, session: Session) -> None:
    therapist = a_known_therapist(session, **north_of_aachen(1))
    asked = [a_request(session, RequestStatus(each), therapist_id=therapist) for each in ("open", "contacted")]
    over = a_request(session, RequestStatus.DECLINED, therapist_id=therapist)
    assert compared(session) == 2
    assert compared(session) == 0
    moves(session, therapist, 60, sequence=5)
    assert compared(session) == 2
    for each in asked:
        shown = client.get(f"/api/placement-requests/{each.id}").json
        assert (shown["unmet_criteria"], shown["status"]) == (["distance"], each.status)
    assert stored(session, over.id).unmet_criteria == []
    (unmet,) = client.get("/api/placement-requests?unmet_criteria=distance,gender&status=contacted").json["items"]
    assert unmet["id"] == str(asked[1].id)
    assert client.get("/api/placement-requests?unmet_criteria=gender").json["total"] == 0
    fitting = {
        each["id"]
        for each in client.get("/api/placement-requests?still_fits=true").json["items"]
        if not each["unmet_criteria"]
    }
    others = client.get("/api/placement-requests?still_fits=false").json["items"]
    assert {each["id"] for each in others}.isdisjoint(fitting)
    assert str(unmet["id"]) in {each["id"] for each in others}
    assert client.get("/api/placement-requests?unmet_criteria=any").status_code == 422
    events = len(recorded(session, asked[0].id))
    moves(session, therapist, 2, sequence=6)
    compared(session)
    (row, _) = client.get("/api/placement-requests?view=row&status=open,contacted").json["items"]
    assert row["unmet_criteria"] == []
    assert len(recorded(session, asked[0].id)) == events


def test_what_staff_set_aside_is_none_and_a_patient_may_change_too(session: Session) -> None:
    patient, far = a_known_patient(session), a_known_therapist(session, **north_of_aachen(60))
    override = Override(therapist_id=far, rule=MatchCriterion.DISTANCE, reason="wants to go there")
    wanted = ContactList(patient_id=patient, therapist_ids=[far], overrides=[override])
    (agreed,) = placement_requests.approve(
        session, TEXTS, wanted, rules=RULES, today=MONDAY.date(), by=None, now=MONDAY
    ).items
    other = an_open_request(session, therapist_id=a_known_therapist(session, gender="male"))
    compared(session)
    wishes = public_patient(id=other.patient_id, preferred_therapist_gender="female")
    handle(session, happened(PatientUpdated(patient=wishes), sequence=2))
    compared(session)
    assert stored(session, agreed.id).unmet_criteria == []
    assert stored(session, other.id).unmet_criteria == ["gender"]


def test_requests_of_a_patient_of_whom_nothing_is_known_any_more_are_compared_too(session: Session) -> None:
    """A merge that the other file's events announce before its own one is handled."""
    request = an_open_request(session)
    gone = {"status": None, "written_at": func.clock_timestamp() + timedelta(hours=1)}
    session.execute(update(PatientCopy).where(PatientCopy.id == request.patient_id).values(**gone))
    assert compared(session) == 1
    assert stored(session, request.id).unmet_criteria == []
    assert compared(session) == 0


def test_each_request_has_its_turn_whatever_becomes_of_those_before_it(session: Session) -> None:
    requests = sorted(an_open_request(session).id for _ in range(3))
    pages: list[UUID] = []
    after = jobs.BEFORE_ALL
    while page := comparing.next_requests(session, after=after, at_most=1):
        pages += page
        after = page[-1]
    assert pages == requests
