"""A place as a geocoder outside knows it, whichever it is: its words in ours, and nothing of it believed yet."""

from __future__ import annotations

from dataclasses import dataclass

from shared.values.places import Place


@dataclass(frozen=True)
class GeocoderPlace:
    """A place, and the address that the geocoder says is there."""

    place: Place
    country: str | None
    """ISO 3166-1 in small letters."""
    federal_state: str | None
    """The second half of its ISO 3166-2 code."""
    postal_code: str | None
    city: str | None
    street: str | None
    house_number: str | None
    source: str
    """Whose data it is, for the credits."""
