"""What this service reads from the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import Password, ServiceSettings, WebPort


class Settings(ServiceSettings):
    """What the geocoding service reads beside what every service does."""

    service: ClassVar[str] = "geocoding_service"

    database_password: Password = Field(validation_alias="GEOCODING_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="GEOCODING_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8005, validation_alias="GEOCODING_SERVICE_PORT")
