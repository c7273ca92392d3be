"""What this service reads from the environment."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.runtime.settings import IN_WORKER, ServiceSettings, WebPort
from shared.values.contacts import EmailAddress


class Settings(ServiceSettings):
    """The communication service's settings."""

    service: str = "communication_service"
    database_password: SecretStr = Field(validation_alias="COMMUNICATION_SERVICE_DATABASE_PASSWORD")
    port: WebPort = Field(default=8004, validation_alias="COMMUNICATION_SERVICE_PORT")

    smtp_host: Annotated[str, IN_WORKER] = "127.0.0.1"
    smtp_port: Annotated[int, IN_WORKER] = Field(default=1025, ge=1, le=65535)
    smtp_username: Annotated[str, IN_WORKER] = ""
    smtp_password: Annotated[SecretStr, IN_WORKER] = SecretStr("")
    smtp_tls: Annotated[Literal["none", "starttls", "tls"], IN_WORKER] = "none"
    mail_from: EmailAddress = "vermittlung@agentur.example.org"
    mail_from_name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)

    email_retry_seconds: float = Field(default=60, gt=0, le=3600)
    """The first pause after a mail server said "later", or took nothing at all; each further one is twice as long."""
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

    @field_validator("smtp_tls")
    @classmethod
    def _keeps_the_password_secret(cls, tls: str, others: ValidationInfo) -> str:
        password: SecretStr = others.data.get("smtp_password", SecretStr(""))
        says_something = bool(others.data.get("smtp_username") or password.get_secret_value())
        if tls == "none" and says_something and not _is_this_machine(others.data.get("smtp_host", "")):
            raise ValueError(
                "none would send SMTP_USERNAME and SMTP_PASSWORD in clear: set starttls or tls"
                " (or a mail server on this machine: SMTP_HOST 127.0.0.1, ::1 or localhost)"
            )
        return tls

    @field_validator("mail_from")
    @classmethod
    def _is_ascii(cls, address: str) -> str:
        if not address.isascii():
            raise ValueError("must be written in ASCII (a domain with umlauts as xn--…)")
        return address

    @field_validator("mail_from_name")
    @classmethod
    def _is_one_line(cls, name: str) -> str:
        if not name.isprintable() or not name.strip():
            raise ValueError("must be one line of printable characters")
        return name


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
