"""What the gateway reads from the environment; `start.sh` writes it into nginx's configuration."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from shared.runtime.gateway_address import GatewayAddress
from shared.runtime.hosts import check_networks
from shared.runtime.settings import Unit

_PATH = re.compile(r"/[\w./@+-]+")


class GatewaySettings(GatewayAddress):
    """The one address of all services: nginx, which passes each request to the service that has its path."""

    gateway_tls_key_file: str = ""
    """The file (PEM) with the certificate's private key, which nobody else should be able to read."""
    gateway_requests_per_second: Annotated[int, Unit("requests")] = Field(default=100, ge=1, le=1_000_000)
    """Requests that one client address (of IPv6: its /64) may send in a second, for long; twice as many in a burst.
    More are answered 429."""
    gateway_open_requests_per_second: Annotated[int, Unit("requests")] = Field(default=10, ge=1, le=1_000_000)
    """The same for where anybody could try secrets: sign-ins, and the tokens of links."""
    gateway_connections: Annotated[int, Unit("connections")] = Field(default=100, ge=1, le=100_000)
    """Connections of one client address on which a request is being answered at once."""

    gateway_trusted_proxies: str = ""
    """Addresses and networks, separated by commas, of proxies before the gateway. Of a request that comes from one of
    them, the client's address is the last one in `X-Forwarded-For` that is none of theirs; nobody else is believed.
    Empty: there is no proxy. A proxy that is not named here is one client, and all people share its limits."""

    @field_validator("gateway_trusted_proxies")
    @classmethod
    def _are_networks(cls, listed: str) -> str:
        return check_networks(listed)

    @field_validator("gateway_bind")
    @classmethod
    def _is_an_address(cls, bind: str) -> str:
        ip_address(bind)
        return bind

    @field_validator("gateway_tls_certificate_file", "gateway_tls_key_file")
    @classmethod
    def _is_a_file(cls, location: str) -> str:
        if location and not _PATH.fullmatch(location):
            raise ValueError("must be an absolute path of letters, digits and . _ @ + - /")
        if location and not os.path.isfile(location):
            raise ValueError("there is no such file")
        return location

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if bool(self.gateway_tls_certificate_file) != bool(self.gateway_tls_key_file):
            raise ValueError("set both GATEWAY_TLS_CERTIFICATE_FILE and GATEWAY_TLS_KEY_FILE, or neither")
        return self
