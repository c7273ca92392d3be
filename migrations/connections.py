"""Direct connections to PostgreSQL, never through PgBouncer: as its administrator, and as the owner of all tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import psycopg2
from psycopg2.extensions import connection as AdminConnection
from pydantic import SecretStr
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from migrations import roles
from shared.runtime.settings import DatabaseSettings


class MigrationSettings(DatabaseSettings):
    """Where PostgreSQL itself is (never through PgBouncer), and who may change schemas."""

    postgres_host: str = "127.0.0.1"
    postgres_port: int = 5433
    postgres_admin_user: str = "postgres"
    postgres_admin_password: SecretStr = SecretStr("")
    """Empty: an administrator has run the statements of `migrations/roles.py` before."""
    database_owner_password: SecretStr
    patient_service_database_password: SecretStr
    therapist_service_database_password: SecretStr
    matching_service_database_password: SecretStr
    communication_service_database_password: SecretStr
    geocoding_service_database_password: SecretStr

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Those of one platform, whatever the environment says."""
        return cls.model_validate({name.lower(): value for name, value in settings.items()})

    def service_passwords(self) -> dict[str, str]:
        """The login role of every service, with its password."""
        ending = "_database_password"
        return {
            name.removesuffix(ending): value.get_secret_value()
            for name, value in self
            if name.endswith(f"_service{ending}")
        }


def administrator(settings: MigrationSettings, database: str | None = None) -> AdminConnection:
    """A connection as the administrator, to the platform's database or to another; the caller closes it."""
    return psycopg2.connect(
        host=settings.postgres_host,
        port=settings.postgres_port,
        user=settings.postgres_admin_user,
        password=settings.postgres_admin_password.get_secret_value(),
        dbname=database or settings.database_name,
        sslmode=settings.database_sslmode,
    )


@contextmanager
def as_owner(settings: MigrationSettings, service: str) -> Iterator[Connection]:
    """A direct connection as the owner of all tables, in one service's schema."""
    url = URL.create(
        "postgresql+psycopg2",
        username=roles.OWNER,
        password=settings.database_owner_password.get_secret_value(),
        host=settings.postgres_host,
        port=settings.postgres_port,
        database=settings.database_name,
        query={"sslmode": settings.database_sslmode, "application_name": "migrations"},
    )
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET search_path = {service}, public"))
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.commit()
        connection.dialect.default_schema_name = service
        yield connection
