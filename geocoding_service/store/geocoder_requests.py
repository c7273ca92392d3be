"""Named questions to the addresses that a geocoder is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from geocoding_service.store import asked
from geocoding_service.store.tables import AddressLookup, LocatedAddress
from shared.database.sets import is_among


@dataclass(frozen=True)
class CleanAddress:
    """A clean address with its key."""

    key: str
    street: str
    house_number: str | None
    postal_code: str | None
    city: str | None


def answered(session: Session, keys: Collection[str]) -> Mapping[str, AddressLookup]:
    """The lookups with these keys whose addresses a geocoder knows."""
    meant = is_among(AddressLookup.key, keys)
    found = session.scalars(select(AddressLookup).where(meant, AddressLookup.latitude.is_not(None))) if keys else ()
    return {each.key: each for each in found}


def add(session: Session, addresses: Collection[CleanAddress], *, now: datetime, until: datetime | None = None) -> None:
    """Let these addresses be looked up, those that are not known yet; `until`: somebody asked, and it is kept so long.

    An address that somebody asked for before is kept until the later of the two.
    """
    rows = [{**vars(each), "requested_until": until} for each in addresses]
    kept = AddressLookup.requested_until if until else None
    asked.add(session, AddressLookup, rows, kept=kept, now=now)


def unplanned(session: Session, *, at_most: int) -> Sequence[LocatedAddress]:
    """Addresses of practices that are among no lookups yet, one for each key."""
    is_known = exists().where(AddressLookup.key == LocatedAddress.lookup_key)
    wanted = select(LocatedAddress).where(LocatedAddress.lookup_key.is_not(None), ~is_known)
    one_each = wanted.ext(distinct_on(LocatedAddress.lookup_key)).order_by(LocatedAddress.lookup_key)
    return session.scalars(one_each.limit(at_most)).all()


def claim(session: Session, *, lease: timedelta, now: datetime, key: str | None = None) -> AddressLookup | None:
    """The address that has waited longest, or the one with this key if it waits: from now on it is asked for here.

    What somebody asked for comes before what nobody waits for. None where no address waits, or others ask for it.
    """
    first_of = partial(asked.lock_due, session, AddressLookup, at_most=1, now=now)
    if key:
        found = first_of(AddressLookup.key == key)
    else:
        found = first_of(AddressLookup.requested_until.is_not(None)) or first_of()
    asked.lease(session, found, lease=lease, now=now)
    return found[0] if found else None


def lock_practices_at(session: Session, keys: Collection[str]) -> Sequence[LocatedAddress]:
    """Practices at the addresses with these keys, locked in the order of their ids."""
    meant = LocatedAddress.lookup_key.is_not(None), is_among(LocatedAddress.lookup_key, keys)
    return _locked(session, *meant) if keys else []


def lock_worse_than_known(session: Session, *, at_most: int) -> Sequence[LocatedAddress]:
    """Practices that are still located otherwise than by the geocoder's answer, locked in the order of their ids."""
    differs = or_(
        LocatedAddress.latitude.is_distinct_from(AddressLookup.latitude),
        LocatedAddress.longitude.is_distinct_from(AddressLookup.longitude),
        LocatedAddress.precision.is_distinct_from(AddressLookup.precision),
    )
    is_worse = exists().where(
        AddressLookup.key == LocatedAddress.lookup_key, AddressLookup.latitude.is_not(None), differs
    )
    return _locked(session, LocatedAddress.lookup_key.is_not(None), is_worse, at_most=at_most)


def _locked(session: Session, *conditions: ColumnElement[bool], at_most: int | None = None) -> Sequence[LocatedAddress]:
    wanted = select(LocatedAddress).where(*conditions, ~LocatedAddress.erased).order_by(LocatedAddress.id)
    locked = wanted.limit(at_most).with_for_update().execution_options(populate_existing=True)
    return session.scalars(locked).all()


def forget(session: Session, *, now: datetime, at_most: int) -> int:
    """Delete lookups of addresses that no practice has and nobody asked for lately; returns their number."""
    is_practice = exists().where(LocatedAddress.lookup_key == AddressLookup.key)
    is_requested = and_(AddressLookup.requested_until.is_not(None), AddressLookup.requested_until > now)
    old = select(AddressLookup.key).where(~is_practice, ~is_requested).order_by(AddressLookup.key).limit(at_most)
    return asked.forget(session, AddressLookup, old)
