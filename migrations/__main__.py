"""`python -m migrations up | down | new | current`: prepares roles and schemas and runs every schema's history."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import psycopg2
from alembic import command
from psycopg2 import sql
from sqlalchemy.exc import OperationalError

from migrations import roles
from migrations.connections import administrator, as_owner
from migrations.settings import MigrationSettings
from shared.schema import MIGRATIONS, history
from shared.settings import read


def services() -> list[str]:
    """Every service that has a history."""
    return sorted(folder.name for folder in MIGRATIONS.iterdir() if folder.name.endswith("_service"))


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
    roles.prepare(
        admin,
        owner_password=settings.database_owner_password.get_secret_value(),
        service_passwords=settings.service_passwords(),
    )
    admin.close()


def upgrade(settings: MigrationSettings, only: str | None = None) -> None:
    """Bring every schema (or one) to its newest revision."""
    for service in [only] if only else services():
        with as_owner(settings, service) as connection:
            configuration = history(service)
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
        print(f"{service}: up to date")  # noqa: T201 - a command line


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
    taken = [path.name[:4] for path in Path(MIGRATIONS / service).glob("[0-9]*.py")]
    return f"{int(max(taken, default='0')) + 1:04d}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="roles, schemas, and every history to its newest revision").add_argument(
        "service", nargs="?"
    )
    down = commands.add_parser("down", help="take one schema back")
    down.add_argument("service")
    down.add_argument("revision", help="a revision, -1 for one step, base for nothing")
    fresh = commands.add_parser("new", help="write a migration from the tables' differences")
    fresh.add_argument("service")
    fresh.add_argument("message")
    options = parser.parse_args()
    settings = read(MigrationSettings)
    try:
        if options.command == "up":
            bootstrap(settings)
            upgrade(settings, options.service)
        elif options.command == "down":
            downgrade(settings, options.service, options.revision)
        else:
            new(settings, options.service, options.message)
    except (psycopg2.OperationalError, OperationalError) as problem:
        sys.exit(f"PostgreSQL at {settings.postgres_host}:{settings.postgres_port} refused: {problem}")


if __name__ == "__main__":
    main()
