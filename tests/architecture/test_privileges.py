"""What a table's docstring promises for good, the service's login role cannot break."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import psycopg2
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from migrations import rights_of_everybody, roles
from migrations.__main__ import bootstrap
from migrations.connections import administrator
from migrations.settings import MigrationSettings
from shared import database
from tests.architecture.sources import SERVICES
from tests.infrastructure import Infrastructure

each_service = pytest.mark.parametrize("service", SERVICES)

ONLY_ADDED, NEVER_DELETED = "only ever added", "never deleted"
LEFT = {ONLY_ADDED: {"SELECT", "INSERT"}, NEVER_DELETED: {"SELECT", "INSERT", "UPDATE"}}
PERMISSION_DENIED = "42501"
USUAL = {"SELECT", "INSERT", "UPDATE", "DELETE"}

ATTEMPTS = {
    "SELECT": "SELECT 1 FROM {table} WHERE false",
    "INSERT": "INSERT INTO {table} ({column}) SELECT {column} FROM {table} WHERE false",
    "UPDATE": "UPDATE {table} SET {column} = {column} WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
}


@pytest.fixture
def role(service: str, infrastructure: Infrastructure) -> Iterator[Connection]:
    """A connection as the service's processes have it, after an administrator prepared the database once more."""
    bootstrap(MigrationSettings())
    engine = database.engine_for(importlib.import_module(f"{service}.settings").Settings().database_url, pool_size=1)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def promised(service: str) -> dict[str, set[str]]:
    """What the role may do with each table, by the table's docstring."""
    tables = importlib.import_module(f"{service}.store.tables").Tables
    found = dict.fromkeys(tables.metadata.tables, USUAL)
    for mapper in tables.registry.mappers:
        words = inspect.getdoc(mapper.class_) or ""
        found[mapper.local_table.name] = next((LEFT[phrase] for phrase in LEFT if phrase in words), USUAL)
    return found


def possible(role: Connection, table: str) -> set[str]:
    """What the role really may do: each statement is tried on every column, and touches no row."""
    columns = [
        name
        for (name,) in role.execute(
            text("SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema"
                 " AND table_name = :table AND identity_generation IS NULL AND is_generated = 'NEVER'"),
            {"table": table},
        )
    ]  # fmt: skip
    assert columns
    return {
        privilege
        for privilege, statement in ATTEMPTS.items()
        if any(_works(role, statement.format(table=table, column=f'"{column}"')) for column in columns)
    }


def _works(role: Connection, statement: str) -> bool:
    attempt = role.begin_nested()
    try:
        role.exec_driver_sql(statement)
    except ProgrammingError as refused:
        if getattr(refused.orig, "pgcode", None) != PERMISSION_DENIED:
            raise
        return False
    finally:
        attempt.rollback()
    return True


@each_service
def test_a_role_may_do_with_a_table_what_its_docstring_says(service: str, role: Connection) -> None:
    """A promise that only habit keeps is broken by the first mistake, and nobody can tell."""
    tables = promised(service)
    assert {table: possible(role, table) for table in tables} == tables


@each_service
def test_a_promise_is_made_in_the_same_words_everywhere(service: str) -> None:
    """In other words it would be read by people and kept by nobody."""
    tables = importlib.import_module(f"{service}.store.tables").Tables
    for mapper in tables.registry.mappers:
        words = inspect.getdoc(mapper.class_) or ""
        if re.search(r"append|immutable|never (changed|removed)|not (changed|deleted)", words):
            assert ONLY_ADDED in words or NEVER_DELETED in words, mapper.class_


@each_service
def test_a_role_cannot_become_the_owner_who_may_do_everything(service: str, role: Connection) -> None:
    """Whoever owns a table gives himself back what was taken."""
    assert role.scalar(text("SELECT NOT pg_has_role(current_user, 'platform_owner', 'MEMBER')"))
    assert role.scalar(text("SELECT NOT rolsuper AND NOT rolcreaterole FROM pg_roles WHERE rolname = current_user"))


@each_service
def test_a_role_makes_no_large_objects(role: Connection) -> None:
    """They would lie in no table: nothing counts, prunes or backs them up."""
    for statement in ("SELECT lo_create(0)", "SELECT lo_creat(-1)", "SELECT lo_from_bytea(0, 'x')"):
        assert not _works(role, statement), statement


OTHERS = "others"
"""A role of others on the same server, and its password."""


@pytest.fixture
def as_others(infrastructure: Infrastructure) -> Iterator[Callable[..., AbstractContextManager[Any]]]:
    """The administrator's connection, on a server where PostgreSQL's defaults count again and others have a role."""
    settings = MigrationSettings()
    bootstrap(settings)

    @contextmanager
    def connected(database: str, role: str | None = None, password: str = OTHERS) -> Iterator[Any]:
        user = {"postgres_admin_user": role, "postgres_admin_password": SecretStr(password)} if role else {}
        with closing(administrator(settings.model_copy(update=user), database)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    with connected("postgres") as cursor:
        cursor.execute("CREATE ROLE others LOGIN CREATEDB CREATEROLE PASSWORD %s", (OTHERS,))
        cursor.execute("GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC")
        try:
            yield connected
        finally:
            cursor.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM others")
            cursor.execute("DROP ROLE others")
            bootstrap(settings)


@pytest.mark.parametrize("database", rights_of_everybody.DATABASES)
def test_a_role_connects_to_no_other_database(as_others: Any, database: str) -> None:
    """Roles of others on the same server go on as before."""
    settings = MigrationSettings()
    services = settings.service_passwords() | {roles.OWNER: settings.database_owner_password.get_secret_value()}
    for _ in range(2):
        bootstrap(settings)
        for name, password in services.items():
            with (
                pytest.raises(psycopg2.OperationalError, match="permission denied"),
                as_others(database, name, password),
            ):
                pass
        with as_others(database, "others"):
            pass


def test_an_administrator_who_may_not_close_it_is_told_and_goes_on(as_others: Any) -> None:
    with as_others("postgres", "others") as cursor:
        cursor.connection.autocommit = False
        left = rights_of_everybody.take(cursor.connection, ours=())
    assert left == [
        "every role may connect to the database postgres",
        "every role may connect to the database template1",
        "every role may make large objects",
    ]


def test_the_logs_that_the_law_asks_for_make_the_promise() -> None:
    """Who read a file, what a patient agreed to, and every contact with its result (docs/domain.md#contact-rule-12)."""
    added = {(s, table) for s in SERVICES for table, left in promised(s).items() if left == LEFT[ONLY_ADDED]}
    assert added >= {
        ("patient_service", "file_accesses"),
        ("patient_service", "status_changes"),
        ("communication_service", "answers"),
        ("matching_service", "placement_request_audit_log"),
        ("matching_service", "contact_log_entries"),
    }
    kept = {(s, table) for s in SERVICES for table, left in promised(s).items() if left == LEFT[NEVER_DELETED]}
    assert kept >= {("patient_service", "consents"), ("communication_service", "emails")}
