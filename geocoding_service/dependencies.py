"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from geocoding_service.clients.nominatim import Nominatim
from geocoding_service.clients.osrm import Osrm, Router
from geocoding_service.settings import NominatimSettings, OsrmSettings, Settings
from shared.values.enums import TravelMode

THREADS_FOR_ONE_THAT_WAITS: Final = 4
"""Of four threads that answer requests one may wait for a server outside. Chosen, not measured."""


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: NominatimSettings
    geocoder: Nominatim | None
    """None where no server is configured."""
    route_rules: OsrmSettings = field(default_factory=OsrmSettings)
    routers: Mapping[TravelMode, Router] = field(default_factory=dict)
    """The router of each mode that has one: whichever fits, OSRM or another."""
    waiting: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """How many threads of this process may wait for a server outside at once."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the geocoder and the routers that the settings name."""
        rules, osrm = settings.nominatim, settings.osrm
        routers = {mode: Osrm(osrm, mode) for mode in TravelMode if osrm.url_of(mode)}
        waiting = BoundedSemaphore(max(1, settings.web_threads // THREADS_FOR_ONE_THAT_WAITS))
        return cls(rules, Nominatim(rules) if rules.url else None, osrm, routers, waiting)
