"""Direct connections to PostgreSQL, never through PgBouncer: as its administrator, and as the owner of all tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as AdminConnection
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from migrations import roles
from migrations.settings import MigrationSettings


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
