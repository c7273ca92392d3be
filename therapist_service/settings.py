"""What this service reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.runtime.settings import ServiceSettings, WebPort


class Settings(ServiceSettings):
    """The therapist service's settings."""

    service: str = "therapist_service"
    database_password: SecretStr = Field(validation_alias="THERAPIST_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8002, validation_alias="THERAPIST_SERVICE_PORT")
    import_url: str = ""
    """Folder that is watched for the scraper's files (`file:///…`); empty: no watch."""
    import_patience_seconds: float = Field(default=60, ge=0, le=86_400)
    """A file that cannot be read to its end may still be being written for this long after it last changed."""
