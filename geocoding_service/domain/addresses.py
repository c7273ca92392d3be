"""The addresses of patients and therapists: kept from events, looked up, and published where they changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from geocoding_service.domain import geocoder_requests
from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.publishing import columns_of, erasure_of, event_of
from geocoding_service.store import queries
from geocoding_service.store.tables import LocatedAddress
from shared.database import Session
from shared.events.catalogue import AddressErased, AddressGeocoded, PublicPatient, PublicTherapist
from shared.events.erasures import count_published, record_erased
from shared.events.event import EventEnvelope
from shared.events.outbox import record_all

Row = dict[str, Any]
PARTS: Final = ("street", "house_number", "postal_code", "city")


def keep_addresses_of_patients(
    session: Session, states: Sequence[tuple[PublicPatient, EventEnvelope]], *, now: datetime
) -> None:
    """Keep where these patients live, of whose addresses only the postal code is known."""
    _keep(session, [_of_patient(patient, envelope) for patient, envelope in states], now=now)


def forget_addresses_of_patients(
    session: Session, patients: Sequence[tuple[UUID, EventEnvelope]], *, now: datetime
) -> None:
    """These patients are no more: nothing is known of where they live, and that is published."""
    _keep(session, [_row(id, "patient", Address(), envelope) for id, envelope in patients], now=now)


def keep_addresses_of_therapists(
    session: Session, states: Sequence[tuple[PublicTherapist, EventEnvelope]], *, now: datetime
) -> None:
    """Keep where these therapists have their practices."""
    _keep(session, [_of_therapist(therapist, envelope) for therapist, envelope in states], now=now)


def forget_addresses_of_therapists(
    session: Session, therapists: Sequence[tuple[UUID, EventEnvelope]], *, now: datetime
) -> None:
    """These therapists are no more: nothing is known of where their practices are, and that is published."""
    _keep(session, [_row(id, "therapist", Address(), envelope) for id, envelope in therapists], now=now)


def _keep(session: Session, rows: Sequence[Row], *, now: datetime) -> None:
    """Keep these addresses, and record `address.geocoded` for each that is new or changed.

    Events may come twice and in any order: only a newer one than the known one counts. An address that nobody knows is
    published too, without coordinates. A newer table of postal codes is published with the owner's next event, what a
    geocoder knows better as soon as a job has asked it (`lookups`): nothing outside is asked here.
    """
    addresses = [Address(*(row[name] for name in PARTS)) for row in rows]
    keys = {address: row["lookup_key"] for row, address in zip(rows, addresses, strict=True)}
    known = geocoder_requests.best_known(session, keys)
    located = [{**row, **columns_of(known[address])} for row, address in zip(rows, addresses, strict=True)]
    written = queries.ADDRESSES.keep(session, located, now=now)
    record_all(session, [(each.id, each.sequence, event_of(each)) for each in written if each.is_due], now=now)


def erase_addresses_of_patients(session: Session, envelopes: Sequence[EventEnvelope], *, now: datetime) -> None:
    """Erase the addresses of the subjects of these events, and confirm it; doing it again changes nothing."""
    patients = sorted({each.subject for each in envelopes})
    record_erased(session, patients, now=now)
    rows = [
        {"id": each.subject, "owner_kind": "patient", **each.position("owner_"), "erased": True} for each in envelopes
    ]
    written = queries.TOMBSTONES.keep(session, rows, now=now)
    record_all(session, [(each.id, each.sequence, erasure_of(each)) for each in written], now=now)
    count_published(session, patients, now=now)


def lock(session: Session, owner_ids: Iterable[UUID]) -> None:
    """Let nobody else change the addresses of these owners before this transaction ends."""
    queries.lock_addresses(session, owner_ids)


def snapshots(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[LocatedAddress, AddressGeocoded | AddressErased]]:
    """The next owners' addresses after this id, locked, and what was last published of them."""
    found = queries.addresses_after(session, after, limit=limit)
    return [(each, erasure_of(each) if each.erased else event_of(each)) for each in found]


def _of_patient(patient: PublicPatient, envelope: EventEnvelope) -> Row:
    return _row(patient.id, "patient", Address(postal_code=patient.postal_code), envelope)


def _of_therapist(therapist: PublicTherapist, envelope: EventEnvelope) -> Row:
    address = Address(therapist.street, therapist.house_number, therapist.postal_code, therapist.city)
    return _row(therapist.id, "therapist", address, envelope)


def _row(owner_id: UUID, owner_kind: str, address: Address, envelope: EventEnvelope) -> Row:
    key = geocoder_requests.key_of(address) if owner_kind == "therapist" else None
    return {
        "id": owner_id,
        "owner_kind": owner_kind,
        **envelope.position("owner_"),
        **vars(address),
        "lookup_key": key,
    }
