"""What this service reads from the environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.runtime.settings import Key, Password, ServiceSettings, WebPort


class Settings(ServiceSettings):
    """What the patient service reads beside what every service does."""

    service: ClassVar[str] = "patient_service"

    database_password: Password = Field(validation_alias="PATIENT_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="PATIENT_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8001, validation_alias="PATIENT_SERVICE_PORT")
    master_key: Key
    """Wraps the data key of every patient and keys the blind indexes (32 random bytes, base64); only the patient
    service gets it. Keep a copy apart from the database and its backups: without it nobody can read a patient's data
    again."""
