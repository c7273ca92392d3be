"""Somebody whose two files became one is erased: whatever is heard first, nothing is left of either."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from matching_service.store.tables import PatientCopy
from shared.database import patient_keys
from shared.events.catalogue import PatientErased, PatientMerged, PatientUpdated
from shared.events.event import Event
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
)


def was_merged(patient: UUID, into: UUID) -> Event:
    ids = {"patient_id": patient, "merged_into": into}
    event = PatientMerged.model_validate({**ids, "kept_sequence": 2, "status": "searching"})
    return happened(event, patient, sequence=9)


def was_erased(patient: UUID, *, sequence: int = 10) -> Event:
    return happened(PatientErased(patient_id=patient), patient, sequence=sequence)


def copy_of(session: Session, patient: UUID) -> Any:
    session.expire_all()
    return session.get_one(PatientCopy, patient)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_nothing_is_asked_and_nothing_can_be_read(session: Session, order: tuple[int, ...], together: bool) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    patient_keys.add(session, {kept: b"key of the one", other: b"key of the other"})
    asked = [an_open_request(session, patient_id=each).id for each in (kept, other, other)]
    taken = a_request(session, RequestStatus.PLACED, patient_id=other).id
    events = [was_merged(other, kept), was_erased(other), was_erased(kept)]
    ordered = [events[place] for place in order]
    for poll in [ordered] if together else [[each] for each in ordered]:
        handle(session, *poll)
    assert {stored(session, each).status for each in asked} == {"withdrawn"}
    assert stored(session, taken).status == "placed"
    assert patient_keys.find(session, [kept, other]) == {kept: None, other: None}
    copies = [copy_of(session, each) for each in (kept, other)]
    assert [(each.erased, each.merged_into, each.status) for each in copies] == [(True, None, None)] * 2


def test_who_stood_for_somebody_and_was_erased_stands_for_nobody(session: Session, client: FlaskClient) -> None:
    kept, other, therapist = a_known_patient(session), a_known_patient(session), a_known_therapist(session)
    handle(session, was_merged(other, kept))
    session.commit()
    wanted = {"patient_id": str(other), "therapist_ids": [str(therapist)]}
    assert client.post("/api/placement-requests", json=wanted).json["merged_into"]["id"] == str(kept)
    handle(session, was_erased(kept))
    session.commit()
    refused = client.post("/api/placement-requests", json=wanted)
    assert (refused.status_code, "merged_into" in (refused.json or {})) == (404, False)


def test_neither_state_brings_back_what_the_other_emptied(session: Session) -> None:
    kept, other = a_known_patient(session), a_known_patient(session)
    handle(session, was_erased(other, sequence=3), was_merged(other, kept))
    assert (copy_of(session, other).erased, copy_of(session, other).merged_into) == (True, None)
    late = happened(PatientUpdated(patient=public_patient(id=other)), other, sequence=99)
    handle(session, late)
    assert (copy_of(session, other).erased, copy_of(session, other).reference) == (True, None)
