"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from geocoding_service.clients.nominatim import Nominatim
from geocoding_service.settings import NominatimSettings, Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: NominatimSettings
    geocoder: Nominatim | None
    """None where no server is configured."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the geocoder that the settings name."""
        rules = settings.nominatim
        return cls(rules, Nominatim(rules) if rules.url else None)
