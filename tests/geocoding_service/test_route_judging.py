"""Which answers of a router are believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from geocoding_service.domain.route_judging import judge, shows_its_unit
from shared.values.enums import TravelMode
from shared.values.found_routes import FoundRoute
from shared.values.places import Place, distance_km

HOME, PRACTICE = Place(50.7753, 6.0839), Place(50.8, 6.2)
STRAIGHT = distance_km(HOME, PRACTICE)
KM = STRAIGHT * 1.3
GOOD = FoundRoute(HOME, PRACTICE, KM, KM / 50 * 60, KM * 0.99, "OSM")
CAR, FOOT = TravelMode.CAR, TravelMode.FOOT
NORTH_SEA = Place(54.5, 7.0)
COAST = Place(54.3, 8.6)


@pytest.mark.parametrize(
    ("change", "believed"),
    [
        ({}, True),
        ({"drawn_km": None}, True),
        ({"kilometres": STRAIGHT, "drawn_km": STRAIGHT}, True),
        ({"kilometres": STRAIGHT * 0.98, "drawn_km": STRAIGHT * 0.98}, False),  # shorter than the straight line
        ({"kilometres": KM / 1000}, False),  # kilometres for metres
        ({"kilometres": KM / 1.609, "drawn_km": None}, False),  # miles: shorter than the straight line
        ({"kilometres": KM * 3.28, "minutes": KM * 3.28}, False),  # feet: not as long as it is drawn
        ({"kilometres": KM * 1000}, False),
        ({"minutes": KM / 50}, False),  # minutes for seconds: 3,000 km/h
        ({"minutes": KM / 50 * 60 * 1000}, False),  # milliseconds
        ({"minutes": 0.0}, False),
        ({"minutes": KM / 5 * 60}, False),  # on foot
        ({"minutes": KM / 12 * 60}, True),  # with a ferry
        (
            {"kilometres": STRAIGHT * 3.3, "minutes": STRAIGHT * 3.3, "drawn_km": None},
            False,
        ),  # in feet, or far: unknown
        ({"kilometres": STRAIGHT * 9, "drawn_km": STRAIGHT * 9, "minutes": STRAIGHT * 9}, True),  # around a lake
        ({"start": PRACTICE, "end": HOME}, False),  # latitude and longitude, or the ends, confused
        ({"end": Place(50.81, 6.24)}, False),  # a road that is kilometres away
    ],
)
def test_a_route_is_believed_that_can_be(change: dict[str, Any], believed: bool) -> None:
    route = replace(GOOD, **change)
    assert judge(CAR, HOME, [PRACTICE], [route]) == ["found" if believed else "implausible"]


def test_nobody_walks_as_fast_as_a_car_and_no_road_is_in_the_sea() -> None:
    assert judge(FOOT, HOME, [PRACTICE], [GOOD]) == ["implausible"]  # the server knows cars
    assert judge(CAR, HOME, [NORTH_SEA, PRACTICE], [replace(GOOD, end=COAST), None]) == ["implausible", "not_found"]


def test_around_the_corner_seconds_are_rounded() -> None:
    corner = Place(50.7754, 6.0839)
    route = FoundRoute(HOME, corner, 0.02, 0.0, 0.02, "OSM")
    assert judge(CAR, HOME, [corner], [route]) == ["found"]


def test_several_routes_that_are_all_far_too_long_are_in_another_unit() -> None:
    """A table draws no lines: a single long route may be around a lake, half of all are not."""
    ends = [Place(50.8 + n / 100, 6.2) for n in range(5)]
    well = [
        FoundRoute(HOME, end, km, km / 50 * 60, None, "OSM") for end in ends if (km := distance_km(HOME, end) * 1.3)
    ]
    in_feet = [replace(each, kilometres=each.kilometres * 3.28, minutes=each.minutes * 2) for each in well]
    assert judge(CAR, HOME, ends, well) == ["found"] * 5
    assert judge(CAR, HOME, ends, [*well[:3], *in_feet[3:]]) == ["found"] * 5
    assert judge(CAR, HOME, ends, in_feet) == ["implausible"] * 5


def test_several_routes_that_are_all_slower_or_faster_than_usual_are_of_another_network() -> None:
    """One may have a ferry, or be a motorway."""
    ends = [Place(50.8 + n / 100, 6.2) for n in range(5)]
    lengths = [distance_km(HOME, end) * 1.3 for end in ends]

    def judged(mode: TravelMode, *speeds: float) -> set[str]:
        measures = zip(ends, lengths, speeds, strict=True)
        routes = [FoundRoute(HOME, end, km, km / speed * 60, None, "OSM") for end, km, speed in measures]
        return set(judge(mode, HOME, ends, routes))

    assert judged(CAR, 14, 14, 14, 14, 14) == {"implausible"}  # a bicycle
    assert judged(CAR, 14, 14, 40, 40, 40) == {"found"}
    assert judged(TravelMode.BICYCLE, 32, 32, 32, 32, 32) == {"implausible"}  # a car in a city
    assert judged(TravelMode.BICYCLE, 12, 15, 18, 20, 22) == {"found"}


def test_routes_show_their_unit_from_three_on() -> None:
    near, far = Place(50.7754, 6.0839), [Place(50.8 + n / 100, 6.2) for n in range(3)]
    assert shows_its_unit(HOME, far)
    assert not shows_its_unit(HOME, [near, near, *far[:2]])
