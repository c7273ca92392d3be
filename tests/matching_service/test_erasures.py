"""A patient is erased: matching has nothing of them any more, asks nobody for them, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, inspect, select
from sqlalchemy.orm import Session

from matching_service.domain import states
from matching_service.store import queries
from matching_service.store.tables import AuditLogEntry, PatientCopy, PlacementRequest, Tables
from shared.database import new_id
from shared.database.tables import dead_letter_table
from shared.events.catalogue import (
    AddressGeocoded,
    PatientErased,
    PatientStatusChanged,
    PatientTherapistsExcluded,
    PatientUpdated,
)
from shared.events.event import Event
from shared.events.rebuild import _remove_stale_copies
from shared.runtime import clock
from shared.values.enums import RequestStatus
from tests.builders.events import happened
from tests.builders.matching import (
    a_known_patient,
    a_known_therapist,
    a_request,
    an_open_request,
    handle,
    public_patient,
    stored,
    types,
)
from tests.conftest import MONDAY
from tests.events import document, recorded

MINUTE = timedelta(minutes=1)
OF_REQUESTS = "/api/placement-requests"
POSITION = {"id", "sequence", "event_time", "written_at", "erased"}


def erased(patient_id: UUID, *, sequence: int = 9, minutes: int = 9, republished: bool = False) -> PatientErased:
    event = happened(PatientErased(patient_id=patient_id), sequence=sequence, time=MONDAY + minutes * MINUTE)
    return event.with_envelope(replace(event.envelope, republished=republished))


def copy_of(session: Session, patient_id: UUID) -> PatientCopy:
    return session.get_one(PatientCopy, patient_id, populate_existing=True)


def is_tombstone(session: Session, patient_id: UUID) -> bool:
    """Whether the copy is erased and is otherwise like one of somebody of whom nothing has arrived."""
    unknown = new_id()
    queries.lock_copies(session, PatientCopy, [unknown])
    one, other = (copy_of(session, each) for each in (patient_id, unknown))
    names = [each.name for each in inspect(PatientCopy).columns if each.name not in POSITION]
    return one.erased and [getattr(one, name) for name in names] == [getattr(other, name) for name in names]


@pytest.mark.parametrize("status", [each for each in RequestStatus if each != RequestStatus.FAILED])
def test_what_is_asked_for_them_is_withdrawn_and_what_is_over_stays(session: Session, status: RequestStatus) -> None:
    request = a_request(session, status)
    other = a_request(session, RequestStatus.OPEN)
    before = types(session, request.id)
    handle(session, erased(request.patient_id))
    after = stored(session, request.id)
    if status in states.WITHDRAWABLE:
        assert (after.status, after.withdrawn_reason) == ("withdrawn", "patient_erased")
        assert types(session, request.id) == [*before, "withdrawn"]
        (event,) = [each for each in recorded(session, request.id) if each["type"] == "matching.request_withdrawn"]
        assert event["data"]["reason"] == "patient_erased"
    else:
        assert (after.status, types(session, request.id)) == (status, before)
    assert stored(session, other.id).status == "open"
    assert is_tombstone(session, request.patient_id)


def test_it_is_confirmed_each_time_it_is_told(session: Session) -> None:
    """A patient service that was restored asks once more by publishing its states."""
    patient = a_known_patient(session)
    for number in (1, 2):
        handle(session, erased(patient), erased(patient, sequence=8 + number, republished=True))
        events = recorded(session, patient)
        assert [(each["type"], each["data"]) for each in events] == [
            ("matching.patient_erased", {"patient_id": str(patient)})
        ]
        assert events[0]["sequence"] == number


def test_somebody_of_whom_nothing_had_arrived_is_erased_too(session: Session) -> None:
    patient = public_patient()
    handle(session, erased(patient.id))
    handle(session, happened(PatientUpdated(patient=patient), sequence=1))
    assert is_tombstone(session, patient.id)


def test_nobody_can_be_asked_for_them(session: Session, client: FlaskClient) -> None:
    patient, therapist = a_known_patient(session), a_known_therapist(session)
    handle(session, erased(patient))
    session.commit()
    wanted = {"patient_id": str(patient), "therapist_ids": [str(therapist)]}
    assert client.post("/api/placement-requests", json=wanted).status_code == 404
    assert client.post("/api/matches", json={"patient_id": str(patient)}).status_code == 404


def test_notes_and_reasons_are_unreadable_and_counts_remain(session: Session, client: FlaskClient) -> None:
    request = an_open_request(session)
    session.commit()
    note = "Frau Geheim ruft zurück"
    client.patch(f"/api/placement-requests/{request.id}", json={"note": note})
    client.post(f"/api/placement-requests/{request.id}/response", json={"outcome": "declined_capacity", "note": note})
    entries = session.scalar(select(func.count()).select_from(AuditLogEntry))
    assert note in client.get(f"/api/placement-requests/{request.id}").text
    handle(session, erased(request.patient_id))
    session.commit()
    for path in ("", "/history"):
        assert note not in client.get(f"/api/placement-requests/{request.id}{path}").text
    assert session.scalar(select(func.count()).select_from(AuditLogEntry)) == entries
    # nor is one kept that is written later, by somebody who had the page open
    refused = client.patch(f"/api/placement-requests/{request.id}", json={"note": note})
    assert (refused.status_code, refused.json["code"]) == (409, "placement_request.patient_erased")
    session.expire_all()
    stored_note = session.get_one(PlacementRequest, request.id).note
    assert stored_note is None or note.encode() not in stored_note


TODAY = clock.today().isoformat()
CHANGES: dict[tuple[str, str], tuple[RequestStatus, dict[str, Any]]] = {
    ("PATCH", ""): (RequestStatus.PLACED, {"priority": 3}),
    ("POST", "/response"): (RequestStatus.OPEN, {"outcome": "accepted", "note": "a word"}),
    ("POST", "/place"): (RequestStatus.ACCEPTED, {}),
    ("POST", "/confirm"): (RequestStatus.PLACED, {"confirmed_on": TODAY}),
    ("POST", "/fail"): (RequestStatus.PLACED, {"failed_on": TODAY, "reason": "no_show"}),
    ("POST", "/correct"): (RequestStatus.DECLINED, {"outcome": None, "reason": "a mistake"}),
    ("POST", "/withdraw"): (RequestStatus.OPEN, {"reason": "other"}),
}
"""Every change of a placement request by people: how the request stands, and what they send."""


def test_nothing_more_is_recorded_of_their_requests(session: Session, client: FlaskClient) -> None:
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith(f"{OF_REQUESTS}/<")]
    verbs = {(verb, rule.rule.partition(">")[2]) for rule in rules for verb in rule.methods or ()}
    assert {each for each in verbs if each[0] not in ("GET", "HEAD", "OPTIONS")} == set(CHANGES)
    requests = {change: a_request(session, status).id for change, (status, _) in CHANGES.items()}
    for each in requests.values():
        handle(session, erased(stored(session, each).patient_id))
    session.commit()
    entries = session.scalar(select(func.count()).select_from(AuditLogEntry))
    before = {each: (stored(session, each).version, types(session, each)) for each in requests.values()}
    for (verb, path), request in requests.items():
        answer = client.open(f"{OF_REQUESTS}/{request}{path}", method=verb, json=CHANGES[verb, path][1])
        assert (answer.status_code, answer.json["code"]) == (409, "placement_request.patient_erased"), path
    ids = [str(each) for each in requests.values()]
    for change in ({"action": "priority", "priority": 3}, {"action": "withdraw", "reason": "other"}):
        many = client.post(f"{OF_REQUESTS}/bulk", json={"ids": ids, "expected_total": len(ids), **change})
        assert {each["problem"]["code"] for each in many.json["results"]} == {"placement_request.patient_erased"}
    assert {each: (stored(session, each).version, types(session, each)) for each in before} == before
    assert session.scalar(select(func.count()).select_from(AuditLogEntry)) == entries


KINDS = ("updated", "excluded", "status", "placed", "erased")
Drawn = tuple[str, int, int, bool]
DRAWN: st.SearchStrategy[Drawn] = st.tuples(
    st.sampled_from(KINDS), st.integers(1, 10**6), st.integers(-9, 99), st.booleans()
)
"""Anything that may come about a patient: its kind, sequence and time, and whether it is said to be republished."""
POLLS = st.lists(st.lists(DRAWN, min_size=1, max_size=4), max_size=3)


def event_of(patient_id: UUID, drawn: Drawn) -> Event:
    kind, sequence, minutes, republished = drawn
    patient = public_patient(id=patient_id, reference="P-7K3M-2Q")
    place = {"postal_code": "52062", "latitude": 50.77, "longitude": 6.08}
    made: dict[str, Event] = {
        "updated": PatientUpdated(patient=patient),
        "excluded": PatientTherapistsExcluded(patient=patient),
        "status": PatientStatusChanged(patient=patient, previous_status="open"),
        "placed": AddressGeocoded(owner_kind="patient", owner_id=patient_id, **place),
        "erased": PatientErased(patient_id=patient_id),
    }
    arrived = happened(made[kind], patient_id, sequence=sequence, time=MONDAY + minutes * MINUTE)
    return arrived.with_envelope(replace(arrived.envelope, republished=republished))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=POLLS, poll=st.lists(DRAWN, max_size=3), place=st.integers(0, 3), last=st.integers(1, 10**6), after=POLLS)
def test_no_order_of_events_brings_anybody_back(
    session: Session, before: list[list[Drawn]], poll: list[Drawn], place: int, last: int, after: list[list[Drawn]]
) -> None:
    """Older and newer ones, repeated, in one poll or in several, by a rebuild or from a dead letter."""
    patient_id = new_id()
    poll.insert(place, ("erased", last, 5, False))
    for each in (*before, poll):
        handle(session, *(event_of(patient_id, drawn) for drawn in each))
    assert is_tombstone(session, patient_id)
    for each in after:
        handle(session, *(event_of(patient_id, drawn) for drawn in each))
        assert is_tombstone(session, patient_id)


def test_a_rebuild_leaves_the_tombstones_of_which_kafka_knows_nothing(session: Session) -> None:
    patient, stray = a_known_patient(session), a_known_patient(session)
    handle(session, erased(patient))
    session.commit()
    assert _remove_stale_copies(Tables.metadata.tables["patients"], clock.now() + timedelta(days=1)) == 1
    assert is_tombstone(session, patient)
    assert session.scalar(select(func.count()).where(PatientCopy.id == stray)) == 0


def test_a_dead_letter_of_theirs_is_gone(session: Session) -> None:
    patient, other = a_known_patient(session), a_known_patient(session)
    for number, key in enumerate((patient, other)):
        row = {"id": new_id(), "topic": "patient.events", "partition": 0, "offset": number, "key": str(key).encode()}
        session.execute(insert(dead_letter_table).values(**row, value=b"x", reason="a mistake", traceback=""))
    handle(session, erased(patient))
    assert [bytes(key) for key in session.scalars(select(dead_letter_table.c.key))] == [str(other).encode()]


def test_a_dead_letter_that_came_late_and_is_replayed_brings_nobody_back(session: Session, client: FlaskClient) -> None:
    patient = a_known_patient(session)
    handle(session, erased(patient))
    late = happened(PatientUpdated(patient=public_patient(id=patient)), sequence=10**6)
    row = {"id": new_id(), "topic": "patient.events", "partition": 0, "offset": 0, "key": str(patient).encode()}
    value = document(late).encode()
    session.execute(insert(dead_letter_table).values(**row, value=value, reason="a mistake", traceback=""))
    session.commit()
    replayed = client.post(f"/api/dead-letters/{row['id']}/replay", json={"reason": "once more"})
    assert replayed.status_code == 200
    assert is_tombstone(session, patient)
