"""Named questions to the addresses that a geocoder is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from geocoding_service.store.tables import AddressLookup, LocatedAddress
from shared.database.sets import is_among

_PARTS: Final = ("street", "house_number", "postal_code", "city")


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


def waiting_keys(session: Session, keys: Collection[str], *, now: datetime) -> set[str]:
    """Which of these addresses wait for the geocoder's first answer or for its next."""
    meant = is_among(AddressLookup.key, keys)
    never = or_(AddressLookup.answered_at.is_(None), AddressLookup.due_at <= now)
    return set(session.scalars(select(AddressLookup.key).where(meant, never))) if keys else set()


def add(session: Session, addresses: Collection[CleanAddress], *, now: datetime, until: datetime | None = None) -> None:
    """Let these addresses be looked up, those that are not known yet; `until`: somebody asked, and it is kept so long.

    An address that somebody asked for before is kept until the later of the two.
    """
    rows = [
        {"key": each.key, **{name: getattr(each, name) for name in _PARTS}, "due_at": now, "requested_until": until}
        for each in sorted({each.key: each for each in addresses}.values(), key=lambda each: each.key)
    ]
    if not rows:
        return
    new = insert(AddressLookup)
    session.execute(
        new.on_conflict_do_update(
            index_elements=["key"],
            set_={"requested_until": func.greatest(AddressLookup.requested_until, new.excluded.requested_until)},
        )
        if until
        else new.on_conflict_do_nothing(),
        rows,
    )


def unplanned(session: Session, *, at_most: int) -> Sequence[LocatedAddress]:
    """Addresses of practices that are among no lookups yet, one for each key."""
    is_known = exists().where(AddressLookup.key == LocatedAddress.lookup_key)
    wanted = select(LocatedAddress).where(LocatedAddress.lookup_key.is_not(None), ~is_known)
    one_each = wanted.ext(distinct_on(LocatedAddress.lookup_key)).order_by(LocatedAddress.lookup_key)
    return session.scalars(one_each.limit(at_most)).all()


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Whether an address waits for the geocoder."""
    return bool(session.scalar(select(exists().where(AddressLookup.due_at <= now))))


def count_due(session: Session, *, now: datetime) -> int:
    """The number of addresses that wait for the geocoder."""
    return session.scalar(select(func.count()).select_from(AddressLookup).where(AddressLookup.due_at <= now)) or 0


def claim(session: Session, *, lease: timedelta, now: datetime, key: str | None = None) -> AddressLookup | None:
    """The address that has waited longest, or the one with this key if it waits: from now on it is asked for here.

    What somebody asked for comes before what nobody waits for. None where no address waits, or others ask for it.
    """
    if key:
        found = _first_due(session, AddressLookup.key == key, now=now)
    else:
        found = _first_due(session, AddressLookup.requested_until.is_not(None), now=now) or _first_due(session, now=now)
    if found is not None:
        found.due_at, found.attempts = now + lease, found.attempts + 1
        session.flush()
    return found


def _first_due(session: Session, *conditions: ColumnElement[bool], now: datetime) -> AddressLookup | None:
    wanted = select(AddressLookup).where(AddressLookup.due_at <= now, *conditions).order_by(AddressLookup.due_at)
    locked = wanted.limit(1).with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return session.scalar(locked)


def for_change(session: Session, key: str) -> AddressLookup | None:
    """The lookup with this key, locked; None where it was forgotten meanwhile."""
    return session.get(AddressLookup, key, with_for_update=True, populate_existing=True)


def lock_practices_at(session: Session, keys: Collection[str]) -> Sequence[LocatedAddress]:
    """Practices at the addresses with these keys, locked in the order of their ids."""
    return _locked(session, is_among(LocatedAddress.lookup_key, keys)) if keys else []


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
    gone = delete(AddressLookup).where(AddressLookup.key.in_(old.with_for_update(skip_locked=True)))
    result = session.execute(gone.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
