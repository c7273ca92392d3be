"""Where the gateway is found: its own settings, which the service that writes links to it reads too."""

from __future__ import annotations

from shared.runtime.hosts import own_url
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
