"""What this service reads from the environment."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from shared.runtime.gateway_address import PublicAddress
from shared.runtime.hosts import is_loopback
from shared.runtime.mail_settings import MailSender, MailServerSettings
from shared.runtime.settings import (
    IN_WORKER,
    EnvironmentSettings,
    Key,
    Password,
    Seconds,
    ServiceSettings,
    SettingsGroup,
    Unit,
    WebPort,
)
from shared.values.account_enums import OneTimeTokenPurpose
from shared.values.contacts import EmailAddress


class PasswordHashing(SettingsGroup):
    """How passwords are hashed: as OWASP's Password Storage Cheat Sheet recommends first, each hash in one thread."""

    memory_mib: Annotated[int, Unit("MiB")] = Field(default=46, ge=8, le=4096)
    """Memory of one hash (Argon2id). A hash with other parameters is renewed at the next sign-in."""
    passes: Annotated[int, Unit("passes")] = Field(default=1, ge=1, le=100)
    """Passes over that memory."""
    at_once: Annotated[int, Unit("hashes")] = Field(default=2, ge=1, le=100)
    """Hashes that one process computes at the same time. As many more attempts may wait for a second, and as many again
    of people who signed in from the same address before, who go first; all others are answered 503. A quarter of
    WEB_THREADS leaves threads for other requests."""


class SessionRules(SettingsGroup):
    """How long somebody stays signed in."""

    access_token_seconds: Seconds = Field(default=300, ge=30, le=3600)
    """How long an access token is valid; a token of a revoked session stays valid until then."""
    idle_hours: Annotated[float, Unit("hours")] = Field(default=12, ge=0.1, le=24 * 30)
    """After this time without use a session ends."""
    longest_days: Annotated[float, Unit("days")] = Field(default=14, ge=0.1, le=366)
    """After this time a person must sign in again in any case."""

    @property
    def access_token_lifetime(self) -> timedelta:
        """How long an access token is valid."""
        return timedelta(seconds=self.access_token_seconds)

    @property
    def idle(self) -> timedelta:
        """How long a session lives without use."""
        return timedelta(hours=self.idle_hours)

    @property
    def longest(self) -> timedelta:
        """How long a session lives at most."""
        return timedelta(days=self.longest_days)


class AccountEmails(MailSender):
    """Invitations, password resets and notices by e-mail."""

    mail_from: EmailAddress = "konten@agentur.example.org"
    """Who invitations, password resets and notices of changes are from: one address in ASCII."""
    mail_from_name: str = Field(default="Vermittlung von Therapieplätzen", min_length=1, max_length=100)
    """The name beside that address, and beside the account in the app that shows one-time passwords."""
    invitation_days: Annotated[float, Unit("days")] = Field(default=7, ge=0.01, le=366)
    """How long the link of an invitation can be used."""
    reset_minutes: Annotated[float, Unit("minutes")] = Field(default=60, ge=5, le=7 * 24 * 60)
    """How long the link of a password reset can be used."""
    retry_seconds: Seconds = Field(default=10, ge=0.1, le=3600)
    """Until such an e-mail is tried again that was not sent; the pause doubles, up to 15 minutes."""

    def lifetime(self, purpose: OneTimeTokenPurpose) -> timedelta:
        """How long a link for this purpose can be used."""
        is_invitation = purpose == OneTimeTokenPurpose.INVITATION
        return timedelta(days=self.invitation_days) if is_invitation else timedelta(minutes=self.reset_minutes)

    @property
    def retry(self) -> timedelta:
        """The first pause after an e-mail was not sent."""
        return timedelta(seconds=self.retry_seconds)


class LinksInClear(EnvironmentSettings):
    """What is read before the mail server's settings, which are judged by it."""

    smtp_links_in_clear: Annotated[bool, IN_WORKER] = False
    """Whether links with which anybody could sign in may go to a mail server elsewhere without TLS (SMTP_TLS=none):
    only where nobody else can read the network."""


class Settings(ServiceSettings, MailServerSettings, LinksInClear, PublicAddress):
    """What the user service reads beside what every service does."""

    service: ClassVar[str] = "user_service"

    database_password: Password = Field(validation_alias="USER_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="USER_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8006, validation_alias="USER_SERVICE_PORT")
    hashing: PasswordHashing = PasswordHashing()
    session: SessionRules = SessionRules()
    account: AccountEmails = AccountEmails()

    signing_key_secret: Key
    """Encrypts the keys that sign access tokens and those of one-time passwords. After a change nobody can sign in
    before `rotate-keys --at-once`, and who uses one-time passwords not before an administrator turned them off: keep
    it, apart from the database and its backups."""
    signing_key_pending_seconds: Seconds = Field(default=900, ge=120, le=86_400)
    """How long a new signing key is published before it signs: at least twice the minute between two fetches of
    the keys."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses and networks, separated by commas, of the gateways whose `X-Real-IP` names the client: attempts to sign
    in are counted by it."""

    @field_validator("smtp_host")
    @classmethod
    def _keeps_links_secret(cls, host: str, others: ValidationInfo) -> str:
        is_clear = others.data.get("smtp_tls") == "none" and not is_loopback(host)
        if is_clear and not others.data.get("smtp_links_in_clear"):
            raise ValueError(
                "SMTP_TLS=none would send links to sign in with in clear: set starttls or tls, or"
                " SMTP_LINKS_IN_CLEAR=true where nobody else can read the network"
            )
        return host

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, listed: str) -> str:
        for each in filter(None, map(str.strip, listed.split(","))):
            try:
                ip_network(each)
            except ValueError:
                raise ValueError("must be addresses or networks, separated by commas") from None
        return listed
