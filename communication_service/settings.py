"""What this service reads from the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from shared.settings import ServiceSettings, WebPort
from shared.values.contacts import EmailAddress


class Settings(ServiceSettings):
    """The communication service's settings."""

    service: str = "communication_service"
    database_password: SecretStr = Field(validation_alias="COMMUNICATION_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8004, validation_alias="COMMUNICATION_SERVICE_PORT")

    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=1025, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    mail_from: EmailAddress = "vermittlung@agentur.example.org"
    mail_from_name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)

    email_retry_seconds: float = Field(default=60, gt=0, le=3600)
    """The first pause after a mail server said "later"; each further one is twice as long, up to an hour."""
    request_gathering_seconds: float = Field(default=5, ge=0, le=86_400)
    days_between_inquiry_emails: int = Field(default=7, ge=1, le=366)
    patients_per_contact: int = Field(default=6, ge=1, le=20)
    call_minutes: int = Field(default=5, ge=5, le=60, multiple_of=5)
    call_attempts: int = Field(default=3, ge=1, le=100)
    days_until_call: int = Field(default=7, ge=1, le=366)
    """An inquiry e-mail that nobody answered for so many days is followed by a call."""

    @field_validator("smtp_username", "smtp_password")
    @classmethod
    def _can_be_sent(cls, credential: str | SecretStr) -> str | SecretStr:
        text = credential if isinstance(credential, str) else credential.get_secret_value()
        if not text.isascii():
            raise ValueError("must be ASCII: mail servers do not agree on how other characters are sent")
        return credential

    @field_validator("mail_from")
    @classmethod
    def _is_ascii(cls, address: str) -> str:
        if not address.isascii():
            raise ValueError("must be written in ASCII (a domain with umlauts as xn--…)")
        return address

    @field_validator("mail_from_name")
    @classmethod
    def _is_one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("must be one line of printable characters")
        return name
