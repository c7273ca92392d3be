"""Roles, schemas and extensions: what an administrator prepares once, before any migration. Safe to run again.

One schema and one login role per service; a role reads and writes rows of its own schema and nothing else. The owner
role owns all tables and runs the migrations; it cannot log in to any service's place.
"""

from __future__ import annotations

from typing import Final

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import encrypt_password

from migrations import rights_of_everybody

EXTENSIONS = ("postgis", "btree_gist")
OWNER = "platform_owner"


def prepare(
    admin: Connection, *, owner_password: str, service_passwords: dict[str, str], lock_wait_seconds: int
) -> list[str]:
    """Make everything that is missing in the connected database and set the given passwords.

    A statement of a service waits for at most `lock_wait_seconds` for what another transaction holds.

    Returns what stays open to the services because this administrator may not close it, in words.
    """
    with admin, admin.cursor() as cursor:
        # two `up` at once would collide on the catalogue
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('platform roles'))")
        for extension in EXTENSIONS:
            cursor.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(sql.Identifier(extension)))
        _role(cursor, OWNER, owner_password)
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        for service, password in service_passwords.items():
            _service(cursor, service, password, lock_wait_seconds)
    return rights_of_everybody.take(admin, ours=(OWNER, *service_passwords))


_OF_ONE_SERVICE: Final = {
    # one plan for all places and wishes takes three times as long as a plan for those of a patient; and all who are
    # near are kept in memory until they are counted
    "matching_service": ("plan_cache_mode = force_custom_plan", "work_mem = '16MB'"),
}
"""Settings of one service's role, with the reason."""


def _service(cursor: object, service: str, password: str, lock_wait_seconds: int) -> None:
    _role(cursor, service, password)
    names = {
        "service": sql.Identifier(service),
        "owner": sql.Identifier(OWNER),
        "lock_wait": sql.Literal(f"{lock_wait_seconds}s"),
    }
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {owner}",
        "REVOKE ALL ON SCHEMA {service} FROM PUBLIC",
        "GRANT USAGE ON SCHEMA {service} TO {service}",
        "ALTER ROLE {service} SET search_path = {service}, public",
        # a process that hangs inside a transaction must not hold its locks for ever
        "ALTER ROLE {service} SET idle_in_transaction_session_timeout = '60s'",
        # who waits for locks holds a thread of the web server: a few who wait for one transaction would stop a service
        "ALTER ROLE {service} SET lock_timeout = {lock_wait}",
        "ALTER ROLE {service} SET timezone = 'UTC'",
        # no statement here runs long enough to earn back what compiling it costs: 50 ms for a matching of 15
        "ALTER ROLE {service} SET jit = off",
        # for disks without heads and tables in memory; at 4 the planner reads every therapist for a radius of 200 km
        "ALTER ROLE {service} SET random_page_cost = 1.1",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {service}"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {service} GRANT USAGE ON SEQUENCES TO {service}",
    ):
        cursor.execute(sql.SQL(statement).format(**names))  # type: ignore[attr-defined]
    for setting in _OF_ONE_SERVICE.get(service, ()):
        statement = f"ALTER ROLE {{service}} SET {setting}"
        cursor.execute(sql.SQL(statement).format(**names))  # type: ignore[attr-defined]


def _role(cursor: object, role: str, password: str) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    if cursor.fetchone() is None:  # type: ignore[attr-defined]
        execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    # what the server stores, made here: a statement with the password itself can end up in PostgreSQL's log
    verifier = encrypt_password(password, role, scope=cursor, algorithm="scram-sha-256")  # type: ignore[arg-type]
    execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD %s").format(sql.Identifier(role)), (verifier,))
