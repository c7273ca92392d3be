"""Which answers of a geocoder are believed."""

from __future__ import annotations

from typing import Any

import pytest

from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.judging import judge, nearest_address
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place

ASKED = Address("Musterweg", "1", "52062", "Aachen")
AACHEN = Place(50.7767, 6.0839)


def answer(place: Place = AACHEN, **fields: Any) -> GeocoderPlace:
    """A house in Aachen as a geocoder knows it."""
    said: dict[str, Any] = {
        "country": "de", "federal_state": "NW", "postal_code": "52062", "city": "Aachen", "street": "Musterweg",
        "house_number": "1", "source": "OpenStreetMap",
    }  # fmt: skip
    return GeocoderPlace(place, **said | fields)


@pytest.mark.parametrize(
    ("address", "answers", "outcome", "precision"),
    [
        (ASKED, [answer()], "found", "address"),
        (ASKED, [answer(house_number="1-3")], "found", "address"),
        (ASKED, [answer(house_number=None)], "found", "street"),
        (ASKED, [answer(house_number="7"), answer()], "found", "address"),
        (ASKED, [answer(postal_code=None)], "found", "address"),
        (Address("Musterweg", "1", None, "Aachen"), [answer()], "found", "address"),
        (ASKED, [], "not_found", None),
        (ASKED, [answer(street=None)], "not_found", None),
        (ASKED, [answer(Place(54.5, 7.0))], "implausible", None),  # the North Sea
        (ASKED, [answer(Place(54.5, 7.0), postal_code=None)], "implausible", None),
        (ASKED, [answer(Place(50.85, 5.69), country="nl")], "implausible", None),  # Maastricht
        (ASKED, [answer(Place(50.85, 5.69))], "implausible", None),  # there, and said to be in Germany
        (ASKED, [answer(Place(6.0839, 50.7767))], "implausible", None),  # swapped
        (ASKED, [answer(Place(0, 0))], "implausible", None),
        (ASKED, [answer(Place(52.5, 13.4))], "implausible", None),  # Berlin
        (ASKED, [answer(postal_code="52064")], "implausible", None),
        (ASKED, [answer(street="Bahnhofstraße")], "implausible", None),
        (ASKED, [answer(country=None)], "implausible", None),
        (
            Address("Musterweg", "1", None, "Aachen"),
            [answer(Place(52.5, 13.4), postal_code="10115")],
            "implausible",
            None,
        ),
        (Address("Musterweg", "1", None, "Neustadt"), [answer()], "implausible", None),
    ],
)
def test_an_answer_is_believed_where_it_can_be_right(
    address: Address, answers: list[GeocoderPlace], outcome: str, precision: str | None
) -> None:
    made = judge(address, answers)
    assert made.outcome == outcome
    assert (made.found and made.found.precision) == precision


@pytest.mark.parametrize(
    ("city", "said", "states"),
    [
        (None, "HH", ["HH"]),  # decides where the table cannot
        (None, "BY", ["HH", "SH"]),  # cannot be: the table counts
        (None, None, ["HH", "SH"]),
        ("Oststeinbek", "HH", ["SH"]),
    ],
)
def test_the_answer_decides_the_federal_state_only_among_those_of_the_postal_code(
    city: str | None, said: str | None, states: list[str]
) -> None:
    found = judge(
        Address("Musterweg", "1", "22113", city),
        [answer(Place(53.541, 10.146), postal_code="22113", federal_state=said)],
    ).found
    assert found is not None
    assert list(found.federal_states) == states
    assert found.federal_state == (states[0] if len(states) == 1 else None)


def test_the_nearest_address_is_near() -> None:
    assert nearest_address(AACHEN, [answer()]) == answer()
    assert nearest_address(AACHEN, [answer(Place(50.8, 6.3)), answer(street=None), answer(country="be")]) is None
