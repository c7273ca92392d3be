"""Every active therapist is a candidate, or counted as excluded, or counted as without a place, or truly too far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.orm import Session

from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.offline_geocoding import find
from matching_service.domain import matches
from matching_service.domain.match_schemas import MatchQuestion
from matching_service.store.tables import TherapistCopy
from shared.database import new_id
from shared.values.datetimes import berlin_day
from shared.values.places import Place, distance_km
from shared.values.postal_codes import areas
from tests.builders.matching import RULES, a_known_patient, a_known_therapist, publish_place
from tests.conftest import MONDAY

AACHEN, DUEREN, COLOGNE, MUNICH = "52062", "52349", "50667", "80331"
UNKNOWN, POST_BOX_IN_AACHEN = "00001", "52056"
HOME = areas()[AACHEN]

ELSEWHERE = [(0.0, 0.0), (90.0, 0.0), (-90.0, 180.0), (48.8566, 2.3522), (-50.7753, -6.0839)]
HALF: list[tuple[float | None, float | None]] = [(50.77, None), (None, 6.08)]
FAILING: list[dict[str, Any]] = [
    {},
    {"accreditation": "private"},
    {"contact_preference": "none"},
    {"settings": ["group"], "accreditation": "private"},
]


@dataclass(frozen=True)
class Practice:
    """A therapist as events describe them, and where in truth they are."""

    postal_code: str | None
    coordinates: tuple[float | None, float | None]
    truth: Place | None
    """Where they are by what can be believed; None where nobody can know."""
    is_geocoded: bool
    fields: dict[str, Any]


@st.composite
def practices(draw: st.DrawFn) -> Practice:
    """A practice with a postal code of any kind, and coordinates that fit, contradict it, or are no coordinates."""
    code = draw(st.sampled_from([AACHEN, DUEREN, COLOGNE, MUNICH, POST_BOX_IN_AACHEN, UNKNOWN, None]))
    there = areas().get(code or "")
    anywhere = [AACHEN] if code == POST_BOX_IN_AACHEN else [AACHEN, DUEREN, MUNICH]
    somewhere = there or areas()[draw(st.sampled_from(anywhere))]
    kind = draw(st.sampled_from(["fitting", "none", "swapped", "elsewhere", "half", "another city"]))
    is_geocoded = draw(st.booleans())
    by_postal_code = there if is_geocoded else None
    given_place = Place(
        somewhere.latitude + draw(st.floats(-0.1, 0.1)), somewhere.longitude + draw(st.floats(-0.1, 0.1))
    )
    another = areas()[MUNICH if code != MUNICH else AACHEN]
    coordinates: tuple[float | None, float | None] = {
        "fitting": (given_place.latitude, given_place.longitude),
        "none": (None, None),
        "swapped": (given_place.longitude, given_place.latitude),
        "elsewhere": draw(st.sampled_from(ELSEWHERE)),
        "half": draw(st.sampled_from(HALF)),
        "another city": (another.latitude, another.longitude),
    }[kind]
    truth = by_postal_code
    if kind == "fitting":
        truth = given_place
    elif kind == "another city" and code in (UNKNOWN, None):
        truth = another  # nobody can know better
    return Practice(code, coordinates, truth, is_geocoded, draw(st.sampled_from(FAILING)))


def arrives(session: Session, practice: Practice) -> Any:
    """The events of the therapist and, if it came, of the geocoding service; the therapist's id."""
    latitude, longitude = practice.coordinates
    address = {"street": "Musterweg", "house_number": "1", "postal_code": practice.postal_code, "city": None}
    known = a_known_therapist(session, latitude=latitude, longitude=longitude, **address, **practice.fields)
    if practice.is_geocoded:
        found = find(Address(postal_code=practice.postal_code))
        place = (found.place.latitude, found.place.longitude) if found else (None, None)
        publish_place(session, "therapist", known, latitude=place[0], longitude=place[1], **address)
    return known


@given(st.lists(practices(), min_size=1, max_size=8), st.sampled_from([5.0, 25.0, 60.0, 1000.0]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_active_therapist_is_listed_or_counted_or_too_far(
    session: Session, world: list[Practice], radius: float
) -> None:
    session.execute(delete(TherapistCopy))
    patient = a_known_patient(session, postal_code=AACHEN, placed=False, id=new_id(), max_distance_km=radius)
    publish_place(session, "patient", patient, postal_code=AACHEN, latitude=HOME.latitude, longitude=HOME.longitude)
    there = {arrives(session, practice): practice for practice in world}
    found = matches.find(session, MatchQuestion(patient_id=patient, limit=200), rules=RULES, today=berlin_day(MONDAY))
    near = {i: p for i, p in there.items() if p.truth is not None and distance_km(HOME, p.truth) <= radius}
    fit = {i for i, practice in near.items() if not practice.fields}
    assert {candidate.therapist_id for candidate in found.candidates} == fit
    assert found.total == len(fit)
    expected = Counter(
        {"accreditation": "accreditation", "contact_preference": "contact_preference", "settings": "setting"}[name]
        for practice in near.values()
        for name in practice.fields
    )
    expected["distance_unknown"] = sum(1 for practice in world if practice.truth is None)
    assert {str(rule): number for rule, number in found.excluded.items()} == {k: n for k, n in expected.items() if n}


@pytest.mark.parametrize("coordinates", [(6.0839, 50.7753), (0.0, 0.0), (90.0, 0.0), (48.1374, 11.5755)])
def test_the_postal_code_counts_where_coordinates_contradict_it(
    session: Session, coordinates: tuple[float, float]
) -> None:
    known = arrives(session, Practice(AACHEN, coordinates, HOME, is_geocoded=True, fields={}))
    session.expire_all()
    assert session.get_one(TherapistCopy, known).place == HOME


@pytest.mark.parametrize("coordinates", [(6.0839, 50.7753), (0.0, 0.0), (90.0, 0.0), (50.77, None)])
def test_a_place_that_contradicts_its_own_address_is_no_place(
    session: Session, coordinates: tuple[float, float | None]
) -> None:
    patient = a_known_patient(session, placed=False)
    publish_place(session, "patient", patient, postal_code=AACHEN, latitude=coordinates[0], longitude=coordinates[1])
    known = arrives(session, Practice(AACHEN, (None, None), None, is_geocoded=False, fields={}))
    address = {"street": "Musterweg", "house_number": "1", "postal_code": AACHEN, "city": None}
    publish_place(session, "therapist", known, **address, latitude=coordinates[0], longitude=coordinates[1])
    session.expire_all()
    assert session.get_one(TherapistCopy, known).place is None
