"""What this service's endpoints and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from shared.runtime.smtp import MailServer
from user_service.domain.access_tokens import IssuerRules
from user_service.domain.passwords import PasswordHashes
from user_service.domain.secret_values import SecretValues
from user_service.domain.signing_keys import KeyTimes
from user_service.settings import AccountEmails, SessionRules, Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    passwords: PasswordHashes
    values: SecretValues
    tokens: IssuerRules
    issues_tokens: bool
    """Whether tokens are those of the accounts here, and not of another issuer."""
    sessions: SessionRules
    emails: AccountEmails
    mail_server: MailServer
    """Used in the worker alone: a web process does not get its address."""
    public_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]

    @property
    def has_tls(self) -> bool:
        """Whether people reach the platform over TLS."""
        return self.public_url.startswith("https://")

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """As the settings say."""
        pending = timedelta(seconds=settings.signing_key_pending_seconds)
        times = KeyTimes(pending=pending, token_lifetime=settings.session.access_token_lifetime)
        proxies = filter(None, map(str.strip, settings.trusted_proxies.split(",")))
        return cls(
            passwords=PasswordHashes(settings.hashing),
            values=SecretValues.of(settings.signing_key_secret.get_secret_value()),
            tokens=IssuerRules(settings.token_issuer, settings.token_audience, times),
            issues_tokens=not settings.has_external_issuer,
            sessions=settings.session,
            emails=settings.account,
            mail_server=_mail_server(settings),
            public_url=settings.platform_url,
            trusted_proxies=tuple(map(ip_network, proxies)),
        )


def _mail_server(settings: Settings) -> MailServer:
    """The mail server, with shorter waits than for inquiries: a person is waiting for the link."""
    server = MailServer.of(settings, own_name=settings.account.sender.domain)
    return replace(server, command_seconds=10, answer_seconds=30, handover_seconds=60)
