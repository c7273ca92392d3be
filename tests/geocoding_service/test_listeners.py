"""Addresses in events of patients and therapists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from geocoding_service.domain import geocoder_requests, offline_geocoding
from geocoding_service.domain.cleaning import Address
from geocoding_service.listeners import listeners
from geocoding_service.store.tables import LocatedAddress
from shared.database import new_id
from shared.events.catalogue import PatientMerged, TherapistRemoved
from shared.events.event import Event
from tests.builders.addresses import a_patient_changed, a_therapist_changed
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import recorded

SOME_ID = new_id()


def arrive(session: Session, *events: Event) -> None:
    listeners.apply(session, events, now=MONDAY)


def published(session: Session) -> list[dict[str, Any]]:
    return [event["data"] for event in recorded(session, SOME_ID)]


def test_a_new_therapists_address_is_looked_up_and_published(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    (event,) = recorded(session, SOME_ID)
    assert (event["type"], event["subject"], event["sequence"]) == ("address.geocoded", str(SOME_ID), 1)
    data = event["data"]
    assert (data["owner_kind"], data["owner_id"]) == ("therapist", str(SOME_ID))
    assert (data["street"], data["house_number"]) == ("Musterweg", "1")
    assert (data["postal_code"], data["city"]) == ("52062", "Aachen")
    assert data["latitude"] == pytest.approx(50.776, abs=0.02)
    assert data["longitude"] == pytest.approx(6.084, abs=0.02)
    assert (data["precision"], data["federal_state"], data["federal_states"]) == ("postal_code", "NW", ["NW"])
    assert "OpenStreetMap" in data["source"]


def test_an_address_near_a_border_may_be_in_several_federal_states(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID, street=None, postal_code="22113", city=None))
    (data,) = published(session)
    assert (data["federal_state"], data["federal_states"]) == (None, ["HH", "SH"])


def test_coordinates_of_the_therapists_own_do_not_spare_the_lookup(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID, latitude=50.7, longitude=6.1))
    assert published(session)[0]["federal_state"] == "NW"


def test_of_a_patient_only_the_postal_code_is_known(session: Session) -> None:
    arrive(session, a_patient_changed(SOME_ID))
    (data,) = published(session)
    assert (data["owner_kind"], data["postal_code"], data["city"]) == ("patient", "52062", None)
    assert data["latitude"] is not None


def test_a_change_of_something_else_is_no_event(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    arrive(session, a_therapist_changed(SOME_ID, sequence=2, phone="+49241123456"))
    assert len(published(session)) == 1
    assert session.get_one(LocatedAddress, SOME_ID).owner_sequence == 2


def test_a_move_is_published_with_the_whole_new_state(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    arrive(session, a_therapist_changed(SOME_ID, sequence=2, street=None, postal_code="10115", city="Berlin"))
    assert [event["sequence"] for event in recorded(session, SOME_ID)] == [1, 2]
    data = published(session)[1]
    assert (data["street"], data["house_number"], data["federal_state"]) == (None, "1", "BE")


def test_an_unknown_address_is_published_without_coordinates(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    arrive(session, a_therapist_changed(SOME_ID, sequence=2, postal_code="00001", city="Nirgendwo"))
    data = published(session)[1]
    assert data["postal_code"] == "00001"
    assert [data[f] for f in ("latitude", "longitude", "precision", "federal_state", "source")] == [None] * 5


@pytest.mark.parametrize("garbage", ["", "abc", "520621", "5206²", "🙂", "'; DROP TABLE located_addresses; --"])
def test_garbage_in_an_address_is_an_address_nobody_knows(session: Session, garbage: str) -> None:
    arrive(session, a_therapist_changed(SOME_ID, postal_code=garbage, city=garbage))
    assert published(session)[0]["latitude"] is None


def test_no_address_at_all_is_published_as_unknown(session: Session) -> None:
    arrive(session, a_patient_changed(SOME_ID, postal_code=None))
    assert published(session)[0]["latitude"] is None


def test_an_event_that_comes_twice_changes_nothing(session: Session) -> None:
    event = a_therapist_changed(SOME_ID)
    arrive(session, event, event)
    arrive(session, event)
    assert len(published(session)) == 1


def test_an_older_event_changes_nothing(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID, sequence=5, postal_code="10115", city="Berlin"))
    arrive(session, a_therapist_changed(SOME_ID, sequence=4))
    assert len(published(session)) == 1
    assert session.get_one(LocatedAddress, SOME_ID).postal_code == "10115"


def test_of_several_events_in_one_poll_the_newest_counts(session: Session) -> None:
    berlin = {"postal_code": "10115", "city": "Berlin"}
    arrive(session, a_therapist_changed(SOME_ID, sequence=2, **berlin), a_therapist_changed(SOME_ID, sequence=1))
    assert [data["postal_code"] for data in published(session)] == ["10115"]


def test_moving_away_and_back_are_two_changes(session: Session) -> None:
    arrive(session, a_patient_changed(SOME_ID, sequence=1))
    arrive(session, a_patient_changed(SOME_ID, sequence=2, postal_code="10115"))
    arrive(session, a_patient_changed(SOME_ID, sequence=3))
    assert [data["postal_code"] for data in published(session)] == ["52062", "10115", "52062"]


def test_every_owner_in_a_poll_is_published_separately(session: Session) -> None:
    ids = [new_id() for _ in range(3)]
    arrive(session, a_therapist_changed(ids[0]), a_patient_changed(ids[1]), a_therapist_changed(ids[2]))
    assert {event["subject"] for event in recorded(session)} == {str(each) for each in ids}
    assert [event["data"]["owner_kind"] for event in recorded(session, ids[1])] == ["patient"]


def test_after_a_crash_before_the_commit_the_events_are_handled_as_new(session: Session) -> None:
    event = a_therapist_changed(SOME_ID)
    crash = session.begin_nested()
    arrive(session, event)
    crash.rollback()
    assert published(session) == []
    arrive(session, event)
    assert len(published(session)) == 1


def test_a_better_table_is_published_with_the_owners_next_event(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(session, a_therapist_changed(SOME_ID, postal_code="00001", city=None))
    found = offline_geocoding.find(Address(postal_code="10115"))
    monkeypatch.setattr(geocoder_requests, "by_tables", lambda _: found)
    arrive(session, a_therapist_changed(SOME_ID, sequence=2, postal_code="00001", city=None))
    assert [data["federal_state"] for data in published(session)] == [None, "BE"]


def test_the_time_of_the_last_change_is_kept(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    later = MONDAY + timedelta(days=1)
    listeners.apply(session, [a_therapist_changed(SOME_ID, sequence=2)], now=later)
    assert session.get_one(LocatedAddress, SOME_ID).updated_at == MONDAY
    listeners.apply(session, [a_therapist_changed(SOME_ID, sequence=3, city="Köln")], now=later)
    session.expire_all()
    assert session.get_one(LocatedAddress, SOME_ID).updated_at == later


def test_nothing_is_kept_of_where_a_merged_patient_lived(session: Session) -> None:
    """Whatever comes first: a later state of the same patient is older than that they are no more."""
    merge = PatientMerged(patient_id=SOME_ID, merged_into=new_id(), kept_sequence=1, status="open")
    events = [
        a_patient_changed(SOME_ID),
        happened(merge, SOME_ID, sequence=3),
        a_patient_changed(SOME_ID, sequence=2, postal_code="10115"),
    ]
    for event in events:
        arrive(session, event)
    assert session.get_one(LocatedAddress, SOME_ID).postal_code is None
    data = published(session)[-1]
    assert (data["owner_id"], data["postal_code"], data["latitude"]) == (str(SOME_ID), None, None)


def test_of_a_therapist_who_was_removed_no_address_is_kept(session: Session) -> None:
    arrive(session, a_therapist_changed(SOME_ID))
    for _ in range(2):
        arrive(session, happened(TherapistRemoved(therapist_id=SOME_ID), sequence=2))
    known = session.get(LocatedAddress, SOME_ID, populate_existing=True)
    assert known is not None
    assert (known.owner_kind, known.postal_code, known.latitude) == ("therapist", None, None)
    assert [(each["city"], each["latitude"] is None) for each in published(session)] == [
        ("Aachen", False),
        (None, True),
    ]
