"""What this service reads from the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from shared.runtime.hosts import check_url
from shared.runtime.settings import Password, Seconds, ServiceSettings, SettingsGroup, Unit, WebPort
from shared.values.enums import TravelMode
from shared.values.geocoding_enums import RouterProtocol

PUBLIC_SERVERS = (
    "nominatim.openstreetmap.org",
    "router.project-osrm.org",
    "routing.openstreetmap.de",
    "valhalla1.openstreetmap.de",
)


class OutsideServerSettings(SettingsGroup):
    """What is set for every server that is not ours: who asks it how often, and how long its answers are good."""

    user_agent: str = Field(default="psychotherapy-matching-platform", min_length=1, max_length=200)
    """Who asks, for the server's operators: name an address at which they reach you."""
    interval_seconds: Seconds = Field(default=1, ge=0.001, le=60)
    """The time between two requests of all processes together to one server; at public servers one second or more."""
    timeout_seconds: Seconds = Field(default=5, ge=0.1, le=60)
    """For how long an answer is waited for, from the connection to its last byte."""
    kept_days: Annotated[int, Unit("days")] = Field(default=180, ge=1, le=3660)
    """For so many days an answer is good; then the server is asked again. So long routes between postal codes are kept
    after somebody asked for them."""
    not_found_days: Annotated[int, Unit("days")] = Field(default=7, ge=1, le=3660)
    """After so many days the server is asked again for what it did not know, or answered as it cannot be."""

    @property
    def kept(self) -> timedelta:
        """For how long an answer is good."""
        return timedelta(days=self.kept_days)

    @property
    def until_asked_again(self) -> timedelta:
        """For how long nobody asks again for what the server did not know."""
        return timedelta(days=self.not_found_days)

    @field_validator("url", "car_url", "bicycle_url", "foot_url", check_fields=False)
    @classmethod
    def _is_a_server(cls, url: str, others: ValidationInfo) -> str:
        """The address without its last slash, or nothing."""
        if urlsplit(url).query or urlsplit(url).fragment:
            raise ValueError("is an address without a query")
        if urlsplit(url).hostname in PUBLIC_SERVERS and others.data.get("interval_seconds", 1) < 1:
            raise ValueError("the public servers allow one request each second")
        return url and check_url(url).rstrip("/")


class NominatimSettings(OutsideServerSettings):
    """The geocoder that knows streets and houses: a server of Nominatim, which is not ours (docs/decisions/0041)."""

    url: str = ""
    """The address of a Nominatim server, without `/search`; empty: nobody outside is asked, and addresses are
    located by their postal codes. Practices' addresses are sent to it. The public server nominatim.openstreetmap.org
    allows no lists of thousands of addresses: for these run one of your own."""
    for_requests: bool = Field(default=False)
    """Whether the server is also asked for addresses and places that staff look up (`/api/geocode`,
    `/api/reverse-geocode`). They may be patients', so the server needs to be your own, or its operator a processor on
    your behalf (GDPR Art. 28). What practices' addresses are known by is used in any case."""


class RouterSettings(OutsideServerSettings):
    """What is set for routers, whichever protocol they speak (docs/decisions/0043)."""

    most_targets: Annotated[int, Unit("routes")] = Field(default=99, ge=1, le=99)
    """The number of routes that one request asks for at most; with the start one less than the server allows (OSRM:
    `--max-table-size`, Valhalla: `max_matrix_location_pairs`)."""
    for_coordinates: bool = Field(default=False)
    """Whether routes are also asked for whose start or end staff give by coordinates. Such a place may be where a
    patient lives, so the servers need to be your own, or their operator a processor on your behalf (GDPR Art. 28).
    Between postal codes they are asked in any case."""

    is_one_server: ClassVar[bool] = False
    """Whether one server knows the routes of all modes, so that the time between two requests is for all of them."""

    def url_of(self, mode: TravelMode) -> str:
        """The server for a mode; empty where there is none."""
        raise NotImplementedError


class OsrmSettings(RouterSettings):
    """Routers, which know the routes by road: servers of OSRM, which are not ours (docs/decisions/0043)."""

    car_url: str = ""
    """The address of an OSRM server for cars, without `/route`; empty: routes by car are estimated from the straight
    line. A server of OSRM knows the routes of one mode, by the profile that its data were made with."""
    bicycle_url: str = ""
    """The address of an OSRM server for bicycles."""
    foot_url: str = ""
    """The address of an OSRM server for walks."""

    def url_of(self, mode: TravelMode) -> str:
        """The server for a mode; empty where there is none, as for public transport, which OSRM does not know."""
        urls = {TravelMode.CAR: self.car_url, TravelMode.BICYCLE: self.bicycle_url, TravelMode.FOOT: self.foot_url}
        return urls.get(mode, "")


class ValhallaSettings(RouterSettings):
    """A router, which knows the routes by road: a server of Valhalla, which is not ours (docs/decisions/0043)."""

    url: str = ""
    """The address of a Valhalla server, with ROUTER=valhalla; empty: routes are estimated from the straight line. One
    server knows the routes of cars, bicycles and walks."""

    is_one_server: ClassVar[bool] = True

    def url_of(self, mode: TravelMode) -> str:
        """The server for a mode; empty for public transport, of which Valhalla makes no tables."""
        return "" if mode == TravelMode.TRANSIT else self.url


class Settings(ServiceSettings):
    """What the geocoding service reads beside what every service does."""

    service: ClassVar[str] = "geocoding_service"

    database_password: Password = Field(validation_alias="GEOCODING_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="GEOCODING_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8005, validation_alias="GEOCODING_SERVICE_PORT")
    nominatim: NominatimSettings = NominatimSettings()
    router: RouterProtocol = RouterProtocol.OSRM
    """How routers are asked: osrm (OSRM_CAR_URL and others) or valhalla (VALHALLA_URL)."""
    osrm: OsrmSettings = OsrmSettings()
    valhalla: ValhallaSettings = ValhallaSettings()
