"""An owner's event from anybody does not keep geocoding from what the owner's service says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from geocoding_service.listeners import listeners
from geocoding_service.store.tables import LocatedAddress
from shared.database import copies, new_id
from shared.events.catalogue import TherapistUpdated
from tests.builders.addresses import a_therapist_changed
from tests.conftest import MONDAY
from tests.events import recorded

BOGUS = 10**9


def test_what_the_source_republishes_is_looked_up_again_and_published_once(session: Session) -> None:
    id = new_id()

    def updated(sequence: int, minutes: int, *, republished: bool = False, **fields: str) -> TherapistUpdated:
        event = a_therapist_changed(id, sequence=sequence, **fields)
        time = MONDAY + timedelta(minutes=minutes)
        return event.with_envelope(replace(event.envelope, time=time, republished=republished))

    def arrive(event: TherapistUpdated) -> LocatedAddress:
        listeners.apply(session, [event], now=MONDAY)
        session.commit()
        return session.get_one(LocatedAddress, id, populate_existing=True)

    arrive(updated(1, 0))
    assert arrive(updated(BOGUS, 1, postal_code="10115", city="Berlin")).city == "Berlin"
    assert arrive(updated(2, 2, postal_code="50667", city="Köln")).city == "Berlin"
    assert copies.count_ahead(session) == 1
    known = arrive(updated(3, 3, republished=True, postal_code="50667", city="Köln"))
    assert (known.city, known.owner_sequence, known.sequence) == ("Köln", 3, 3)
    assert copies.count_ahead(session) == 0
    # the same address again, past another one from anybody: nothing more is published of it
    arrive(updated(BOGUS, 4, postal_code="50667", city="Köln"))
    assert arrive(updated(5, 5, republished=True, postal_code="50667", city="Köln")).owner_sequence == 5
    assert [event["sequence"] for event in recorded(session, id)] == [1, 2, 3]
