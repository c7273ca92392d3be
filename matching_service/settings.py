"""What this service reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings, WebPort


class Settings(ServiceSettings):
    """The matching service's settings."""

    service: str = "matching_service"
    database_password: SecretStr = Field(validation_alias="MATCHING_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8003, validation_alias="MATCHING_SERVICE_PORT")
