"""What is kept and published of where an address lies."""

from __future__ import annotations

from typing import Any

from geocoding_service.domain.offline_geocoding import FoundAddress
from geocoding_service.store import queries
from shared.events.catalogue import AddressErased, AddressGeocoded
from shared.values.unchecked import unchecked


def columns_of(found: FoundAddress | None) -> dict[str, Any]:
    """Returns the columns of a located address that say where it lies."""
    return {
        "latitude": found.place.latitude if found else None,
        "longitude": found.place.longitude if found else None,
        "precision": found.precision if found else None,
        "federal_state": found.federal_state if found else None,
        "federal_states": [str(each) for each in found.federal_states] if found else None,
        "source": found.source if found else None,
    }


def event_of(located: Any) -> AddressGeocoded:
    """Returns the event of a row of the table."""
    published = {name: getattr(located, name) for name in queries.PUBLISHED}
    published["federal_states"] = located.federal_states or []
    return unchecked(AddressGeocoded, {"owner_kind": located.owner_kind, "owner_id": located.id, **published})


def erasure_of(located: Any) -> AddressErased:
    """Returns the last event of a row of the table."""
    return AddressErased(owner_kind=located.owner_kind, owner_id=located.id)
