"""What this service reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The therapist service's settings."""

    service: str = "therapist_service"
    database_password: SecretStr = Field(validation_alias="THERAPIST_SERVICE_DATABASE_PASSWORD")
    port: int = Field(default=8002, validation_alias="THERAPIST_SERVICE_PORT")
    import_url: str = ""
    """Folder that is watched for the scraper's files (`file:///…`); empty: no watch."""
