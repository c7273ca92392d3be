"""What every service reads from the environment, once, at start; a missing setting stops the process with its name.

These classes are also the declaration of what a process is given: what none of its fields names, it does not get.
"""

from __future__ import annotations

import base64
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import URL

from shared.runtime.hosts import LOCAL, Hosts, names_are_hosts

LONGEST_SETTING = 1000
HIGHEST_PORT = 65_535
HIGHEST_WEB_PORT = HIGHEST_PORT - 100
"""The worker's port lies 100 above."""
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]
WebPort = Annotated[int, Field(ge=1, le=HIGHEST_WEB_PORT)]


@dataclass(frozen=True)
class OnlyIn:
    """Beside a field's type: only this process of a service (`web` or `worker`) is given the setting."""

    process: str


IN_WORKER = OnlyIn("worker")


class EnvironmentSettings(BaseSettings):
    """What is read from the environment, or from `.env` beside it; refuses secrets that nobody has generated yet.

    Whom the platform's tool starts has no `.env` (`ENV_FILE=`): it reads what it was given and nothing beside that.
    """

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Where values come from, the first that has one counts."""
        has_file = os.environ.get("ENV_FILE") != ""
        return (init_settings, env_settings, *([dotenv_settings] if has_file else []))

    @field_validator("*", mode="before")
    @classmethod
    def _is_generated(cls, value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and text.startswith("generate:"):
            raise ValueError("is still what .env.example says; `make env` generates a secret")
        if isinstance(text, str) and (len(text) > LONGEST_SETTING or not text.isprintable()):
            raise ValueError(f"must be one line of at most {LONGEST_SETTING} printable characters")
        return value


class DatabaseSettings(EnvironmentSettings):
    """Where PostgreSQL is: through PgBouncer for services, directly for migrations."""

    database_host: str = "127.0.0.1"
    database_port: Port = 6432
    database_name: str = "psychotherapy"
    database_sslmode: str = "prefer"


class KafkaSettings(EnvironmentSettings):
    """How to reach the Kafka cluster; the security settings are handed to librdkafka as they are."""

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: str = ""
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    kafka_ssl_ca_location: str = ""
    kafka_replication_factor: int = Field(default=1, ge=1, le=100)
    kafka_min_insync_replicas: int = Field(default=1, ge=1, le=100)

    @field_validator("kafka_ssl_ca_location")
    @classmethod
    def _is_a_file(cls, location: str) -> str:
        if location and not os.path.isfile(location):
            raise ValueError("there is no such file")
        return location

    def kafka_client(self) -> dict[str, str | int]:
        """The part of a librdkafka configuration that says where the cluster is and who we are."""
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


Key = Annotated[SecretStr, AfterValidator(_is_a_256_bit_key)]
"""Base64 of 32 random bytes."""


class ServiceSettings(DatabaseSettings, KafkaSettings):
    """What a web or worker process of any service needs; each service adds its own fields.

    `database_password` and `port` are read from `<SERVICE>_DATABASE_PASSWORD` and `<SERVICE>_PORT`: a service's
    own class names these as validation aliases.
    """

    service: str
    database_password: SecretStr
    port: WebPort

    database_pool_size: int = Field(default=4, ge=1, le=1000)
    bind: str = "127.0.0.1"
    allowed_hosts: str = LOCAL
    """Names, without ports, under which the platform is reached, with commas; a request for another is answered 421."""
    web_processes: int = Field(default=1, ge=1, le=1000)
    web_threads: int = Field(default=8, ge=1, le=1000)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    auth: Literal["none"] = "none"
    digest_key: Key
    """Keys the digests by which a repeated request is recognised (`Idempotency-Key`)."""

    consumer_batch_size: int = Field(default=1000, ge=1, le=100_000)
    relay_batch_size: int = Field(default=1000, ge=1, le=100_000)
    relay_poll_seconds: float = Field(default=0.02, gt=0, le=3600)
    relay_lease_seconds: float = Field(default=10, gt=0, le=3600)

    otel_exporter_otlp_endpoint: str = ""
    """Where OpenTelemetry spans go, such as http://127.0.0.1:4318; empty: nowhere."""

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, listed: str) -> str:
        return names_are_hosts(listed)

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _can_be_told(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError("is not an http(s) address")
        if endpoint and find_spec("opentelemetry") is None:
            raise ValueError("needs the packages in requirements/tracing.txt, or must be empty")
        return endpoint

    @property
    def hosts(self) -> Hosts:
        """Under which names we are reached."""
        return Hosts.of(self.allowed_hosts, bind=self.bind)

    @property
    def worker_port(self) -> int:
        """Where the worker answers health and metrics."""
        return self.port + 100

    @property
    def database_url(self) -> URL:
        """The service's own schema, as its own role, through PgBouncer."""
        return URL.create(
            "postgresql+psycopg2",
            username=self.service,
            password=self.database_password.get_secret_value(),
            host=self.database_host,
            port=self.database_port,
            database=self.database_name,
            query={
                "sslmode": self.database_sslmode,
                "application_name": self.service,
                "connect_timeout": "5",
            },
        )


SettingsClass = TypeVar("SettingsClass", bound=BaseSettings)


def names(settings_class: type[BaseSettings], *, process: str | None = None) -> list[str]:
    """The environment variables that this class reads in one process of its service, or in any."""
    return [
        str(field.validation_alias or name.upper())
        for name, field in settings_class.model_fields.items()
        if process is None or all(mark.process == process for mark in field.metadata if isinstance(mark, OnlyIn))
    ]


def read(settings_class: type[SettingsClass]) -> SettingsClass:
    """The settings from the environment, or the process ends and names each one that is missing or wrong."""
    try:
        return settings_class()
    except ValidationError as problem:
        lines = [f"  {'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in problem.errors(include_input=False)]
        sys.exit("These settings are missing or wrong (see .env.example):\n" + "\n".join(lines))
