"""German addresses as people write them."""

from __future__ import annotations

import pytest

from geocoding_service.domain.cleaning import Address, clean, is_same_number, is_same_street, lookup_key
from geocoding_service.domain.free_text import read_free_text

SENTENCE = "Bitte klingeln Sie im Hinterhof links, der Eingang ist hinter dem Café"


@pytest.mark.parametrize(
    ("street", "number", "cleaned"),
    [
        ("Musterstr. 1 a", None, ("Musterstraße", "1a")),
        ("Musterstrasse", "1", ("Musterstraße", "1")),
        ("Karl-Marx-Str.", "12 - 14", ("Karl-Marx-Straße", "12-14")),
        ("Hauptstraße 5/7", None, ("Hauptstraße", "5-7")),
        ("Am Markt Nr. 5", None, ("Am Markt", "5")),
        ("Hauptstr. 5, 3. OG", None, ("Hauptstraße", "5")),
        ("Hauptstr. 5 (Hinterhaus)", None, ("Hauptstraße", "5")),
        ("Hauptstraße 12, Eingang B", None, ("Hauptstraße", "12")),
        ("Straße des 17. Juni 135", None, ("Straße des 17. Juni", "135")),
        ("Straße 24 Nr. 7", None, ("Straße 24", "7")),
        ("Platz der Republik", None, ("Platz der Republik", None)),
        ("Q7, 24", None, ("Q7", "24")),
        ("M 4", "1", ("M4", "1")),
        (SENTENCE, None, (None, None)),
        ("Wir ziehen um. Neue Adresse folgt!", "3", (None, None)),
        ("Postfach 1234", None, (None, None)),
        ("nach Vereinbarung", None, (None, None)),
        ("5", None, (None, None)),
        ("((((" * 100, None, (None, None)),
        ("", "", (None, None)),
        ("x" * 5000, None, (None, None)),
    ],
)
def test_a_street_is_brought_into_the_form_that_geocoders_know(
    street: str, number: str | None, cleaned: tuple[str | None, str | None]
) -> None:
    found = clean(Address(street, number, "52062", "Aachen"))
    assert (found.street, found.house_number) == cleaned
    assert (found.postal_code, found.city) == ("52062", "Aachen")
    assert clean(found) == found  # what is clean stays as it is


@pytest.mark.parametrize(
    ("code", "city", "cleaned"),
    [
        (None, "52062 Aachen", ("52062", "Aachen")),
        (None, "D-52062 Aachen", ("52062", "Aachen")),
        ("D-52062", "Aachen (Mitte)", ("52062", "Aachen")),
        ("52062", "10115 Berlin", ("52062", "Berlin")),
        ("abc", "Aachen", (None, "Aachen")),
        (None, SENTENCE + " und wird noch bekannt gegeben", (None, None)),
    ],
)
def test_a_postal_code_may_stand_before_the_city(
    code: str | None, city: str, cleaned: tuple[str | None, str | None]
) -> None:
    found = clean(Address("Musterweg", "1", code, city))
    assert (found.postal_code, found.city) == cleaned


def test_the_spellings_of_one_address_are_one_lookup_and_what_has_no_street_is_none() -> None:
    spellings = [
        Address("Karl Marx Str.", "1 A", "52062", "aachen"),
        Address("Karl-Marx-Straße 1a", "", "52062", "Aachen"),
    ]
    assert len({lookup_key(clean(each)) for each in spellings}) == 1
    other = Address("Karl-Marx-Straße", "2", "52062", "Aachen")
    assert lookup_key(other) != lookup_key(clean(spellings[0]))
    for none in (Address(SENTENCE, None, "52062", "Aachen"), Address(None, "1", "52062"), Address("Musterweg", "1")):
        assert lookup_key(clean(none)) is None


def test_streets_and_numbers_are_compared_by_what_they_mean() -> None:
    same = [
        ("Konrad Adenauer Ufer", "Konrad-Adenauer-Ufer"),
        ("Gr. Bleichen", "Große Bleichen"),
        ("Hauptstr.", "Hauptstrasse"),
    ]
    assert all(is_same_street(*each) for each in same)
    assert not is_same_street("Hauptstraße", "Bahnhofstraße")
    assert is_same_number("12", "12-14")
    assert not is_same_number("1", "12")


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("Musterweg 1, 52062 Aachen", Address("Musterweg", "1", "52062", "Aachen")),
        (
            "Praxis Erfunden, Musterstr. 1a, D-52062 Aachen, Deutschland",
            Address("Musterstraße", "1a", "52062", "Aachen"),
        ),
        ("Musterweg 1, Aachen", Address("Musterweg", "1", None, "Aachen")),
        ("52062 Aachen", Address(None, None, "52062", "Aachen")),
        ("Aachen", Address(None, None, None, "Aachen")),
        (f"{SENTENCE}, 52062 Aachen", Address(None, None, "52062", "Aachen")),
    ],
)
def test_an_address_in_one_line_is_read_in_its_parts(line: str, address: Address) -> None:
    assert read_free_text(line) == address
