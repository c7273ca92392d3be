"""What this service reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings, WebPort


class Settings(ServiceSettings):
    """The geocoding service's settings."""

    service: str = "geocoding_service"
    database_password: SecretStr = Field(validation_alias="GEOCODING_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8005, validation_alias="GEOCODING_SERVICE_PORT")
