"""`python -m migrations up | down | new`: prepares roles and schemas and runs every schema's history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import psycopg2
from alembic import command
from psycopg2 import sql
from sqlalchemy.exc import OperationalError

from migrations import roles
from migrations.connections import administrator, as_owner
from migrations.history import history
from migrations.settings import MigrationSettings
from shared.database.schema import MIGRATIONS, revisions
from shared.runtime import memory, registry
from shared.runtime.settings import read
from shared.runtime.terminal import print_line


def bootstrap(settings: MigrationSettings) -> None:
    """Database, extensions, roles and schemas, as the administrator."""
    if not settings.postgres_admin_password.get_secret_value():
        return
    admin = administrator(settings, "postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (settings.database_name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(settings.database_name)))
    admin.close()
    admin = administrator(settings)
    still_open = roles.prepare(
        admin,
        owner_password=settings.database_owner_password.get_secret_value(),
        service_passwords=settings.service_passwords(),
        lock_wait_seconds=settings.database_lock_wait_seconds,
    )
    admin.close()
    for each in still_open:
        print_line(f"only a superuser of PostgreSQL can change this: {each}")


def upgrade(settings: MigrationSettings, only: str | None = None) -> None:
    """Bring every schema (or one) to its newest revision."""
    for service in [only] if only else registry.names():
        with as_owner(settings, service) as connection:
            configuration = history(service)
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
        print_line(f"{service}: up to date")


def downgrade(settings: MigrationSettings, service: str, revision: str) -> None:
    """Take one schema back to a revision (`-1` for one step, `base` for nothing)."""
    with as_owner(settings, service) as connection:
        configuration = history(service)
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, revision)


def new(settings: MigrationSettings, service: str, message: str) -> None:
    """Write a migration from what the tables say and the migrated database lacks."""
    (MIGRATIONS / service).mkdir(exist_ok=True)
    bootstrap(settings)
    upgrade(settings, service)
    with as_owner(settings, service) as connection:
        configuration = history(service)
        configuration.attributes["connection"] = connection
        command.revision(
            configuration, message, autogenerate=True, version_path=str(MIGRATIONS / service), rev_id=_next(service)
        )


def _next(service: str) -> str:
    return f"{int(max(revisions(service), default='0')) + 1:04d}"


@click.group()
def commands() -> None:
    """Roles and schemas, and the history of every schema."""


@contextmanager
def _settings() -> Iterator[MigrationSettings]:
    """The settings; ends the process with a message when PostgreSQL refuses."""
    settings = read(MigrationSettings)
    try:
        yield settings
    except (psycopg2.OperationalError, OperationalError) as problem:
        sys.exit(f"PostgreSQL at {settings.postgres_host}:{settings.postgres_port} refused: {problem}")


@commands.command("up")
@click.argument("service", required=False)
def _up(service: str | None) -> None:
    """Bring every schema, or one, to its newest revision.

    Database, roles and schemas are made first.
    """
    with _settings() as settings:
        bootstrap(settings)
        upgrade(settings, service)


@commands.command("down", context_settings={"ignore_unknown_options": True})  # -1 is a revision
@click.argument("service")
@click.argument("revision")
def _down(service: str, revision: str) -> None:
    """Take one schema back to a revision.

    REVISION is its number, -1 for one step, or base for nothing.
    """
    with _settings() as settings:
        downgrade(settings, service, revision)


@commands.command("new")
@click.argument("service")
@click.argument("message")
def _new(service: str, message: str) -> None:
    """Write a migration from the tables' differences."""
    with _settings() as settings:
        new(settings, service, message)


if __name__ == "__main__":
    memory.load_quickly()
    commands(prog_name="python -m migrations")
