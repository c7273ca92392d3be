"""What this service reads from the environment."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.runtime.settings import InEnvFile, Password, Seconds, ServiceSettings, WebPort


class Settings(ServiceSettings):
    """What the therapist service reads beside what every service does."""

    service: ClassVar[str] = "therapist_service"

    database_password: Password = Field(validation_alias="THERAPIST_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="THERAPIST_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8002, validation_alias="THERAPIST_SERVICE_PORT")
    import_url: Annotated[str, InEnvFile("file://@checkout@/.state/imports")] = ""
    """Folder (`file:///…`) where the scraper's files arrive; a file is imported when it appears. Empty: no import."""
    import_patience_seconds: Seconds = Field(default=60, ge=0, le=86_400)
    """A file that cannot be read to its end may still be being written for this long after it last changed."""
