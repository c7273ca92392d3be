"""Streets, house numbers, postal codes and coordinates."""

from __future__ import annotations

import pytest

from therapist_scraper.practice_addresses import coordinates, places, postal_code_and_town, street_and_number
from therapist_scraper.text import Unreadable


@pytest.mark.parametrize(
    ("street", "number", "expected"),
    [
        ("Musterweg", "7", ("Musterweg", "7")),
        ("Musterweg 7", "", ("Musterweg", "7")),
        ("Musterstr.", "12 A", ("Musterstraße", "12a")),
        ("Musterstr. 12a", None, ("Musterstraße", "12a")),
        ("Musterstr.12", None, ("Musterstraße", "12")),
        ("Muster-Str. 3 – 5", None, ("Muster-Straße", "3-5")),
        ("Probe Str 3/4, 2. OG", None, ("Probe Straße", "3/4")),
        ("Str. der Einheit", "5", ("Straße der Einheit", "5")),
        ("Straße des 17. Juni", None, ("Straße des 17. Juni", None)),
        ("Straße des 17. Juni 135", None, ("Straße des 17. Juni", "135")),
        ("Platz 1 der Muster", None, ("Platz 1 der Muster", None)),
        ("Q7, 24", None, ("Q7, 24", None)),
        ("Strandweg", 5, ("Strandweg", "5")),
        ("Am Markt", "5, Hinterhaus", ("Am Markt", "5, Hinterhaus")),
        ("-", "", (None, None)),
        (None, None, (None, None)),
    ],
)
def test_a_street_and_its_number(street: object, number: object, expected: tuple[str | None, str | None]) -> None:
    assert street_and_number(street, number) == expected


@pytest.mark.parametrize(
    ("code", "town", "expected"),
    [
        ("52062", "Aachen", ("52062", "Aachen")),
        (52062, "Aachen", ("52062", "Aachen")),
        (4109, "Leipzig", ("04109", "Leipzig")),
        ("D-50667", "Köln ", ("50667", "Köln")),
        (" 520 62 ", None, ("52062", None)),
        (None, "04109 Leipzig", ("04109", "Leipzig")),
        ("", "Aachen", (None, "Aachen")),
    ],
)
def test_a_postal_code_has_five_digits(code: object, town: object, expected: tuple[str | None, str | None]) -> None:
    assert postal_code_and_town(code, town) == expected


@pytest.mark.parametrize("code", ["5206", "A-1010", "00999", "99999", "520622", "٠١٢٣٤", 123456, 4109.0, True])
def test_what_is_no_german_postal_code_is_left_out(code: object) -> None:
    with pytest.raises(Unreadable):
        postal_code_and_town(code, "Wien")


@pytest.mark.parametrize(
    ("north", "east", "code"),
    [(50.7763, 6.0836, "52062"), ("50,7763", "6.0836", "52062"), (50.77, 6.08, None), (50.77, 6.08, "52999")],
)
def test_coordinates_near_their_postal_code_are_kept(north: object, east: object, code: str | None) -> None:
    found = coordinates(north, east, code)
    assert found is not None
    assert abs(found[0] - 50.77) < 0.01


@pytest.mark.parametrize(
    ("north", "east", "code"),
    [
        (6.0836, 50.7763, "52062"),
        (48.137, 11.575, "52062"),
        (48.85, 2.35, None),
        (50.77, None, "52062"),
        ("nan", "inf", None),
        (10**400, 6, None),
        ("Nord", "Ost", None),
        (0, "0.0", "52062"),
    ],
)
def test_coordinates_that_cannot_be_right_are_left_out(north: object, east: object, code: str | None) -> None:
    with pytest.raises(Unreadable):
        coordinates(north, east, code)


def test_no_coordinates_are_none() -> None:
    assert coordinates(None, "", "52062") is None
    assert len(places()) > 8000
