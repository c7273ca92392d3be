"""Where an address lies, by the tables of this service: to the postal code's area, or to the city.

What a geocoder knows better is in `geocoding_service.domain.geocoder_requests`.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import median

from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.free_text import read_free_text
from geocoding_service.domain.schemas import AreaView, GeocodeQuery, PlaceOfPostalCode, PostalCodeView, Town
from geocoding_service.store import postal_codes
from geocoding_service.store.postal_codes import Municipality
from shared.errors import FieldProblem, NotFound
from shared.values.enums import FederalState, GeocodePrecision
from shared.values.places import Place, distance_km
from shared.values.postal_codes import SOURCE, area, areas

CITY_RADIUS_KM = 30.0
"""No German city reaches further from its middle, but for islands that belong to it (Hamburg's Neuwerk).

Chosen, not measured, as are the numbers below.
"""
SHARE_OF_A_CITY = 0.9
FARTHEST_AREA_KM = 20.0
"""A place farther than this from the middle of every postal code's area lies outside Germany."""
NEIGHBOURS = 12
SMALL, LARGE = (0.1, 0.15), (0.2, 0.35)
"""Degrees north and east of the cells of two grids. Two places in a small one are less than `FARTHEST_AREA_KM` apart;
what is nearer than that to a place is in its large one or in those around."""
MOST_TOWNS = 50
MOST_CODES_OF_A_TOWN = 10


@dataclass(frozen=True)
class FoundAddress:
    """Where an address lies, how exactly that is known, from where, and in which federal states it may be."""

    place: Place
    precision: GeocodePrecision
    source: str
    federal_states: tuple[FederalState, ...]
    """In the order of their codes; none where nothing is known."""

    @property
    def federal_state(self) -> FederalState | None:
        """The one federal state; None where it is not certain."""
        return self.federal_states[0] if len(self.federal_states) == 1 else None


def address_of(query: GeocodeQuery) -> Address:
    """Returns the address that is asked for, as it was written."""
    if query.q:
        return read_free_text(query.q)
    return Address(query.street, query.house_number, query.postal_code, query.city)


def find(address: Address) -> FoundAddress | None:
    """Where the address lies: the middle of its postal code's area, else of its city; None where neither is known.

    The postal code outweighs the city. Streets are not known to the tables.
    """
    return _find(address.postal_code, address.city)


@lru_cache(maxsize=20_000)
def _find(postal_code: str | None, city: str | None) -> FoundAddress | None:
    place = area(postal_code) if postal_code else None
    if place is not None:
        states = federal_states(postal_codes.municipalities(postal_code or ""), city=city)
        return FoundAddress(place, GeocodePrecision.POSTAL_CODE, SOURCE, states)
    return _middle_of_city(city) if city else None


def federal_states(parts: Collection[Municipality], *, city: str | None = None) -> tuple[FederalState, ...]:
    """The federal states of these parts of a postal code's area; across a border, that of the city's part.

    Several where that does not decide, none where nothing is known: none is ever guessed
    (docs/domain.md#postal-code-federal-state).
    """
    states = {part.federal_state for part in parts}
    if len(states) > 1 and city:
        states = {part.federal_state for part in parts if postal_codes.is_named(part, city)} or states
    return tuple(sorted(states))


def _middle_of_city(city: str) -> FoundAddress | None:
    """The middle of a city's postal code areas; None for a name that several places bear."""
    places = {part: place for part in postal_codes.municipalities_named(city) if (place := area(part.postal_code))}
    if not places:
        return None
    middle = Place(median(p.latitude for p in places.values()), median(p.longitude for p in places.values()))
    together = [part for part, place in places.items() if distance_km(place, middle) <= CITY_RADIUS_KM]
    if len(together) < SHARE_OF_A_CITY * len(places):
        return None
    return FoundAddress(middle, GeocodePrecision.CITY, SOURCE, federal_states(together))


@dataclass(frozen=True)
class AddressNames:
    """By which postal code or city the tables know where an address lies."""

    postal_code: str | None
    """None where the city alone says where it is."""
    cities: tuple[str, ...]
    """The towns of the postal code, or the city by its full name."""
    is_contradictory: bool
    """Whether the city is far from the postal code, which decided."""


def names_of(address: Address) -> AddressNames:
    """Returns by which postal code or city the tables know the address."""
    middle = area(address.postal_code) if address.postal_code else None
    if address.postal_code is None or middle is None:
        return AddressNames(None, _cities(postal_codes.municipalities_named(address.city or "")), False)
    parts = postal_codes.municipalities(address.postal_code)
    return AddressNames(address.postal_code, _cities(parts), _is_elsewhere(address.city or "", parts, middle))


def _cities(parts: Iterable[Municipality]) -> tuple[str, ...]:
    return tuple(sorted({part.city for part in parts}))


def _is_elsewhere(city: str, parts: Sequence[Municipality], middle: Place) -> bool:
    """Whether every town of this name is far away; the name of a part of a town is of no town, and says nothing."""
    if any(postal_codes.is_named(part, city) for part in parts):
        return False
    named = postal_codes.namesakes(city) or postal_codes.namesakes(city.partition("-")[0])  # "Hamburg-Altona"
    places = [place for part in named if (place := area(part.postal_code))]
    return bool(places) and all(distance_km(place, middle) > CITY_RADIUS_KM for place in places)


def towns_named(name: str) -> list[Town]:
    """Returns the towns that bear this name, with or without an addition, at most `MOST_TOWNS`."""
    towns: list[list[Municipality]] = []
    for part in sorted(
        postal_codes.namesakes(name), key=lambda each: (each.city, each.federal_state, each.postal_code)
    ):
        town = next((town for town in towns if _is_one_town(town[0], part)), None)
        if town is not None:
            town.append(part)
        elif area(part.postal_code) is not None:
            towns.append([part])
    return [_town(each) for each in towns[:MOST_TOWNS]]


def _is_one_town(one: Municipality, other: Municipality) -> bool:
    places = area(one.postal_code), area(other.postal_code)
    is_near = places[0] is not None and (places[1] is None or distance_km(places[0], places[1]) <= CITY_RADIUS_KM)
    return (one.city, one.federal_state) == (other.city, other.federal_state) and is_near


def _town(parts: Sequence[Municipality]) -> Town:
    codes = [part.postal_code for part in parts if area(part.postal_code)]
    return Town(city=parts[0].city, federal_state=parts[0].federal_state, postal_codes=codes[:MOST_CODES_OF_A_TOWN])


def find_area(place: Place) -> AreaView:
    """The postal code area whose middle is nearest; raises `NotFound` outside Germany.

    The place may lie in the area next to it. So the federal state is given only where all areas around agree.
    """
    if not is_in_germany(place):
        raise outside_germany(place, "latitude", "longitude")
    by_distance = heapq.nsmallest(NEIGHBOURS, ((distance_km(place, middle), code) for code, middle in areas().items()))
    distance, code = by_distance[0]
    around = [part for _, near in by_distance for part in postal_codes.municipalities(near)]
    return _area_view(code, distance, federal_states(around))


def outside_germany(place: Place, latitude: str, longitude: str) -> NotFound:
    """Returns the refusal of a place outside Germany, which was sent in these two fields."""
    if _is_swapped(place):
        problems = [
            FieldProblem.of(latitude, "field.swapped", other=longitude),
            FieldProblem.of(longitude, "field.swapped", other=latitude),
        ]
        return NotFound("postal_code", wording="swapped", errors=problems)
    problems = [FieldProblem.of(name, "field.outside_germany") for name in (latitude, longitude)]
    return NotFound("postal_code", wording="nearby", errors=problems)


def _is_swapped(place: Place) -> bool:
    return abs(place.longitude) <= 90 and is_in_germany(Place(place.longitude, place.latitude))


def area_of(code: str, place: Place) -> AreaView:
    """The area of a known postal code, in which a place is said to be."""
    states = federal_states(postal_codes.municipalities(code))
    return _area_view(code, distance_km(place, areas()[code]), states)


def _area_view(code: str, distance: float, states: Sequence[FederalState]) -> AreaView:
    middle = areas()[code]
    return AreaView(
        latitude=middle.latitude,
        longitude=middle.longitude,
        precision=GeocodePrecision.POSTAL_CODE,
        source=SOURCE,
        federal_state=states[0] if len(states) == 1 else None,
        federal_states=list(states),
        postal_code=code,
        cities=sorted({part.city for part in postal_codes.municipalities(code)}),
        distance_km=round(distance, 2),
    )


def is_in_germany(place: Place) -> bool:
    """Whether the place is near a postal code's area: not in the sea, and not far beyond the border.

    A matrix has thousands of places: where the middle of an area is in the same small cell, that is known at once.
    """
    if _cell(place, SMALL) in _middles_by_cell(SMALL):
        return True
    return any(distance_km(place, middle) <= FARTHEST_AREA_KM for middle in _around(_cell(place, LARGE)))


def _cell(place: Place, size: tuple[float, float]) -> tuple[int, int]:
    return math.floor(place.latitude / size[0]), math.floor(place.longitude / size[1])


@cache
def _middles_by_cell(size: tuple[float, float]) -> Mapping[tuple[int, int], Sequence[Place]]:
    cells: dict[tuple[int, int], list[Place]] = defaultdict(list)
    for middle in areas().values():
        cells[_cell(middle, size)].append(middle)
    return dict(cells)


@lru_cache(maxsize=5_000)
def _around(cell: tuple[int, int]) -> Sequence[Place]:
    """The middles of areas in this large cell and those around it."""
    row, column = cell
    cells = ((row + up, column + right) for up in (0, -1, 1) for right in (0, -1, 1))
    return [middle for each in cells for middle in _middles_by_cell(LARGE).get(each, ())]


def show_postal_code(code: str) -> PostalCodeView:
    """What the tables know of a postal code; raises `NotFound` where they know nothing."""
    parts = postal_codes.municipalities(code)
    place = area(code)
    if not parts and place is None:
        raise NotFound("postal_code", wording="unknown")
    states = federal_states(parts)
    return PostalCodeView(
        postal_code=code,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        source=SOURCE,
        places=[PlaceOfPostalCode(city=each.city, federal_state=each.federal_state) for each in parts],
        federal_state=states[0] if len(states) == 1 else None,
        federal_states=list(states),
    )
