"""Where the gateway is found: its own settings, which services that write links to it read too."""

from __future__ import annotations

from pydantic import field_validator

from shared.runtime.hosts import check_url, own_url
from shared.runtime.settings import EnvironmentSettings, Port


class GatewayAddress(EnvironmentSettings):
    """The address that all services have in common."""

    gateway_port: Port = 8080
    """The gateway's port."""
    gateway_bind: str = "127.0.0.1"
    """The address that the gateway listens on. Without accounts (AUTH=none) it must be one of this machine alone."""
    gateway_tls_certificate_file: str = ""
    """A file (PEM) with the gateway's certificate and those of its authorities; with it the gateway speaks HTTPS only.
    Empty: HTTP."""

    @property
    def gateway_url(self) -> str:
        """The gateway's address for this machine."""
        return own_url(self.gateway_bind, self.gateway_port, has_tls=bool(self.gateway_tls_certificate_file))


class PublicAddress(GatewayAddress):
    """Where people reach the platform, for each service that writes links."""

    public_url: str = ""
    """Where people reach the platform, for the links in e-mails; with https the cookie of a session is sent over TLS
    only. Empty: the gateway on this machine."""

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return url and check_url(url).rstrip("/")

    @property
    def platform_url(self) -> str:
        """Where people reach the platform."""
        return self.public_url or self.gateway_url
