"""Events of geocoding_service."""

from __future__ import annotations

from uuid import UUID

from shared.events.catalogue.payloads import Latitude, Longitude, Texts
from shared.events.event import StateEvent


class AddressGeocoded(StateEvent, name="address.geocoded"):
    """The location of an address, or that it is unknown; it applies only while the address is still the current one."""

    owner_kind: str
    """patient or therapist; the event's subject is the owner's id."""
    owner_id: UUID
    street: str | None = None
    house_number: str | None = None
    postal_code: str | None = None
    city: str | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    precision: str | None = None
    federal_state: str | None = None
    federal_states: Texts = []
    """All that it may be in: several where a postal code crosses a border and nothing says on which side."""
    source: str | None = None

    @property
    def states(self) -> list[str]:
        """The federal states that it may be in; empty where none is known."""
        return self.federal_states or list(filter(None, [self.federal_state]))


class AddressErased(StateEvent, name="address.erased"):
    """The address of somebody who was erased is gone; the last state there is of it."""

    owner_kind: str
    owner_id: UUID
