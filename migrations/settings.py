"""What the migrations read from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from shared.runtime import registry
from shared.runtime.settings import DatabaseSettings, Password, Port, Unit


class MigrationSettings(DatabaseSettings):
    """Where PostgreSQL itself is (never through PgBouncer), and who may change schemas."""

    postgres_host: str = "127.0.0.1"
    """PostgreSQL itself: for PgBouncer and migrations.

    A server of your own must log no values: `NO_VALUES_IN_THE_LOG` in operations/postgres.py has its options.
    """
    postgres_port: Port = 5433
    """PostgreSQL's port; not 5432, which a PostgreSQL of the machine's own has."""
    postgres_admin_user: str = "postgres"
    """Makes roles, schemas and extensions in the first migration."""
    postgres_admin_password: Password = SecretStr("")
    """The password of that user. Empty: an administrator has run the statements of `migrations/roles.py` before."""
    database_lock_wait_seconds: Annotated[int, Unit("seconds")] = Field(default=3, ge=2, le=60)
    """For so long a statement of a service waits for what another transaction holds; then a request is refused with
    503 `database.locked`, and a worker tries again. More than PostgreSQL's `deadlock_timeout`, a second."""
    database_owner_password: Password
    """The password of the role `platform_owner`, which owns the tables and runs migrations."""

    __annotations__ |= {f"{name}_database_password": Password for name in registry.names()}

    def service_passwords(self) -> dict[str, str]:
        """The login role of every service, with its password."""
        return {name: getattr(self, f"{name}_database_password").get_secret_value() for name in registry.names()}
