"""The addresses that are published again when Kafka has lost them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from geocoding_service.domain import addresses
from geocoding_service.listeners import listeners
from shared.database import new_id
from shared.events.event import Event
from shared.events.republish import republish
from tests.builders.addresses import a_patient_changed, a_therapist_changed
from tests.conftest import MONDAY
from tests.events import recorded


def arrive(session: Session, *events: Event) -> None:
    listeners.apply(session, events, now=MONDAY)


def test_each_owners_latest_address_is_published_again(session: Session) -> None:
    therapist, patient = new_id(), new_id()
    arrive(session, a_therapist_changed(therapist), a_patient_changed(patient, postal_code="00001"))
    arrive(session, a_therapist_changed(therapist, sequence=2, postal_code="10115", city="Berlin"))
    assert republish(addresses.snapshots).states == 2
    for owner, sequence in ((therapist, 3), (patient, 2)):
        *_, before, again = recorded(session, owner)
        assert (again["type"], again["sequence"], again["data"]) == ("address.geocoded", sequence, before["data"])


def test_owners_who_are_published_again_change_no_address(session: Session) -> None:
    owner = new_id()
    arrive(session, a_therapist_changed(owner))
    arrive(session, a_therapist_changed(owner, sequence=2))
    assert len(recorded(session, owner)) == 1


def test_a_move_afterwards_comes_after_it(session: Session) -> None:
    owner = new_id()
    arrive(session, a_patient_changed(owner))
    republish(addresses.snapshots)
    arrive(session, a_patient_changed(owner, sequence=2, postal_code="10115"))
    published = recorded(session, owner)
    assert [(event["sequence"], event["data"]["postal_code"]) for event in published] == [
        (1, "52062"), (2, "52062"), (3, "10115"),
    ]  # fmt: skip
