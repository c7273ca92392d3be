"""Settings that every service reads from the environment, once, at start; a missing one stops the process by name.

A setting is declared here, or in the `settings.py` of the package that reads it, and nowhere else: default, unit (in
its type), meaning (the docstring below it). `make env-example` writes `.env.example`, `docs/settings.md` and the
environments in `docker-compose.yml` from these classes. A process gets only what its class declares.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from shared.runtime.clock_settings import ClockSettings
from shared.runtime.environment import (
    HIGHEST_PORT,
    HIGHEST_WEB_PORT,
    IN_WORKER,
    LONGEST_SETTING,
    EnvironmentSettings,
    InEnvFile,
    OnlyIn,
    Port,
    Seconds,
    SettingsGroup,
    Unit,
    WebPort,
    error_lines,
    fields,
    group_of,
    names,
    read,
)
from shared.runtime.hosts import LOCAL, Hosts, check_host_names, check_url, is_loopback, own_url
from shared.runtime.worker_port import WORKER_PORT_DISTANCE
from shared.values.enums import Role
from shared.values.role_names import roles_by_name

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = [
    "HIGHEST_PORT",
    "HIGHEST_WEB_PORT",
    "IN_WORKER",
    "LONGEST_SETTING",
    "DatabaseSettings",
    "EnvironmentSettings",
    "InEnvFile",
    "KafkaAdministratorSettings",
    "KafkaSettings",
    "Key",
    "KeyRing",
    "OnlyIn",
    "Password",
    "Port",
    "Seconds",
    "ServiceSettings",
    "SettingsGroup",
    "Unit",
    "WebPort",
    "error_lines",
    "fields",
    "for_one_purpose",
    "group_of",
    "keys_in",
    "names",
    "read",
]


def _is_a_256_bit_key(key: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(key.get_secret_value(), validate=True))
    except ValueError as problem:
        raise ValueError("is not base64") from problem
    if length != 32:
        raise ValueError(f"holds {length} bytes, 32 are needed")
    return key


Key = Annotated[SecretStr, AfterValidator(_is_a_256_bit_key), InEnvFile("generate:key")]
"""Base64 of 32 random bytes."""


def _are_256_bit_keys(ring: SecretStr) -> SecretStr:
    for each in ring.get_secret_value().split(","):
        _is_a_256_bit_key(SecretStr(each))
    keys = keys_in(ring)
    if len(set(keys)) < len(keys):
        raise ValueError("has the same key twice")
    return ring


def keys_in(ring: SecretStr) -> list[bytes]:
    """The keys of a ring; the same bytes may stand there in different texts."""
    return [base64.b64decode(each) for each in ring.get_secret_value().split(",")]


KeyRing = Annotated[SecretStr, AfterValidator(_are_256_bit_keys), InEnvFile("generate:key")]
"""Keys with commas between them, each the base64 of 32 random bytes: the first writes, all of them read."""


def for_one_purpose(*rings: str, other_than: Sequence[str]) -> Any:
    """Returns a validator of a settings class: these rings have no key of the `other_than`, which come before them.

    Who learns one of the keys must not be able to do what another is for.
    """

    def has_none_of_others(ring: SecretStr, field: ValidationInfo) -> SecretStr:
        before = [field.data[name] for name in other_than if name in field.data]
        if {key for each in before for key in keys_in(each)}.intersection(keys_in(ring)):
            raise ValueError(f"has the same key as {' or '.join(name.upper() for name in other_than)}")
        return ring

    return field_validator(*rings)(has_none_of_others)


Password = Annotated[SecretStr, InEnvFile("generate:password")]
"""A password of the platform's own, which `make env` makes."""


JWKS_PATH: Final = "/.well-known/jwks.json"
"""Where the user service publishes its keys."""


def _is_external(jwks_url: str, user_service_port: int | None) -> bool:
    found = urlsplit(jwks_url)
    return bool(jwks_url) and (found.port, found.path) != (user_service_port, JWKS_PATH)


class DatabaseSettings(EnvironmentSettings):
    """The address of PostgreSQL: through PgBouncer for services, directly for migrations."""

    database_host: str = "127.0.0.1"
    """PgBouncer (transaction mode), which the services connect to."""
    database_port: Port = 6432
    """PgBouncer's port."""
    database_name: str = "psychotherapy"
    """The name of the platform's database, in which each service has its own schema."""
    database_sslmode: str = "prefer"
    """TLS to the database: disable, prefer, require, verify-ca or verify-full, as in libpq."""


class KafkaSettings(EnvironmentSettings):
    """The address of the Kafka cluster, and how to sign in there."""

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    """Host:port of Apache Kafka; several are separated by commas. `make up` starts a node for each; the number cannot
    change after the first start."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """With SASL_PLAINTEXT or SASL_SSL every service signs in with an account of its own; with PLAINTEXT and SSL
    everybody who reaches Kafka may read and write everything. The Kafka of `make up` has no TLS."""
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How services sign in: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN."""
    kafka_sasl_username: str = ""
    """One account for everybody, at a cluster that exists already; empty: each service has its own, which is called
    like it and may do only what the service needs."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """The password of that one account."""
    kafka_ssl_ca_location: str = ""
    """A file with the certificate of Kafka's certificate authority; empty: the authorities that this machine trusts."""
    kafka_replication_factor: Annotated[int, Unit("copies")] = Field(default=1, ge=1, le=100)
    """Replicas of each topic: 3 on three nodes or more."""
    kafka_min_insync_replicas: Annotated[int, Unit("copies")] = Field(default=1, ge=1, le=100)
    """Replicas that must have a message before it is acknowledged: 2 on three nodes or more."""
    kafka_compaction_lag_hours: Annotated[int, Unit("hours")] = Field(default=24, ge=1, le=24 * 30)
    """For how long the topics that keep states may hold one that a later one replaced, also the last state of a
    patient who was erased. Topics get it when they are made, and anew with every `make up`."""

    @field_validator("kafka_ssl_ca_location")
    @classmethod
    def _is_a_file(cls, location: str) -> str:
        if location and not os.path.isfile(location):
            raise ValueError("there is no such file")
        return location

    def kafka_client(self) -> dict[str, str | int]:
        """Returns the part of a librdkafka configuration with the cluster's address and our credentials."""
        named = {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            "security.protocol": self.kafka_security_protocol,
            "ssl.ca.location": self.kafka_ssl_ca_location,
            **(self._credentials() if self.kafka_security_protocol.startswith("SASL") else {}),
        }
        return {name: value for name, value in named.items() if value}

    def _credentials(self) -> dict[str, str]:
        shared = self.kafka_sasl_username, self.kafka_sasl_password
        username, password = shared if self.kafka_sasl_username else self._own_account()
        return {
            "sasl.mechanism": self._mechanism(),
            "sasl.username": username,
            "sasl.password": password.get_secret_value(),
        }

    def _mechanism(self) -> str:
        return self.kafka_sasl_mechanism

    def _own_account(self) -> tuple[str, SecretStr]:
        """The account of who reads these settings, where not everybody has the same."""
        return "", SecretStr("")


class KafkaAdministratorSettings(KafkaSettings):
    """The account at Kafka that makes topics and the accounts of the services, and may do everything.

    The nodes of `make up` and of `docker-compose.yml` sign in with it to each other, too.
    """

    kafka_admin_username: str = Field(default="administrator", min_length=1)
    """The name of that account."""
    kafka_admin_password: Password = SecretStr("")
    """The password of that account: letters, digits and `-_.~`. After a change restart Kafka."""
    kafka_admin_mechanism: Literal["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"] = "PLAIN"
    """How it signs in. Our own Kafka knows the account from its configuration, which takes PLAIN."""

    @field_validator("kafka_admin_username", "kafka_admin_password")
    @classmethod
    def _needs_no_quotes(cls, value: str | SecretStr) -> str | SecretStr:
        text = value if isinstance(value, str) else value.get_secret_value()
        if not re.fullmatch(r"[A-Za-z0-9._~-]*", text):
            raise ValueError("may have letters, digits and -_.~ only: it stands in Kafka's configuration")
        return value

    def _mechanism(self) -> str:
        return self.kafka_sasl_mechanism if self.kafka_sasl_username else self.kafka_admin_mechanism

    def _own_account(self) -> tuple[str, SecretStr]:
        return self.kafka_admin_username, self.kafka_admin_password


class ServiceSettings(DatabaseSettings, KafkaSettings, ClockSettings):
    """The settings of a web or worker process of any service; each service adds its own fields.

    `database_password`, `kafka_password` and `port` are read from `<SERVICE>_DATABASE_PASSWORD`,
    `<SERVICE>_KAFKA_PASSWORD` and `<SERVICE>_PORT`: a service's own class names these as validation aliases.
    """

    service: ClassVar[str]
    """The name of the service, which is also that of its schema, its role in the database and its account at Kafka."""

    database_password: Password
    """The password of the service's role in the database, which reads and writes rows of its own schema only."""
    kafka_password: Password
    """The password of the service's account at Kafka, which publishes the service's own events and reads those that it
    handles."""
    port: WebPort
    """The port of the web process; the worker's health and metrics are on the port + 100."""

    database_pool_size: Annotated[int, Unit("connections")] = Field(default=4, ge=1, le=1000)
    """Half of the connections to PgBouncer that each process opens at most; those it has needed stay open."""
    auth: Literal["none", "token"] = "token"
    """Who may call: with `token` everybody who has an access token, as far as its roles allow; `none`, for development
    and only while BIND is an address of this machine for itself, treats every caller as an administrator."""
    bind: str = "127.0.0.1"
    """The address that web and worker processes listen on. What else `make up` starts listens on 127.0.0.1, and the
    gateway on GATEWAY_BIND."""
    allowed_hosts: str = LOCAL
    """Host names, separated by commas, without ports, of the services and the mail catcher, beside 127.0.0.1; a request
    to any other is answered 421, so that no web page can read patients with a name of its own that points here."""
    web_processes: Annotated[int, Unit("processes")] = Field(default=1, ge=1, le=1000)
    """Processes of each web server."""
    web_threads: Annotated[int, Unit("threads")] = Field(default=8, ge=1, le=1000)
    """Threads in each process of a web server."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    token_issuer: str = Field(default="psychotherapy-platform", min_length=1)
    """Who issues access tokens (`iss`): the user service, or an OpenID Connect issuer in its place."""
    token_audience: str = Field(default="psychotherapy-platform", min_length=1)
    """For whom access tokens are made (`aud`)."""
    user_service_port: WebPort = 8006
    """The port of the user service."""
    jwks_url: str = ""
    """Where the issuer publishes its keys, fetched once a minute; empty: the user service on this machine. With a port
    or path that is not the user service's it is another issuer, and nobody signs in at the user service."""
    token_type: str = Field(default="at+jwt", min_length=1)
    """The kind of token (`typ`) that is accepted. Issuers that do not follow RFC 9068 write `JWT`."""
    token_roles_claim: str = Field(default="roles", min_length=1)
    """The claim with the roles; a path with dots leads into others, such as realm_access.roles."""
    token_role_names: str = ""
    """Which role each name of another issuer stands for, such as `office=coordinator,phone=caller`; other names then
    give no role. Empty: the issuer uses our names."""
    token_outage_grace: Seconds = Field(default=7200, ge=0, le=86_400)
    """For how long after the last contact with the issuer tokens stay valid that have expired since then, while it does
    not answer: everybody who is signed in continues, nobody new can sign in."""
    digest_key: KeyRing
    """The key of the digests that recognise a repeated request (`Idempotency-Key`), or a ring of several: replace it as
    docs/keys.md says. Without the old one repetitions of requests of the last 24 hours are refused; no data is lost."""

    consumer_batch_size: Annotated[int, Unit("events")] = Field(default=1000, ge=1, le=100_000)
    """The most events that a worker handles in one transaction."""
    relay_batch_size: Annotated[int, Unit("events")] = Field(default=1000, ge=1, le=100_000)
    """The most events that a worker publishes in one Kafka transaction."""
    relay_poll_seconds: Seconds = Field(default=0.02, ge=0.001, le=3600)
    """How long a worker waits between two polls for events to publish."""
    relay_lease_seconds: Seconds = Field(default=10, ge=0.1, le=3600)
    """How long the lease of a service's relay is valid without renewal before another worker takes over."""

    current_events_seconds: Seconds = Field(default=3, ge=2, le=600)
    """For how long e-mails and other jobs that act on events of other services go on without certainty that all of
    them are handled (docs/faults.md, section 28). A shorter time than 3 lets them wait for no reason under load."""

    otel_exporter_otlp_endpoint: str = ""
    """The address of an OTLP/HTTP collector for OpenTelemetry spans of requests, events and jobs, such as
    http://127.0.0.1:4318; empty: spans are not exported. A service that runs outside of `make up` needs
    requirements/tracing.txt."""

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, listed: str) -> str:
        return check_host_names(listed)

    @field_validator("bind")
    @classmethod
    def _is_for_those_who_sign_in(cls, bind: str, others: ValidationInfo) -> str:
        if others.data.get("auth") == "none" and not is_loopback(bind):
            raise ValueError("with AUTH=none everybody there would be an administrator: only 127.0.0.1 is possible")
        return bind

    @field_validator("jwks_url")
    @classmethod
    def _names_a_host(cls, url: str) -> str:
        return url and check_url(url)

    @field_validator("token_type", "token_roles_claim", "token_role_names")
    @classmethod
    def _is_what_the_issuer_writes(cls, chosen: str, field: ValidationInfo) -> str:
        assert field.field_name
        is_external = _is_external(field.data.get("jwks_url", ""), field.data.get("user_service_port"))
        if chosen != cls.model_fields[field.field_name].default and not is_external:
            raise ValueError(
                "the user service writes no such tokens, so that nobody could sign in: leave it as it is, or set"
                " JWKS_URL to the issuer that does"
            )
        return chosen

    @field_validator("token_role_names")
    @classmethod
    def _are_roles(cls, listed: str) -> str:
        roles_by_name(listed)
        return listed

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _is_an_endpoint(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError("is not an http(s) address")
        if endpoint and find_spec("opentelemetry") is None:
            raise ValueError("needs the packages in requirements/tracing.txt, or must be empty")
        return endpoint

    @property
    def hosts(self) -> Hosts:
        """Our host names."""
        return Hosts.of(self.allowed_hosts, bind=self.bind)

    @property
    def keys_url(self) -> str:
        """The address of the issuer's keys."""
        return self.jwks_url or own_url(self.bind, self.user_service_port) + JWKS_PATH

    @property
    def has_external_issuer(self) -> bool:
        """Whether another issuer than the user service makes the tokens: its keys are on another port or path."""
        return _is_external(self.jwks_url, self.user_service_port)

    @property
    def role_names(self) -> dict[str, Role]:
        """Our roles by the names that the issuer gives them."""
        return roles_by_name(self.token_role_names) or {role.value: role for role in Role}

    @property
    def worker_port(self) -> int:
        """The port on which the worker answers health and metrics."""
        return self.port + WORKER_PORT_DISTANCE

    def _own_account(self) -> tuple[str, SecretStr]:
        return self.service, self.kafka_password

    @property
    def database_url(self) -> URL:
        """The URL of the database for the service's own role, through PgBouncer."""
        from sqlalchemy import URL  # 20 MB, which gunicorn's own process and the tools do without

        return URL.create(
            "postgresql+psycopg2",
            username=self.service,
            password=self.database_password.get_secret_value(),
            host=self.database_host,
            port=self.database_port,
            database=self.database_name,
            query={"sslmode": self.database_sslmode, "application_name": self.service, "connect_timeout": "5"},
        )
