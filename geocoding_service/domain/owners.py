"""The addresses of patients and therapists: remembered, looked up when they change, told to the world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from geocoding_service.domain.lookup import Address, find
from geocoding_service.store import queries
from geocoding_service.store.tables import LocatedAddress
from shared.database import Session
from shared.database.copies import newest_of
from shared.events.catalogue import AddressGeocoded, PublicPatient, PublicTherapist
from shared.events.event import EventEnvelope
from shared.events.outbox import record_all


@dataclass(frozen=True)
class Owner:
    """Whose address it is, and in which envelope the owner's event told it."""

    id: UUID
    kind: str
    envelope: EventEnvelope
    address: Address

    @classmethod
    def patient(cls, patient: PublicPatient, envelope: EventEnvelope) -> Owner:
        """A patient, of whose address only the postal code is told."""
        return cls(patient.id, "patient", envelope, Address(postal_code=patient.postal_code))

    @classmethod
    def therapist(cls, therapist: PublicTherapist, envelope: EventEnvelope) -> Owner:
        """A therapist."""
        address = Address(therapist.street, therapist.house_number, therapist.postal_code, therapist.city)
        return cls(therapist.id, "therapist", envelope, address)


def locate(session: Session, owners: Sequence[Owner], *, now: datetime) -> None:
    """Remember where these owners live now, and record `address.geocoded` for each whose address is new or changed.

    Events may come twice and in any order: only a newer one than the remembered one counts. An address that nobody
    knows is told too, without coordinates. A newer table of postal codes is told with the owner's next event.
    """
    newest, overruling = newest_of(
        [{"id": owner.id, "owner": owner, **owner.envelope.position("owner_")} for owner in owners], part="owner_"
    )
    kinds = {row["id"]: row["owner"].kind for row in newest}
    told = {row["id"]: _told(row["owner"].address) for row in newest}
    rows = [
        {**row["owner"].envelope.position("owner_"), "id": row["id"], "owner_kind": kinds[row["id"]], **told[row["id"]]}
        for row in newest
    ]
    due = queries.remember_addresses(session, rows, overruling=overruling, now=now)
    events = [
        (id, sequence, AddressGeocoded(owner_kind=kinds[id], owner_id=id, **told[id])) for id, sequence in due.items()
    ]
    record_all(session, events, now=now)


def lock(session: Session, owner_ids: Iterable[UUID]) -> None:
    """Let nobody else change the addresses of these owners before this transaction ends."""
    queries.lock_addresses(session, owner_ids)


def states(
    session: Session,
    *,
    after: UUID,
    limit: int,
    now: datetime,  # noqa: ARG001 - all have it
) -> Sequence[tuple[LocatedAddress, AddressGeocoded]]:
    """The next owners' addresses after this id, locked, and what was last told of them."""
    return [
        (
            address,
            AddressGeocoded(
                owner_kind=address.owner_kind,
                owner_id=address.id,
                **{name: getattr(address, name) for name in queries.TOLD},
            ),
        )
        for address in queries.addresses_after(session, after, limit=limit)
    ]


def _told(address: Address) -> dict[str, Any]:
    found = find(address)
    return {
        **vars(address),
        "latitude": found.place.latitude if found else None,
        "longitude": found.place.longitude if found else None,
        "precision": found.precision if found else None,
        "federal_state": found.federal_state if found else None,
        "source": found.source if found else None,
    }
