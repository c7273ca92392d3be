"""The settings of the mail server, for each service that sends e-mails, and who they are from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.runtime.hosts import is_loopback
from shared.runtime.settings import IN_WORKER, EnvironmentSettings, Port, SettingsGroup
from shared.values.contacts import EmailAddress
from shared.values.emails import Sender


class MailSender(SettingsGroup):
    """Who a service's e-mails are from."""

    mail_from: EmailAddress
    """Who the e-mails are from: one address in ASCII."""
    mail_from_name: str = Field(min_length=1, max_length=100)
    """The name beside that address."""

    @property
    def sender(self) -> Sender:
        """Who the e-mails are from."""
        return Sender(self.mail_from, self.mail_from_name)

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


class MailServerSettings(EnvironmentSettings):
    """The mail server that takes the platform's e-mails; only workers know it."""

    smtp_tls: Annotated[Literal["none", "starttls", "tls"], IN_WORKER] = "none"
    """none, starttls or tls; with a password none is refused, except to this machine. An authority that this machine
    trusts must vouch for the server's certificate; for one of your own, the environment variable SSL_CERT_FILE names
    its certificate."""
    smtp_username: Annotated[str, IN_WORKER] = ""
    """The account at the mail server; ASCII, empty: none."""
    smtp_password: Annotated[SecretStr, IN_WORKER] = SecretStr("")
    """The password of that account; ASCII."""
    smtp_host: Annotated[str, IN_WORKER] = "127.0.0.1"
    """Where e-mails go out. The mail catcher of `make up` keeps them all and delivers none."""
    smtp_port: Annotated[Port, IN_WORKER] = 1025
    """The port of that mail server."""

    @field_validator("smtp_username", "smtp_password")
    @classmethod
    def _can_be_sent(cls, credential: str | SecretStr) -> str | SecretStr:
        text = credential if isinstance(credential, str) else credential.get_secret_value()
        if not text.isascii():
            raise ValueError("must be ASCII: mail servers do not agree on how other characters are sent")
        return credential

    @field_validator("smtp_host")
    @classmethod
    def _keeps_the_password_secret(cls, host: str, others: ValidationInfo) -> str:
        password: SecretStr = others.data.get("smtp_password", SecretStr(""))
        says_something = bool(others.data.get("smtp_username") or password.get_secret_value())
        if others.data.get("smtp_tls") == "none" and says_something and not is_loopback(host):
            raise ValueError(
                "SMTP_TLS=none would send SMTP_USERNAME and SMTP_PASSWORD in clear: set starttls or tls"
                " (or a mail server on this machine: SMTP_HOST 127.0.0.1, ::1 or localhost)"
            )
        return host
