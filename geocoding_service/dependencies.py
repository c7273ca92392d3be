"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from geocoding_service.clients.nominatim import Nominatim
from geocoding_service.clients.osrm import Osrm, Router
from geocoding_service.settings import NominatimSettings, OsrmSettings, Settings
from shared.values.enums import TravelMode


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: NominatimSettings
    geocoder: Nominatim | None
    """None where no server is configured."""
    route_rules: OsrmSettings = field(default_factory=OsrmSettings)
    routers: Mapping[TravelMode, Router] = field(default_factory=dict)
    """The router of each mode that has one: whichever fits, OSRM or another."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the geocoder and the routers that the settings name."""
        rules, osrm = settings.nominatim, settings.osrm
        routers = {mode: Osrm(osrm, mode) for mode in TravelMode if osrm.url_of(mode)}
        return cls(rules, Nominatim(rules) if rules.url else None, osrm, routers)
