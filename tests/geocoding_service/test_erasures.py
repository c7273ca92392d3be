"""A patient is erased: where they lived is gone, and Kafka's last word about it says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.orm import Session

from geocoding_service.domain import addresses
from geocoding_service.listeners import listeners
from geocoding_service.store.queries import PUBLISHED
from geocoding_service.store.tables import LocatedAddress
from shared.database import new_id
from shared.events.catalogue import PatientErased
from shared.events.republish import republish
from tests.builders.addresses import a_patient_changed, a_therapist_changed
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import recorded


def handle(session: Session, *events: Any) -> None:
    listeners.apply(session, events, now=MONDAY)
    session.flush()
    session.expire_all()


def erased(patient_id: Any, sequence: int = 5) -> PatientErased:
    return happened(PatientErased(patient_id=patient_id), sequence=sequence)


def told(session: Session, patient_id: Any) -> list[tuple[str, int]]:
    return [(each["type"], each["sequence"]) for each in recorded(session, patient_id)]


def is_gone(session: Session, patient_id: Any) -> bool:
    row = session.get_one(LocatedAddress, patient_id, populate_existing=True)
    return row.erased and {getattr(row, name) for name in PUBLISHED} == {None}


def test_the_address_goes_and_its_last_state_says_so(session: Session) -> None:
    patient, other = new_id(), new_id()
    handle(session, a_patient_changed(patient), a_patient_changed(other), a_therapist_changed(new_id()))
    handle(session, erased(patient))
    assert is_gone(session, patient)
    # no state before it is published once more
    assert told(session, patient) == [("address.erased", 2)]
    assert told(session, other) == [("address.geocoded", 1)]
    (event,) = recorded(session, patient)
    assert event["data"] == {"owner_kind": "patient", "owner_id": str(patient)}


def test_it_is_confirmed_of_somebody_who_was_never_here_and_each_time(session: Session) -> None:
    patient = new_id()
    handle(session, erased(patient))
    assert told(session, patient) == [("address.erased", 1)]
    handle(session, erased(patient))
    assert told(session, patient) == [("address.erased", 2)]
    assert is_gone(session, patient)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("in_one_poll", [True, False])
def test_no_order_of_events_brings_it_back(session: Session, order: tuple[int, ...], in_one_poll: bool) -> None:
    patient = new_id()
    late = a_patient_changed(patient, sequence=10**6)
    late = late.with_envelope(replace(late.envelope, republished=True, time=MONDAY + timedelta(days=9)))
    events = [a_patient_changed(patient, sequence=4), erased(patient), late]
    polls = [[events[each] for each in order]] if in_one_poll else [[events[each]] for each in order]
    for poll in polls:
        handle(session, *poll)
    assert is_gone(session, patient)
    assert told(session, patient)[-1][0] == "address.erased"


def test_republishing_says_of_the_erased_that_they_were(session: Session) -> None:
    patient, other = new_id(), new_id()
    handle(session, a_patient_changed(patient), a_patient_changed(other))
    handle(session, erased(patient))
    session.commit()
    republish(addresses.snapshots)
    assert told(session, patient)[-1] == ("address.erased", 3)
    assert told(session, other)[-1] == ("address.geocoded", 2)
