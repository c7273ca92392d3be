"""Rules about schemas, roles and migrations."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, inspect, text

from migrations import roles
from migrations.__main__ import commands
from migrations.connections import administrator, as_owner
from migrations.history import history
from migrations.settings import MigrationSettings
from shared import database
from shared.database.schema import revisions
from tests.architecture.sources import SERVICES
from tests.infrastructure import Infrastructure

each_service = pytest.mark.parametrize("service", SERVICES)


@each_service
def test_every_history_has_one_head(service: str) -> None:
    """Two heads mean two people's migrations that never met."""
    assert len(ScriptDirectory.from_config(history(service)).get_heads()) == 1


@each_service
def test_a_revision_is_the_number_of_its_file(service: str) -> None:
    """A process reads from the names which revisions its code knows, and whether the database is older."""
    walked = ScriptDirectory.from_config(history(service)).walk_revisions()
    assert [each.revision for each in walked] == list(reversed(revisions(service)))


@each_service
def test_the_migrated_database_is_what_the_models_say(service: str, infrastructure: Infrastructure) -> None:
    """A model that drifts from its migrations works on one machine only."""
    metadata = importlib.import_module(f"{service}.store.tables").Tables.metadata
    with as_owner(MigrationSettings(), service) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda thing, name, kind, reflected, other: (
                    name != "alembic_version" and alembic_helpers.include_object(thing, name, kind, reflected, other)  # type: ignore[no-untyped-call]
                ),
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []


CONSTRAINTS = text("""
    SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = :schema AND conrelid <> 0 AND conrelid::regclass::text <> 'alembic_version'
""")
DEFAULTS = text("""
    SELECT attrelid::regclass::text || '.' || attname, pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = :schema
""")


def _expressions(connection: Connection, schema: str) -> dict[str, str]:
    """Returns every constraint and every default in this schema, as PostgreSQL writes them."""
    connection.execute(text(f"SET LOCAL search_path = {schema}, public"))
    place = "pg_my_temp_schema()" if schema == "pg_temp" else f"'{schema}'::regnamespace::oid"
    found = connection.scalar(text(f"SELECT {place}"))
    return {
        name: written
        for each in (CONSTRAINTS, DEFAULTS)
        for name, written in connection.execute(each, {"schema": found}).all()
    }


@each_service
def test_constraints_and_defaults_of_the_migrated_database_are_those_of_the_models(
    service: str, infrastructure: Infrastructure
) -> None:
    """Alembic compares neither: a status that only the model knows would be refused in production."""
    metadata = importlib.import_module(f"{service}.store.tables").Tables.metadata
    with as_owner(MigrationSettings(), service) as connection:
        migrated = _expressions(connection, service)
        connection.execute(text("SET LOCAL search_path = pg_temp, public"))
        metadata.create_all(connection, checkfirst=False)
        assert _expressions(connection, "pg_temp") == migrated
        connection.rollback()


@each_service
def test_no_foreign_key_crosses_schemas(service: str) -> None:
    """A service's data is its own: another one's table may move to another machine."""
    metadata = importlib.import_module(f"{service}.store.tables").Tables.metadata
    targets = {key.column.table for table in metadata.tables.values() for key in table.foreign_keys}
    assert targets <= set(metadata.tables.values())


@each_service
def test_a_role_reaches_only_its_own_schema(service: str, infrastructure: Infrastructure) -> None:
    """A leak in one service must not open the patients' files to it."""
    settings = importlib.import_module(f"{service}.settings").Settings()
    engine = database.engine_for(settings.database_url, pool_size=1)
    with engine.connect() as connection:
        schemas = connection.execute(
            text("SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_service'"
                 " AND has_schema_privilege(current_user, nspname, 'USAGE')")
        ).scalars()  # fmt: skip
        assert list(schemas) == [service]
        assert not connection.scalar(text(f"SELECT has_schema_privilege(current_user, '{service}', 'CREATE')"))
        assert not connection.scalar(text("SELECT has_schema_privilege(current_user, 'public', 'CREATE')"))
        owners = connection.execute(
            text(f"SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = '{service}'")
        ).scalars()
        assert list(owners) == ["platform_owner"]
    engine.dispose()


def test_no_password_reaches_the_log_of_postgresql(infrastructure: Infrastructure) -> None:
    """Somebody reads that log, ships it, keeps it for years."""
    settings = MigrationSettings()
    owner, other = settings.database_owner_password.get_secret_value(), "secret of a role that is made for this test"
    with closing(administrator(settings)) as admin:
        with admin, admin.cursor() as cursor:
            cursor.execute("SET log_statement = 'all'")
        roles.prepare(admin, owner_password=owner, service_passwords={"role_of_a_test": other}, lock_wait_seconds=3)
        with admin, admin.cursor() as cursor:
            cursor.execute("DROP SCHEMA role_of_a_test; DROP OWNED BY role_of_a_test; DROP ROLE role_of_a_test")
    log = infrastructure.platform.paths.log("postgresql").read_text()
    assert 'ALTER ROLE "role_of_a_test" LOGIN PASSWORD' in log
    assert owner not in log
    assert other not in log


@pytest.fixture(scope="module")
def other_database(infrastructure: Infrastructure) -> Iterator[None]:
    """A second database in place of the platform's, with every schema at its newest revision."""
    settings = MigrationSettings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_NAME", "rollback")
        migrations("up")
        yield
    with closing(administrator(settings, "postgres")) as admin:
        admin.autocommit = True
        admin.cursor().execute("DROP DATABASE rollback WITH (FORCE)")


def migrations(*arguments: str) -> None:
    """Runs `python -m migrations` with these arguments, in this process."""
    assert commands.main(arguments, standalone_mode=False) is None


@pytest.mark.slow
@each_service
def test_every_migration_can_be_taken_back_and_applied_again(service: str, other_database: None) -> None:
    """A deployment that goes wrong at night is rolled back by somebody who did not write it."""
    migrations("down", service, "base")
    with as_owner(MigrationSettings(), service) as connection:
        assert set(inspect(connection).get_table_names(schema=service)) <= {"alembic_version"}
    migrations("up", service)
    assert is_migrated(service)


def is_migrated(service: str) -> bool:
    """Whether the schema is at its newest revision."""
    with as_owner(MigrationSettings(), service) as connection:
        return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == revisions(service)[-1])


@each_service
def test_a_copy_can_be_emptied(service: str) -> None:
    """Of who was merged into another nothing is kept: every other column falls back to its default (copies.py)."""
    for table in importlib.import_module(f"{service}.store.tables").Tables.metadata.tables.values():
        if {"merged_into", "event_time"} <= set(table.columns.keys()):
            kept = {"id", "sequence", "event_time", "merged_into"}
            stuck = [each.name for each in table.columns if not (each.nullable or each.server_default or each.computed)]
            assert set(stuck) <= kept, table.name
