"""Coordinates against postal codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocoding_service.store.rebuild_postal_code_points import known_places
from shared.values.places import Place
from shared.values.postal_codes import area, areas, contradiction, coordinates_problem

AACHEN = Place(50.7753, 6.0839)
MUNICH = Place(48.1374, 11.5755)
ELSEWHERE = [Place(0, 0), Place(90, 0), Place(-90, 0), Place(0, 180), Place(48.8566, 2.3522), Place(-50.78, 6.08)]

codes = st.sampled_from(sorted(areas()))


def test_swapped_coordinates_contradict_every_postal_code() -> None:
    for code, place in areas().items():
        swapped = Place(place.longitude, place.latitude)
        assert contradiction(code, swapped)
        assert contradiction(None, swapped)


@given(codes, st.floats(-0.19, 0.19), st.floats(-0.19, 0.19))
def test_coordinates_near_the_postal_code_fit(code: str, north: float, east: float) -> None:
    place = areas()[code]
    assert contradiction(code, Place(place.latitude + north, place.longitude + east)) is None


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("code", ["52062", "52056", "00001", None])
def test_coordinates_outside_germany_never_fit(code: str | None, place: Place) -> None:
    assert contradiction(code, place)


@pytest.mark.parametrize(
    ("code", "place", "why"),
    [
        ("52062", AACHEN, None),
        ("52062", MUNICH, "must lie within 30 km of the postal code"),
        ("80331", AACHEN, "must lie within 30 km of the postal code"),
        ("52056", MUNICH, "must lie in the region of the postal code"),
        ("52056", AACHEN, None),
        ("80999", AACHEN, "must lie within 30 km of the postal code"),
        ("80000", AACHEN, "must lie in the region of the postal code"),
        ("11011", Place(52.52, 13.38), None),
        (None, MUNICH, None),
        ("00001", AACHEN, None),
        ("5206²", AACHEN, None),
        (None, Place(6.0839, 50.7753), "must lie in Germany"),
    ],
)
def test_what_is_known_of_the_postal_code_decides(code: str | None, place: Place, why: str | None) -> None:
    found = contradiction(code, place)
    assert (found and str(found)) == why


def test_no_code_without_an_area_is_refused_where_it_lies() -> None:
    """Codes of post boxes and large customers, by GeoNames; one of them it puts wrongly."""
    without_area = {code: places for code, places in known_places().items() if code not in areas()}
    refused = {code for code, places in without_area.items() if any(contradiction(code, p.place) for p in places)}
    assert len(without_area) == 154
    assert refused == {"03202"}


def test_every_postal_code_lies_in_germany() -> None:
    assert len(areas()) == 8168
    assert all(contradiction(None, place) is None for place in areas().values())
    assert area("52056") is None


@given(st.none() | st.floats(), st.none() | st.floats(), codes | st.none() | st.text(max_size=8))
def test_any_two_numbers_are_judged(north: float | None, east: float | None, code: str | None) -> None:
    """Also those that are infinite, no number, off the earth, or only one: no number breaks who asks."""
    why_not = coordinates_problem(code, north, east)
    if why_not is None and north is not None and east is not None:
        Place(north, east)
