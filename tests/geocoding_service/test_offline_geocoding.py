"""Postal codes, cities and federal states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.free_text import read_free_text
from geocoding_service.domain.offline_geocoding import FARTHEST_AREA_KM, find, is_in_germany
from geocoding_service.store import postal_codes
from shared.values.places import Place, distance_km
from shared.values.postal_codes import area, areas

PONTSTRASSE = Address(street="Pontstraße", house_number="12", city="Aachen")


@pytest.mark.parametrize(
    ("code", "north", "east", "state"),
    [
        ("52062", 50.776, 6.084, "NW"),
        ("50667", 50.939, 6.954, "NW"),
        ("10115", 52.532, 13.385, "BE"),
        ("20095", 53.554, 10.001, "HH"),
        ("80331", 48.136, 11.573, "BY"),
        ("66111", 49.235, 6.995, "SL"),
        ("99084", 50.977, 11.029, "TH"),
    ],
)
def test_known_postal_codes_lie_where_they_lie(code: str, north: float, east: float, state: str) -> None:
    found = find(Address(postal_code=code))
    assert found is not None
    assert found.place.latitude == pytest.approx(north, abs=0.02)
    assert found.place.longitude == pytest.approx(east, abs=0.02)
    assert (found.precision, found.federal_state) == ("postal_code", state)


@pytest.mark.parametrize("code", ["07919", "21039", "22113", "37194", "59969", "63928", "65391", "69434", "97896"])
def test_a_postal_code_across_a_border_has_no_state_by_itself(code: str) -> None:
    found = find(Address(postal_code=code))
    assert found is not None
    assert found.federal_state is None


@pytest.mark.parametrize(
    ("code", "city", "state"),
    [
        ("22113", "Hamburg", "HH"),
        ("22113", "OSTSTEINBEK", "SH"),
        ("69434", "Heddesbach", "BW"),
        ("69434", "Hirschhorn", "HE"),
        ("22113", "München", None),
    ],
)
def test_the_city_says_on_which_side_of_the_border(code: str, city: str, state: str | None) -> None:
    found = find(Address(postal_code=code, city=city))
    assert found is not None
    assert found.federal_state == state


@pytest.mark.parametrize(
    ("city", "code_near", "state"),
    [
        ("Aachen", "52062", "NW"),
        ("köln", "50667", "NW"),
        ("Koeln", "50667", "NW"),
        ("Berlin", "10117", "BE"),
        ("Frankfurt am Main", "60311", "HE"),
        ("Sankt Augustin", "53757", "NW"),
        ("St. Augustin", "53757", "NW"),
        ("Hamburg", "20095", "HH"),
        ("Limburg", "65549", "HE"),
    ],
)
def test_a_city_alone_is_found_by_its_middle(city: str, code_near: str, state: str) -> None:
    found = find(Address(city=city))
    middle = area(code_near)
    assert found is not None
    assert middle is not None
    assert (found.precision, found.federal_state) == ("city", state)
    assert found.place.latitude == pytest.approx(middle.latitude, abs=0.06)
    assert found.place.longitude == pytest.approx(middle.longitude, abs=0.09)


@pytest.mark.parametrize("city", ["Neustadt", "Frankfurt", "Mühlhausen", "Atlantis", "", "(", "am", "🙂"])
def test_a_name_that_several_places_or_none_bear_is_not_guessed(city: str) -> None:
    assert find(Address(city=city)) is None


def test_the_postal_code_outweighs_the_city_and_the_city_stands_in_for_an_unknown_code() -> None:
    by_code = find(Address(postal_code="52062", city="Berlin"))
    by_city = find(Address(postal_code="52056", city="Aachen"))
    assert by_code is not None
    assert by_city is not None
    assert (by_code.precision, by_code.federal_state) == ("postal_code", "NW")
    assert (by_city.precision, by_city.federal_state) == ("city", "NW")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Musterweg 1, 52062 Aachen",
            Address(street="Musterweg", house_number="1", postal_code="52062", city="Aachen"),
        ),
        ("52062", Address(postal_code="52062")),
        ("D-52062 Aachen, Germany", Address(postal_code="52062", city="Aachen")),
        ("12345678 Aachen", Address(city="12345678 Aachen")),
        ("Postfach 00001, 50667 Köln", Address(postal_code="50667", city="Köln")),
        ("Musterweg 1, Aachen", Address(street="Musterweg", house_number="1", city="Aachen")),
        ("Aachen", Address(city="Aachen")),
        ("00001", Address(postal_code="00001")),
        (",", Address()),
        *((line, PONTSTRASSE) for line in ("Aachen, Pontstr. 12", "Pontstr. 12 Aachen", "Aachen Pontstr. 12")),
        ("Pontstr. 12, Aachen, Deutschland", PONTSTRASSE),
        *(
            (line, replace(PONTSTRASSE, postal_code="52062"))
            for line in (
                "52062 Aachen, Pontstr. 12",
                "52062 Aachen Pontstr. 12",
                "Pontstr. 12, Aachen 52062",
                "Aachen 52062, Pontstr. 12",
            )
        ),
        (
            "Bahnhofstr. 5 Bad Homburg vor der Höhe",
            Address(street="Bahnhofstraße", house_number="5", city="Bad Homburg vor der Höhe"),
        ),
        ("Berlin, Straße des 17. Juni 135", Address(street="Straße des 17. Juni", house_number="135", city="Berlin")),
        ("Neustadt 5, Halle", Address(street="Neustadt", house_number="5", city="Halle")),
    ],
)
def test_free_text_is_read_in_any_order(text: str, address: Address) -> None:
    assert read_free_text(text) == address


def test_every_row_of_the_table_is_a_postal_code_in_a_federal_state() -> None:
    rows = [part for code in areas() for part in postal_codes.municipalities(code)]
    assert len(rows) > 12_000
    assert {len(part.postal_code) for part in rows} == {5}
    assert len({part.federal_state for part in rows}) == 16
    without = [code for code in areas() if not postal_codes.municipalities(code)]
    assert len(without) < 20


@pytest.mark.parametrize(("latitude", "longitude"), [(54.5, 7.0), (46.9, 9.0), (48.85, 2.35), (-90, 0), (6.1, 50.7)])
def test_the_sea_and_what_is_far_beyond_a_border_is_not_in_germany(latitude: float, longitude: float) -> None:
    assert not is_in_germany(Place(latitude, longitude))


def test_around_every_area_is_germany_and_a_grid_finds_the_same_as_all_areas() -> None:
    """Two grids of cells answer in microseconds what comparing with 8,000 areas does."""
    middles = list(areas().values())
    assert all(is_in_germany(Place(each.latitude + 0.1, each.longitude)) for each in middles)
    for north, east in ((47.5, 8.3), (47.4, 9.7), (49.0, 8.25), (50.2, 5.9), (54.9, 8.2), (54.3, 13.9), (51.0, 15.2)):
        place = Place(north, east)
        is_near = min(distance_km(place, each) for each in middles) <= FARTHEST_AREA_KM
        assert is_in_germany(place) is is_near, place


def test_every_area_lies_in_germany() -> None:
    assert all(47 < place.latitude < 56 and 5 < place.longitude < 16 for place in areas().values())
