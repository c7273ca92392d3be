"""Settings that every service reads from the environment, once, at start; a missing one stops the process by name.

A setting is declared here, or in the `settings.py` of the package that reads it, and nowhere else: default, unit (in
its type), meaning (the docstring below it). `make env-example` writes `.env.example`, `docs/settings.md` and the
environments in `docker-compose.yml` from these classes. A process gets only what its class declares.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from shared.runtime.hosts import LOCAL, Hosts, check_host_names, check_url, is_loopback, own_host
from shared.runtime.worker_port import WORKER_PORT_DISTANCE
from shared.values.enums import Role
from shared.values.role_names import roles_by_name

if TYPE_CHECKING:
    from sqlalchemy import URL

LONGEST_SETTING = 1000
HIGHEST_PORT = 65_535
HIGHEST_WEB_PORT = HIGHEST_PORT - WORKER_PORT_DISTANCE
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]
WebPort = Annotated[int, Field(ge=1, le=HIGHEST_WEB_PORT)]


@dataclass(frozen=True)
class OnlyIn:
    """Annotates a field: only this process of a service (`web` or `worker`) gets the setting."""

    process: str


IN_WORKER = OnlyIn("worker")


@dataclass(frozen=True)
class Unit:
    """Annotates a field: the unit of its number."""

    name: str


Seconds = Annotated[float, Unit("seconds")]


@dataclass(frozen=True)
class InEnvFile:
    """Annotates a field: its value in a new `.env`, where that is not the default.

    `generate:password` and `generate:key` stand for a fresh secret, `@checkout@` for the folder of the checkout.
    """

    value: str


def _is_plausible(value: Any) -> Any:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str) and text.startswith("generate:"):
        raise ValueError("still has the value of .env.example; `make env` generates a secret")
    if isinstance(text, str) and (len(text) > LONGEST_SETTING or not text.isprintable()):
        raise ValueError(f"must be one line of at most {LONGEST_SETTING} printable characters")
    return value


class SettingsGroup(BaseModel):
    """Settings that belong together: as a field `contact`, it reads `call_minutes` from `CONTACT_CALL_MINUTES`."""

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    _each = field_validator("*", mode="before")(_is_plausible)


class EnvironmentSettings(BaseSettings):
    """Settings read from the environment, or from a file `.env`; refuses secrets that were not generated yet.

    Processes that `make up` starts do not read `.env` (`ENV_FILE=`), only their environment.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        env_nested_delimiter="_",
        env_nested_max_split=1,
    )

    _each = field_validator("*", mode="before")(_is_plausible)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns the sources of values; the first that has a value wins."""
        has_file = os.environ.get("ENV_FILE") != ""
        return (init_settings, env_settings, *([dotenv_settings] if has_file else []))

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Returns the settings in these variables and no others; raises `ValidationError`."""
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            alias = str(field.validation_alias or name)
            if group := group_of(field):
                given[name] = _chosen(settings, {inner: f"{name}_{inner}" for inner in group.model_fields})
            else:
                given |= _chosen(settings, {alias: alias})
        made = cls.__new__(cls)
        BaseModel.__init__(made, **given)  # not BaseSettings', which fills what is missing from the environment
        return made


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
    """The address of the Kafka cluster; the security settings are passed to librdkafka unchanged."""

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    """Host:port of Apache Kafka; several are separated by commas. `make up` starts a node for each; the number cannot
    change after the first start."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; the next settings are for SASL and TLS."""
    kafka_sasl_mechanism: str = ""
    """SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN."""
    kafka_sasl_username: str = ""
    """The account at Kafka."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """The password of that account."""
    kafka_ssl_ca_location: str = ""
    """A file with the certificate of Kafka's certificate authority; empty: the authorities that this machine trusts."""
    kafka_replication_factor: Annotated[int, Unit("copies")] = Field(default=1, ge=1, le=100)
    """Replicas of each topic: 3 on three nodes or more."""
    kafka_min_insync_replicas: Annotated[int, Unit("copies")] = Field(default=1, ge=1, le=100)
    """Replicas that must have a message before it is acknowledged: 2 on three nodes or more."""

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
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password.get_secret_value(),
            "ssl.ca.location": self.kafka_ssl_ca_location,
        }
        return {name: value for name, value in named.items() if value}


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
Password = Annotated[SecretStr, InEnvFile("generate:password")]
"""A password of the platform's own, which `make env` makes."""


class ServiceSettings(DatabaseSettings, KafkaSettings):
    """The settings of a web or worker process of any service; each service adds its own fields.

    `database_password` and `port` are read from `<SERVICE>_DATABASE_PASSWORD` and `<SERVICE>_PORT`: a service's
    own class names these as validation aliases.
    """

    service: ClassVar[str]
    """The name of the service, which is also that of its schema and of its role in the database."""

    database_password: Password
    """The password of the service's role in the database, which reads and writes rows of its own schema only."""
    port: WebPort
    """The port of the web process; the worker's health and metrics are on the port + 100."""

    database_pool_size: Annotated[int, Unit("connections")] = Field(default=4, ge=1, le=1000)
    """Half of the connections to PgBouncer that each process opens at most; those it has needed stay open."""
    auth: Literal["none", "token"] = "token"
    """Who may call: with `token` everybody who has an access token, as far as its roles allow; `none`, for development
    and only while BIND is an address of this machine for itself, treats every caller as an administrator."""
    bind: str = "127.0.0.1"
    """The address that all processes listen on."""
    allowed_hosts: str = LOCAL
    """Host names, without ports and separated by commas, of the services and the mail catcher; a request to any
    other is answered 421, so that no web page can read patients with a name of its own that points here. 127.0.0.1 is
    always allowed."""
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
    token_type: str = Field(default="at+jwt", min_length=1)
    """The kind of token (`typ`) that counts. Issuers that do not follow RFC 9068 write `JWT`."""
    token_roles_claim: str = Field(default="roles", min_length=1)
    """The claim with the roles; a path with dots leads into others, such as realm_access.roles."""
    token_role_names: str = ""
    """Which role each name of another issuer stands for, such as `office=coordinator,phone=caller`; other names then
    count for nothing. Empty: the issuer uses our names."""
    jwks_url: str = ""
    """Where the issuer publishes its keys, fetched once a minute; empty: the user service on this machine."""
    user_service_port: WebPort = 8006
    """The port of the user service."""
    token_outage_grace: Seconds = Field(default=7200, ge=0, le=86_400)
    """For how long after the last contact with the issuer tokens count that have run out since then, while it cannot be
    reached: everybody who is signed in continues, nobody new can sign in."""
    digest_key: Key
    """The key of the digests that recognise a repeated request (`Idempotency-Key`). After a change repetitions of
    requests of the last 24 hours are refused; no data is lost."""

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
        return self.jwks_url or f"http://{own_host(self.bind)}:{self.user_service_port}/.well-known/jwks.json"

    @property
    def role_names(self) -> dict[str, Role]:
        """Our roles by the names that the issuer gives them."""
        return roles_by_name(self.token_role_names) or {role.value: role for role in Role}

    @property
    def worker_port(self) -> int:
        """The port on which the worker answers health and metrics."""
        return self.port + WORKER_PORT_DISTANCE

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


SettingsClass = TypeVar("SettingsClass", bound=BaseSettings)


def group_of(field: FieldInfo) -> type[SettingsGroup] | None:
    """Returns the class of a field that is a group of settings, else None."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, SettingsGroup) else None


def _chosen(settings: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    return {key: settings[name.upper()] for key, name in wanted.items() if name.upper() in settings}


def fields(settings_class: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Returns every setting of a class, those of its groups included, by its environment variable."""
    found: dict[str, FieldInfo] = {}
    for name, field in settings_class.model_fields.items():
        if group := group_of(field):
            found |= {f"{name}_{inner}".upper(): each for inner, each in group.model_fields.items()}
        else:
            found[str(field.validation_alias or name.upper())] = field
    return found


def names(settings_class: type[BaseSettings], *, process: str | None = None) -> list[str]:
    """Returns the environment variables that this class reads in one process of its service, or in any."""
    return [
        name
        for name, field in fields(settings_class).items()
        if process is None or all(mark.process == process for mark in field.metadata if isinstance(mark, OnlyIn))
    ]


def error_lines(problem: ValidationError) -> list[str]:
    """Returns a line for each wrong setting with its environment variable and the problem, never its value."""
    return [f"{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in problem.errors(include_input=False)]


def read(settings_class: type[SettingsClass]) -> SettingsClass:
    """Returns the settings from the environment; ends the process, naming each one that is missing or wrong."""
    try:
        return settings_class()
    except ValidationError as problem:
        lines = error_lines(problem)
    except SettingsError as problem:  # the name of a group, which is read from the environment as JSON
        lines = [str(problem)]
    sys.exit("These settings are missing or wrong (see docs/settings.md):\n" + "\n".join(f"  {each}" for each in lines))
