"""Where postal codes are put on the map: held against a second table, the places of GeoNames."""

from __future__ import annotations

import csv
from functools import cache

import pytest
from flask.testing import FlaskClient

from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.offline_geocoding import find
from geocoding_service.store.rebuild_postal_code_points import (
    GEONAMES,
    KEPT,
    MOVED,
    TOLERANCE_KM,
    Deviation,
    deviations,
    known_places,
    mean_km,
)
from shared.values import postal_codes
from shared.values.places import Place, distance_km


@cache
def listed() -> dict[str, Deviation]:
    """The table of postal codes whose middle does not stand by itself."""
    with postal_codes.POINTS.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        found = [
            Deviation(code, decision, Place(float(north), float(east)), float(km), reason)
            for code, decision, north, east, km, reason in rows
        ]
    assert len({each.postal_code for each in found}) == len(found)
    return {each.postal_code: each for each in found}


def farther_than_allowed(code: str, place: Place) -> bool:
    """Whether some place of the postal code is nearer to its inhabitants by more than the tolerance."""
    places = known_places().get(code, ())
    return not places or mean_km(place, places) - min(mean_km(each.place, places) for each in places) > TOLERANCE_KM


def test_no_postal_code_is_farther_from_its_people_than_allowed_unless_it_is_listed_with_its_reason() -> None:
    assert len(postal_codes.areas()) == 8168
    far = {code for code, place in postal_codes.areas().items() if farther_than_allowed(code, place)}
    kept = {code for code, each in listed().items() if each.decision == KEPT}
    assert far == kept
    assert all(each.reason for each in listed().values())


def test_the_table_is_what_the_rule_says() -> None:
    said = {each.postal_code: (each.decision, each.place, round(each.km, 1), each.reason) for each in deviations()}
    assert {code: (each.decision, each.place, each.km, each.reason) for code, each in listed().items()} == said


def test_only_the_moved_leave_the_middle_of_their_area() -> None:
    for code, place in postal_codes.areas().items():
        moved = code in listed() and listed()[code].decision == MOVED
        assert (place != postal_codes.middles()[code]) is moved, code


@pytest.mark.parametrize(
    ("code", "town", "north", "east"),
    [
        ("78166", "Donaueschingen", 47.953, 8.497),
        ("17493", "Greifswald", 54.09, 13.43),
        ("67377", "Gommersheim", 49.291, 8.266),
        ("83661", "Lenggries", 47.683, 11.575),
        ("26954", "Nordenham", 53.50, 8.49),
        ("37170", "Uslar", 51.657, 9.635),
        ("89584", "Ehingen (Donau)", 48.283, 9.727),
        ("67273", "Herxheim am Berg", 49.509, 8.179),
        ("27356", "Rotenburg (Wümme)", 53.110, 9.404),
        ("71672", "Marbach am Neckar", 48.94, 9.26),
        # right before, though GeoNames puts them into the middle of their cities
        ("81249", "München-Aubing", 48.16, 11.41),
        ("28777", "Bremen-Farge", 53.20, 8.53),
        ("23570", "Lübeck-Travemünde", 53.95, 10.86),
        ("59757", "Arnsberg-Bruchhausen", 51.43, 7.93),
        # of those GeoNames is simply wrong
        ("66130", "Saarbrücken-Güdingen", 49.20, 7.05),
        ("53894", "Mechernich", 50.59, 6.65),
        ("26188", "Edewecht", 53.13, 7.98),
    ],
)
def test_a_postal_code_lies_where_its_people_live(code: str, town: str, north: float, east: float) -> None:
    place = postal_codes.area(code)
    assert place is not None
    assert distance_km(place, Place(north, east)) < 3, town


def test_the_route_to_a_practice_in_the_town_is_short(client: FlaskClient) -> None:
    to_the_town = "to_latitude=47.953&to_longitude=8.503"
    route = client.get(f"/api/distance?from_postal_code=78166&{to_the_town}").json
    assert route["distance_km"] < 3
    assert "GeoNames" in route["source"]


def test_a_code_without_an_area_is_unknown_and_the_city_stands_in(client: FlaskClient) -> None:
    """Codes of post boxes and large customers, and those that were given up: 154 of them are in GeoNames."""
    without_area = [code for code in known_places() if code not in postal_codes.areas()]
    assert len(without_area) == 154
    for code in without_area:
        assert find(Address(postal_code=code)) is None
        assert client.get(f"/api/geocode?postal_code={code}").status_code == 404
    by_city = find(Address(postal_code=without_area[0], city="Aachen"))
    assert by_city is not None
    assert by_city.precision == "city"


def test_both_tables_credit_their_source() -> None:
    for table in (postal_codes.POINTS, GEONAMES):
        head = table.read_text(encoding="utf-8")[:900]
        assert "GeoNames" in head
        assert "creativecommons.org/licenses/by/4.0" in head
