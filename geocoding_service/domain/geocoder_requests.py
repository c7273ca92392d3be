"""Addresses that a geocoder is asked for: planned, claimed by a job, answered, published and forgotten.

Practices' addresses are looked up by themselves. Of patients this service has the postal code alone, which the tables
know; what somebody asks for is looked up only where a setting allows it, since it may be a patient's address
(docs/decisions/0041). It is kept for a day, and nothing says whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from geocoding_service.domain import asked, judging
from geocoding_service.domain.cleaning import Address, clean, lookup_key
from geocoding_service.domain.judging import BelievedAnswer
from geocoding_service.domain.offline_geocoding import (
    FoundAddress,
    address_of,
    area_of,
    find,
    find_area,
    names_of,
    towns_named,
)
from geocoding_service.domain.publishing import columns_of, event_of
from geocoding_service.domain.schemas import AreaView, GeocodeBatch, GeocodeQuery, Location, LocationList
from geocoding_service.settings import NominatimSettings
from geocoding_service.store import asked as asked_store
from geocoding_service.store import geocoder_requests as store
from geocoding_service.store.geocoder_requests import CleanAddress
from geocoding_service.store.tables import AddressLookup, LocatedAddress
from shared.database import Session
from shared.errors import NotFound
from shared.events.outbox import record
from shared.values import postal_codes
from shared.values.enums import FederalState, GeocodePrecision
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place, distance_km

REQUESTS_KEPT: Final = timedelta(days=1)
"""For how long an address is kept that somebody asked for."""
PORTION: Final = 500


class Claim(NamedTuple):
    """An address that this process asks for now."""

    key: str
    address: Address


def key_of(address: Address) -> str | None:
    """Returns the key of the address among the lookups; None where no geocoder is asked."""
    return lookup_key(clean(address))


def best_known(session: Session, keys: Mapping[Address, str | None]) -> Mapping[Address, FoundAddress | None]:
    """Where these addresses, by which `keys` has what `key_of` returns, lie; None where nobody knows.

    As a geocoder said, else by the tables.
    """
    known = store.answered(session, {key for key in keys.values() if key is not None})
    return {each: _answer(known[key]) if key and key in known else by_tables(each) for each, key in keys.items()}


def by_tables(address: Address) -> FoundAddress | None:
    """Where the tables know the address, as it was written or else in its clean form."""
    return find(address) or find(clean(address))


def locate(session: Session, query: GeocodeQuery, *, rules: NominatimSettings, now: datetime) -> Location:
    """Where the address asked for lies; raises `NotFound`."""
    (found,) = _locate(session, [address_of(query)], rules=rules, now=now)
    if found is None:
        raise _unknown(address_of(query))
    return found


def _unknown(address: Address) -> NotFound:
    """The refusal of an address that is not known, with the towns that its city may be."""
    towns = towns_named(address.city or "") or towns_named(clean(address).city or "")
    if not towns:
        return NotFound("address")
    refusal = NotFound("address", wording="ambiguous")
    refusal.members["candidates"] = [each.model_dump(mode="json") for each in towns]
    return refusal


def locate_all(session: Session, batch: GeocodeBatch, *, rules: NominatimSettings, now: datetime) -> LocationList:
    """Where several addresses lie, as far as it is known now; where it is allowed, the rest is looked up afterwards."""
    addresses = [address_of(each) for each in batch.addresses]
    if rules.for_requests:
        request(session, addresses, now=now)
    return LocationList(items=_locate(session, addresses, rules=rules, now=now))


def request(session: Session, addresses: Sequence[Address], *, now: datetime) -> None:
    """Let a job look up these addresses, which somebody asked for, and keep them for a day."""
    cleaned = [found for each in addresses if (found := _clean(each))]
    store.add(session, cleaned, now=now, until=now + REQUESTS_KEPT)


def request_one(session: Session, address: Address, *, now: datetime) -> bool:
    """Let this address be looked up, which somebody asked for; returns whether it waits for an answer now."""
    request(session, [address], now=now)
    key = key_of(address)
    return key is not None and key in asked_store.waiting_keys(session, AddressLookup, [key], now=now)


def _locate(
    session: Session, addresses: Sequence[Address], *, rules: NominatimSettings, now: datetime
) -> list[Location | None]:
    keys = {each: key_of(each) for each in addresses}
    known = best_known(session, keys)
    sent = {key for key in keys.values() if key is not None} if rules.url else set()
    waiting = asked_store.waiting_keys(session, AddressLookup, sent, now=now)
    shown = {
        each: _shown(each, found, pending=keys.get(each) in waiting)
        for each, found in known.items()
        if found is not None
    }
    return [shown.get(each) for each in addresses]


def _shown(address: Address, found: FoundAddress, *, pending: bool) -> Location:
    names = names_of(address if find(address) else clean(address))
    return Location(
        latitude=found.place.latitude,
        longitude=found.place.longitude,
        precision=found.precision,
        source=found.source,
        federal_state=found.federal_state,
        federal_states=list(found.federal_states),
        postal_code=names.postal_code,
        cities=list(names.cities),
        contradictory=names.is_contradictory,
        pending=pending,
    )


def show_place(place: Place, answers: Sequence[GeocoderPlace]) -> AreaView:
    """The nearest address, as far as a geocoder said it, in the nearest postal code area.

    Raises `NotFound` outside Germany.
    """
    area = find_area(place)
    nearest = judging.nearest_address(place, answers)
    if nearest is None:
        return area
    if nearest.postal_code and postal_codes.area(nearest.postal_code):
        area = area_of(nearest.postal_code, nearest.place)
    shown = {
        "latitude": nearest.place.latitude,
        "longitude": nearest.place.longitude,
        "precision": GeocodePrecision.ADDRESS if nearest.house_number else GeocodePrecision.STREET,
        "source": nearest.source,
        "street": nearest.street,
        "house_number": nearest.house_number,
        "distance_km": round(distance_km(place, nearest.place), 2),
    }
    return area.model_copy(update=shown)


def plan(session: Session, *, now: datetime) -> int:
    """Let the addresses of practices be looked up that are not known yet; returns their number.

    Keys are written when a practice's event arrives, and addresses may be cleaned otherwise since: such rows get the
    key of today. Else they would be planned for ever, under a key that no practice has.
    """
    unplanned = store.unplanned(session, at_most=PORTION)
    stale = {each.lookup_key for each in unplanned if each.lookup_key and each.lookup_key != _key_of(each)}
    renamed = store.lock_practices_at(session, stale)
    for each in renamed:
        each.lookup_key = _key_of(each)
    session.flush()
    found = {clean.key: clean for each in (*unplanned, *renamed) if (clean := _clean(_written(each)))}
    store.add(session, found.values(), now=now)
    return len(found)


def _key_of(located: LocatedAddress) -> str | None:
    return key_of(_written(located))


def _written(located: LocatedAddress) -> Address:
    return Address(located.street, located.house_number, located.postal_code, located.city)


def _clean(address: Address) -> CleanAddress | None:
    cleaned = clean(address)
    key = lookup_key(cleaned)
    if key is None or cleaned.street is None:
        return None
    return CleanAddress(key, cleaned.street, cleaned.house_number, cleaned.postal_code, cleaned.city)


def claim(session: Session, *, lease: timedelta, now: datetime, key: str | None = None) -> Claim | None:
    """The address that is asked for next, or this one; None where none waits, or others ask for it."""
    found = store.claim(session, lease=lease, now=now, key=key)
    if found is None:
        return None
    return Claim(found.key, Address(found.street, found.house_number, found.postal_code, found.city))


def record_answer(
    session: Session, claimed: Claim, answers: Sequence[GeocoderPlace], *, rules: NominatimSettings, now: datetime
) -> BelievedAnswer:
    """Keep what a geocoder answered, and publish at once where practices are that have this address.

    An answer that is not believed changes nothing of what was known; it is asked for again sooner than a good one. None
    is kept of an address that was forgotten meanwhile: the practice moved, or the day is over.
    """
    believed = judging.judge(claimed.address, answers)
    practices = store.lock_practices_at(session, {claimed.key})
    for lookup in asked_store.for_change(session, AddressLookup, {claimed.key}):
        asked.record_answer(lookup, is_found=believed.found is not None, rules=rules, now=now)
        if believed.found:
            _keep(lookup, believed.found)
            session.flush()
            _publish(session, practices, believed.found, now=now)
    return believed


def _keep(lookup: AddressLookup, found: FoundAddress) -> None:
    lookup.latitude, lookup.longitude = found.place.latitude, found.place.longitude
    lookup.precision, lookup.source, lookup.federal_state = found.precision, found.source, found.federal_state


def record_failure(session: Session, claimed: Claim, *, now: datetime) -> None:
    """Let an address without an answer wait: longer each time, and beside all others."""
    asked.record_failure(session, AddressLookup, {claimed.key}, now=now)


def publish_better(session: Session, *, now: datetime) -> int:
    """Publish where practices are of which a geocoder's answer was not used yet; returns their number.

    An event and an answer that come at one moment do not know of each other.
    """
    located = store.lock_worse_than_known(session, at_most=PORTION)
    known = store.answered(session, {each.lookup_key for each in located if each.lookup_key})
    for each in located:
        if answer := known.get(each.lookup_key or ""):
            _publish(session, [each], _answer(answer), now=now)
    return len(located)


def _publish(session: Session, located: Sequence[LocatedAddress], found: FoundAddress, *, now: datetime) -> None:
    for each in located:
        values = columns_of(found)
        if any(getattr(each, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(each, name, value)
            each.updated_at = now
            record(session, each, event_of(each), now=now)


def _answer(lookup: AddressLookup) -> FoundAddress:
    """What a geocoder answered, with all federal states that the tables allow where it named none."""
    assert lookup.latitude is not None and lookup.longitude is not None  # noqa: PT018 - asked for so
    ours = find(Address(postal_code=lookup.postal_code, city=lookup.city))
    states = (FederalState(lookup.federal_state),) if lookup.federal_state else ours.federal_states if ours else ()
    place = Place(lookup.latitude, lookup.longitude)
    return FoundAddress(place, GeocodePrecision(lookup.precision or ""), lookup.source or "", states)


def forget(session: Session, *, now: datetime) -> int:
    """Delete addresses that no practice has and that nobody asked for within a day; returns their number."""
    return store.forget(session, now=now, at_most=PORTION)


def count_waiting(session: Session, *, now: datetime) -> int:
    """The number of addresses that wait for a geocoder."""
    return asked_store.count_due(session, AddressLookup, now=now)


def is_any_waiting(session: Session, *, now: datetime) -> bool:
    """Whether an address waits for a geocoder."""
    return asked_store.is_any_due(session, AddressLookup, now=now)
