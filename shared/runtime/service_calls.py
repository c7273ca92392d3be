"""The settings with which a service calls others: where they are, and its own machine account."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr, field_validator

from shared.runtime.hosts import check_url, own_url
from shared.runtime.settings import EnvironmentSettings, Password, ServiceSettings, WebPort
from shared.values.account_enums import Scope

if TYPE_CHECKING:
    from shared.runtime.service_tokens import ServiceTokens

TOKEN_PATH = "/api/auth/token"  # noqa: S105 - where the user service signs machines in
SHORTEST_SECRET = 32
"""Characters of a secret that somebody else made: it is stored with a fast hash and tried without a limit."""


class CallingService(ServiceSettings):
    """What a service reads that calls others.

    `client_secret` is read from `<SERVICE>_CLIENT_SECRET`: the service's own class names it as a validation alias.
    """

    scopes: ClassVar[frozenset[Scope]]
    """What its machine account may do, and no more."""
    client_secret: Password
    """The secret of the service's machine account, with which it signs in to call other services: at least 32
    characters. `prepare-accounts`, a task of every start, makes the account and gives it this secret."""
    token_url: str = ""
    """Where services sign in for their calls to each other; empty: at the user service on this machine. Where another
    issuer has the accounts (JWKS_URL), its address for client credentials (OAuth 2.0): each service that calls others
    is a client there, called like the service, with the role `service` and the scopes of docs/access.md."""

    @field_validator("client_secret")
    @classmethod
    def _is_long(cls, secret: SecretStr) -> SecretStr:
        if len(secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters")
        return secret

    @field_validator("token_url")
    @classmethod
    def _names_a_host(cls, url: str) -> str:
        return url and check_url(url)

    def service_tokens(self) -> ServiceTokens:
        """Returns what gives this service its access tokens."""
        from shared.runtime.service_tokens import ServiceSignIn, ServiceTokens  # gunicorn's own process does without

        if self.auth == "none":
            return ServiceTokens(None)
        url = self.token_url or own_url(self.bind, self.user_service_port) + TOKEN_PATH
        sign_in = ServiceSignIn(url, self.service, self.client_secret, is_oauth=self.has_external_issuer)
        return ServiceTokens(sign_in)

    def address(self, url: str, port: int) -> str:
        """Returns where another service is reached: at this URL, or else on this machine."""
        return url.rstrip("/") or own_url(self.bind, port)


class _Address(EnvironmentSettings):
    @field_validator(
        "patient_service_url", "matching_service_url", "communication_service_url", "geocoding_service_url",
        check_fields=False,
    )  # fmt: skip
    @classmethod
    def _names_a_service(cls, url: str) -> str:
        return url and check_url(url)


class PatientServiceAddress(_Address):
    """Where the patient service is reached by others."""

    patient_service_port: WebPort = 8001
    """The port of the patient service; the health and metrics of its worker are on the port + 100."""
    patient_service_url: str = ""
    """Where other services reach the patient service; empty: on this machine."""


class MatchingServiceAddress(_Address):
    """Where the matching service is reached by others."""

    matching_service_port: WebPort = 8003
    """The port of the matching service; the health and metrics of its worker are on the port + 100."""
    matching_service_url: str = ""
    """Where other services reach the matching service; empty: on this machine."""


class CommunicationServiceAddress(_Address):
    """Where the communication service is reached by others."""

    communication_service_port: WebPort = 8004
    """The port of the communication service; the health and metrics of its worker are on the port + 100."""
    communication_service_url: str = ""
    """Where other services reach the communication service; empty: on this machine."""


class GeocodingServiceAddress(_Address):
    """Where the geocoding service is reached by others."""

    geocoding_service_port: WebPort = 8005
    """The port of the geocoding service; the health and metrics of its worker are on the port + 100."""
    geocoding_service_url: str = ""
    """Where other services reach the geocoding service; empty: on this machine."""


class ServiceAddresses(
    PatientServiceAddress, MatchingServiceAddress, CommunicationServiceAddress, GeocodingServiceAddress
):
    """Where services are reached by others. Each reads the addresses of those that it calls."""
