"""Which answer of a geocoder is believed: one that is where the address must be, and names its street.

A geocoder is asked for a house and may answer with a street of that name elsewhere, with the town, or with nonsense.
What is not believed is as if it were not known: the postal code's place stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from geocoding_service.domain.cleaning import Address, is_same_number, is_same_street
from geocoding_service.domain.offline_geocoding import CITY_RADIUS_KM, FoundAddress, find, is_in_germany
from shared.values.enums import FederalState, GeocodePrecision
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place, distance_km
from shared.values.postal_codes import contradiction

FARTHEST_ADDRESS_KM = 1.0
"""A house that is farther from a place is not its address. Chosen, not measured."""
Outcome = Literal["found", "not_found", "implausible"]


@dataclass(frozen=True)
class BelievedAnswer:
    """What is believed of a geocoder's answer."""

    outcome: Outcome
    found: FoundAddress | None = None


def judge(address: Address, answers: Sequence[GeocoderPlace]) -> BelievedAnswer:
    """Returns the first answer that is believed, those with the house number first.

    `implausible`: there were answers with a street, and all of them are elsewhere.
    """
    exact = [each for each in answers if each.street]
    believed = [each for each in exact if is_believed(address, each)]
    if not believed:
        return BelievedAnswer("implausible" if exact else "not_found")
    best = next((each for each in believed if _has_the_house(address, each)), believed[0])
    return BelievedAnswer("found", _found(address, best))


def is_believed(address: Address, answer: GeocoderPlace) -> bool:
    """Whether the answer can be this address: in Germany, near its postal code, in its street."""
    if answer.country != "de" or not is_in_germany(answer.place):
        return False
    if address.postal_code and answer.postal_code not in (None, address.postal_code):
        return False
    if contradiction(address.postal_code or answer.postal_code, answer.place) is not None:
        return False
    return _is_in_the_city(address, answer) and is_same_street(address.street or "", answer.street or "")


def nearest_address(place: Place, answers: Sequence[GeocoderPlace]) -> GeocoderPlace | None:
    """Returns the first answer that can be the address nearest to a place; None where none can."""
    return next((each for each in answers if each.street and each.country == "de" and _is_at(place, each)), None)


def _is_at(place: Place, answer: GeocoderPlace) -> bool:
    return distance_km(place, answer.place) <= FARTHEST_ADDRESS_KM


def _is_in_the_city(address: Address, answer: GeocoderPlace) -> bool:
    """Without a postal code the city must say where: one that several places bear says nothing."""
    if address.postal_code:
        return True
    middle = find(Address(city=address.city))
    return middle is not None and distance_km(middle.place, answer.place) <= CITY_RADIUS_KM


def _has_the_house(address: Address, answer: GeocoderPlace) -> bool:
    numbers = address.house_number, answer.house_number
    return bool(numbers[0] and numbers[1] and is_same_number(numbers[0], numbers[1]))


def _found(address: Address, answer: GeocoderPlace) -> FoundAddress:
    precision = GeocodePrecision.ADDRESS if _has_the_house(address, answer) else GeocodePrecision.STREET
    return FoundAddress(answer.place, precision, answer.source, _states(address, answer))


def _states(address: Address, answer: GeocoderPlace) -> tuple[FederalState, ...]:
    """The answer's federal state, where our table says that parts of the postal code are there or says nothing."""
    ours = found.federal_states if (found := find(address)) else ()
    said = tuple(state for state in FederalState if state == answer.federal_state)
    return said if said and (not ours or said[0] in ours) else ours
