"""The columns that PostgreSQL computes of a therapist: what the judge compares, and where the practice is."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from matching_service.store import traits
from matching_service.store.nearness import box, on_sphere
from matching_service.store.tables import TherapistCopy
from shared.values.enums import Accreditation, AgeGroup, ContactPreference, Gender, Procedure, TherapySetting
from shared.values.identifiers import BLOCKS
from shared.values.places import Place, distance_km
from tests.builders.matching import a_known_therapist, publish_place

BARE: dict[str, Any] = {
    "status": "inactive",
    "accreditation": "unknown",
    "gender": "unknown",
    "procedures": [],
    "age_groups": [],
    "settings": [],
}
OF_BARE = traits.bit("accreditation", Accreditation.UNKNOWN) + traits.bit("gender", Gender.UNKNOWN)


def a_list(column: str, word: str) -> tuple[dict[str, Any], int]:
    return {column: [word]}, OF_BARE + traits.bit(column, word) + traits.bit(column)


CASES: list[tuple[dict[str, Any], int]] = [
    ({}, OF_BARE),
    ({"status": "active"}, OF_BARE + traits.bit("status", "active")),
    ({"contact_preference": "none"}, OF_BARE + traits.bit("contact_preference", ContactPreference.NONE)),
    ({"potentially_available": True}, OF_BARE + traits.bit("potentially_available")),
    *(
        ({"accreditation": each}, traits.bit("accreditation", each) + traits.bit("gender", Gender.UNKNOWN))
        for each in Accreditation
    ),
    *(
        ({"gender": each}, traits.bit("gender", each) + traits.bit("accreditation", Accreditation.UNKNOWN))
        for each in Gender
    ),
    *(a_list("procedures", each) for each in Procedure),
    *(a_list("age_groups", each) for each in AgeGroup),
    *(a_list("settings", each) for each in TherapySetting),
    *(({"preferences": {"diagnoses": [each]}}, OF_BARE + traits.bit("preferred_diagnoses", each)) for each in BLOCKS),
]


def test_each_word_has_the_bit_that_the_judge_looks_for(session: Session) -> None:
    expected = {a_known_therapist(session, **BARE | fields): bits for fields, bits in CASES}
    found = session.execute(select(TherapistCopy.id, TherapistCopy.traits)).all()
    assert {row.id: row.traits for row in found} == expected


def test_a_word_that_is_none_of_ours_has_no_bit() -> None:
    assert traits.bits("procedures", ["VT", "VT", "magic"]) == traits.bit("procedures", "VT")


def test_the_place_of_an_address_is_on_the_sphere_and_in_its_band(session: Session) -> None:
    nowhere: dict[str, Any] = {"latitude": None, "longitude": None}
    therapist = a_known_therapist(session, **nowhere)
    assert position(session, therapist) == (None,) * 5
    address = {"street": None, "house_number": None, "postal_code": None, "city": None}
    therapist = a_known_therapist(session, **nowhere, **address)
    publish_place(session, "therapist", therapist, **address, latitude=50.79, longitude=6.1)
    assert position(session, therapist) == pytest.approx((1015, 6.1, *on_sphere(Place(50.79, 6.1))))


def position(session: Session, therapist: UUID) -> tuple[Any, ...]:
    copy = TherapistCopy
    columns = (copy.latitude_band, copy.longitude, copy.sphere_x, copy.sphere_y, copy.sphere_z)
    return tuple(session.execute(select(*columns).where(copy.id == therapist)).one())


def test_the_fullest_week_has_room_in_the_index(session: Session) -> None:
    # of an entry that is longer than a third of a page PostgreSQL refuses the row
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    windows = [{"start": f"{hour:02}:07", "end": f"{hour:02}:53"} for hour in range(24)]
    therapist = a_known_therapist(session, working_hours=dict.fromkeys(days, windows))
    session.execute(text("SET LOCAL enable_seqscan = off"))
    found = select(TherapistCopy.working_hours).where(TherapistCopy.id == therapist, TherapistCopy.latitude_band > 0)
    week = session.scalars(found).one()
    assert week is not None
    assert len(week.windows) == 7 * 24


def is_in_box(place: Place, center: Place, kilometres: float) -> bool:
    bands, west, east = box(center, kilometres * 1000)
    return int(place.latitude * 20 // 1) in bands and west <= place.longitude <= east


def test_the_box_around_a_circle_has_everybody_in_it() -> None:
    dice = random.Random(1)
    for _ in range(2000):
        center = Place(dice.uniform(-89.9, 89.9), dice.uniform(-180, 180))
        kilometres = dice.choice([0.001, 1, 25, 125, 1250])
        degrees = kilometres / 111
        latitude = min(90.0, max(-90.0, center.latitude + dice.uniform(-degrees, degrees)))
        place = Place(latitude, max(-180.0, min(180.0, center.longitude + dice.uniform(-4, 4) * degrees)))
        assert is_in_box(place, center, kilometres) or distance_km(place, center) > kilometres


def test_the_box_is_not_much_larger_than_the_circle() -> None:
    bands, west, east = box(Place(52.5, 13.4), 100_000)
    assert len(bands) <= 38
    assert 2.9 < east - west < 3.0
    assert box(Place(52.5, 179.9), 100_000)[1:] == (-180, 180)
    assert box(Place(89.9, 13.4), 100_000)[1:] == (-180, 180)
