"""What this service reads from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.runtime.settings import Key, ServiceSettings, WebPort


class Settings(ServiceSettings):
    """The patient service's settings."""

    service: str = "patient_service"
    database_password: SecretStr = Field(validation_alias="PATIENT_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8001, validation_alias="PATIENT_SERVICE_PORT")
    master_key: Key
    """Wraps the data keys of patients and keys the blind indexes."""
