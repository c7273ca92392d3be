"""What this service reads from the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.settings import Password, ServiceSettings, WebPort


class Settings(ServiceSettings):
    """The matching service's settings."""

    service: ClassVar[str] = "matching_service"

    database_password: Password = Field(validation_alias="MATCHING_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8003, validation_alias="MATCHING_SERVICE_PORT")
