"""A copy that is ahead of its source: noticed, and put right by what the source republishes; nothing late counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import text
from sqlalchemy.orm import Session

from matching_service.store.tables import TherapistCopy
from shared.database import copies, new_id
from shared.events.catalogue import AddressGeocoded, TherapistBlocked, TherapistUpdated
from shared.events.event import LARGEST_SEQUENCE, Event
from tests.builders.events import SomeEvent, happened
from tests.builders.matching import listeners, public_therapist
from tests.conftest import MONDAY

BOGUS = 10**6


def updated(
    id: UUID, sequence: int, minutes: float, *, city: str | None = None, republished: bool = False
) -> TherapistUpdated:
    """What the source, or somebody else, says of a therapist so many minutes after the beginning."""
    event = TherapistUpdated(therapist=public_therapist(id=id, city=city or f"after {sequence}"))
    happened(event, id, sequence=sequence, time=MONDAY + timedelta(minutes=minutes))
    return marked(event) if republished else event


def marked(event: SomeEvent) -> SomeEvent:
    return event.with_envelope(replace(event.envelope, republished=True))


def arrive(session: Session, *events: Event, now: datetime = MONDAY) -> None:
    listeners.apply(session, events, now=now)
    session.commit()


def city(session: Session, id: UUID) -> str | None:
    return session.get_one(TherapistCopy, id, populate_existing=True).city


def test_a_state_from_anybody_is_overruled_by_what_the_source_republishes(session: Session) -> None:
    id = new_id()
    arrive(session, updated(id, 1, 0))
    arrive(session, updated(id, BOGUS, 1, city="anywhere"))
    arrive(session, updated(id, 2, 2))
    assert city(session, id) == "anywhere"
    assert [(row.copies, row.id, row.known_sequence, row.event_sequence) for row in copies.list_ahead(session)] == [
        ("therapists.sequence", id, BOGUS, 2)
    ]
    arrive(session, updated(id, 3, 3, republished=True))
    assert city(session, id) == "after 3"
    assert copies.count_ahead(session) == 0
    arrive(session, updated(id, 4, 4))
    assert city(session, id) == "after 4"


@pytest.mark.parametrize("sequence", [4, 1000, BOGUS, LARGEST_SEQUENCE])
def test_any_sequence_is_overruled(session: Session, sequence: int) -> None:
    id = new_id()
    arrive(session, updated(id, 1, 0), updated(id, sequence, 0.5, city="anywhere"))
    arrive(session, updated(id, 3, 1, republished=True))
    assert city(session, id) == "after 3"


def test_within_one_poll_the_source_overrules_too_and_its_next_events_count(session: Session) -> None:
    id = new_id()
    arrive(session, updated(id, BOGUS, 0, city="anywhere"))
    arrive(session, updated(id, BOGUS + 1, 1, city="elsewhere"), updated(id, 2, 2, republished=True), updated(id, 3, 3))
    assert city(session, id) == "after 3"


def test_what_was_republished_before_does_not_overwrite_what_happened_since(session: Session) -> None:
    """The relay sends again, and a rebuild reads old events while the consumer is at the newest."""
    id, old = new_id(), new_id()
    republished = updated(id, 2, 2, republished=True)
    arrive(session, updated(id, 1, 0), republished, updated(id, 3, 3))
    arrive(session, republished)
    assert city(session, id) == "after 3"
    assert copies.count_ahead(session) == 0
    arrive(session, updated(old, 5, 5), updated(old, 4, 6))  # two requests at once: the second one had the earlier time
    arrive(session, updated(old, 4, 6))
    assert city(session, old) == "after 5"
    arrive(session, updated(old, 4, 5.5))
    assert copies.count_ahead(session) == 0


def test_a_source_that_was_restored_is_noticed_though_the_distance_is_small(session: Session) -> None:
    id = new_id()
    arrive(session, updated(id, 20, 0))
    arrive(session, updated(id, 16, 60))
    assert copies.count_ahead(session) == 1
    arrive(session, updated(id, 17, 61, republished=True))
    assert (city(session, id), copies.count_ahead(session)) == ("after 17", 0)


def test_a_place_from_anybody_is_overruled_too(session: Session) -> None:
    id = new_id()

    def place(sequence: int, minutes: int, latitude: float, **mark: bool) -> AddressGeocoded:
        event = AddressGeocoded(
            owner_kind="therapist", owner_id=id, street="Musterweg", house_number="1", postal_code="52062",
            city="Aachen", latitude=latitude, longitude=6.0,
        )  # fmt: skip
        happened(event, id, sequence=sequence, time=MONDAY + timedelta(minutes=minutes))
        return marked(event) if mark else event

    def latitude() -> float:
        known = session.get_one(TherapistCopy, id, populate_existing=True).geocoded_place
        assert known is not None
        return known.latitude

    arrive(session, place(1, 0, 50.7), place(BOGUS, 1, 50.9))
    arrive(session, place(2, 2, 50.8))
    assert (latitude(), copies.count_ahead(session)) == (50.9, 1)
    arrive(session, place(3, 3, 50.6, republished=True))
    assert (latitude(), copies.count_ahead(session)) == (50.6, 0)


def test_what_was_republished_before_does_not_hide_that_a_copy_is_ahead(session: Session) -> None:
    """A rebuild reads the old state again, or the relay sends it twice: the copy stays as wrong as it was."""
    id = new_id()
    republished = updated(id, 2, 2, republished=True)
    arrive(session, updated(id, 1, 0), republished)
    arrive(session, updated(id, BOGUS, 3, city="anywhere"))
    arrive(session, updated(id, 3, 5))
    assert copies.count_ahead(session) == 1
    arrive(session, republished)
    assert (city(session, id), copies.count_ahead(session)) == ("anywhere", 1)
    arrive(session, updated(id, 4, 6, republished=True), updated(id, 5, 7))
    assert (city(session, id), copies.count_ahead(session)) == ("after 5", 0)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    genuine=strategies.integers(1, 6),
    bogus=strategies.lists(
        strategies.tuples(strategies.integers(1, LARGEST_SEQUENCE), strategies.floats(0, 10)), max_size=4
    ),
    seed=strategies.integers(0, 2**32),
)
def test_whatever_came_before_in_whatever_order_the_source_has_the_last_word(
    session: Session, genuine: int, bogus: Sequence[tuple[int, float]], seed: int
) -> None:
    random, id = Random(seed), new_id()
    history = [updated(id, number, number) for number in range(1, genuine + 1)]
    before = history + [updated(id, sequence, minutes, city="anywhere") for sequence, minutes in bogus]
    before += random.choices(before, k=3)
    random.shuffle(before)
    for poll in split(random, before):
        arrive(session, *poll)
    last = updated(id, genuine + 1, 20, republished=True)
    late = random.choices(history, k=3)
    for poll in split(random, [last, *late, last]):
        arrive(session, *poll)
    assert city(session, id) == f"after {genuine + 1}"
    blocked = TherapistBlocked(therapist=public_therapist(id=id, city="after all", status="blocked"))
    arrive(session, happened(blocked, id, sequence=genuine + 2, time=MONDAY + timedelta(minutes=21)), *late)
    assert city(session, id) == "after all"
    session.execute(text("DELETE FROM therapists"))


def split(random: Random, events: Sequence[Event]) -> list[Sequence[Event]]:
    at = random.randint(0, len(events))
    return [poll for poll in (events[:at], events[at:]) if poll]
