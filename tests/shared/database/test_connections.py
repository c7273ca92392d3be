"""A transaction that opens with its first statement is like psycopg2's own, one round trip shorter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import extensions, sql
from sqlalchemy import URL, text

from shared import database
from shared.database import transaction
from shared.database.connections import LazyBeginConnection, LazyBeginCursor, prepared
from tests.infrastructure import Infrastructure

Connection = extensions.connection
THIS_QUERY = "SELECT current_query()"
TABLES = count()


def connected(url: URL, kind: type[Connection]) -> Connection:
    return psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database,
        connection_factory=kind,
    )  # fmt: skip


@pytest.fixture(scope="session")
def server(infrastructure: Infrastructure) -> URL:
    """The administrator's way to PostgreSQL, past PgBouncer."""
    settings = infrastructure.settings
    return URL.create(
        "postgresql+psycopg2",
        settings["POSTGRES_ADMIN_USER"],
        settings["POSTGRES_ADMIN_PASSWORD"],
        settings["POSTGRES_HOST"],
        int(settings["POSTGRES_PORT"]),
        "postgres",
    )


@pytest.fixture
def prompt(server: URL) -> Iterator[Connection]:
    """A connection of ours, and an empty table `seen_by_all` that another one can look into."""
    connection = connected(server, LazyBeginConnection)
    execute(connection, "CREATE TABLE IF NOT EXISTS seen_by_all (n int PRIMARY KEY)")
    execute(connection, "TRUNCATE seen_by_all")
    connection.commit()
    yield connection
    connection.close()


def execute(connection: Connection, statement: Any, *parameters: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute(statement, *parameters)
    return cursor.fetchall() if cursor.description else None


def status(connection: Connection) -> int:
    return connection.info.transaction_status


def committed(server: URL) -> list[Any]:
    """What others see."""
    other = connected(server, Connection)
    try:
        rows: list[Any] = execute(other, "SELECT n FROM seen_by_all ORDER BY n")
        return [n for (n,) in rows]
    finally:
        other.close()


@pytest.mark.parametrize("written", [THIS_QUERY, THIS_QUERY.encode(), sql.SQL(THIS_QUERY)])
def test_the_first_statement_brings_the_begin_along(prompt: Connection, written: Any) -> None:
    ((first,),) = execute(prompt, written)
    ((second,),) = execute(prompt, written)
    assert (first, second) == (f"BEGIN;{THIS_QUERY}", THIS_QUERY)
    assert status(prompt) == extensions.TRANSACTION_STATUS_INTRANS


def test_what_is_committed_is_seen_by_others_and_not_before(prompt: Connection, server: URL) -> None:
    execute(prompt, "INSERT INTO seen_by_all VALUES (%s)", (1,))
    assert committed(server) == []
    prompt.commit()
    assert committed(server) == [1]
    assert status(prompt) == extensions.TRANSACTION_STATUS_IDLE


def test_what_is_rolled_back_never_was(prompt: Connection, server: URL) -> None:
    execute(prompt, "INSERT INTO seen_by_all VALUES (1)")
    execute(prompt, "INSERT INTO seen_by_all VALUES (2)")
    prompt.rollback()
    assert (committed(server), status(prompt)) == ([], extensions.TRANSACTION_STATUS_IDLE)


def test_many_at_once_are_one_transaction(prompt: Connection, server: URL) -> None:
    prompt.cursor().executemany("INSERT INTO seen_by_all VALUES (%s)", [(1,), (2,)])
    assert committed(server) == []
    prompt.rollback()
    assert committed(server) == []


@pytest.mark.parametrize("refused", ["SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere"])
def test_after_a_first_statement_that_failed_the_connection_is_fit_again(prompt: Connection, refused: str) -> None:
    with pytest.raises(psycopg2.Error):
        execute(prompt, refused)
    prompt.rollback()
    assert execute(prompt, THIS_QUERY) == [(f"BEGIN;{THIS_QUERY}",)]


def test_a_constraint_that_fails_at_the_commit_is_raised(prompt: Connection) -> None:
    execute(prompt, "CREATE TEMPORARY TABLE later (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    execute(prompt, "INSERT INTO later VALUES (1), (1)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        prompt.commit()
    assert status(prompt) == extensions.TRANSACTION_STATUS_IDLE


def test_a_session_that_asks_nothing_opens_nothing(settings: Any) -> None:
    database.connect(settings.database_url, pool_size=1)
    with transaction() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE


def test_no_connection_returns_to_the_pool_with_a_transaction(settings: Any) -> None:
    database.connect(settings.database_url, pool_size=1)
    for statement in ("SELECT 1", "SELECT 1/0"):
        with suppress(Exception), transaction() as session:
            session.execute(text(statement))
        with transaction() as session:
            connection = session.connection().connection.dbapi_connection
            assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE


# A statement that is a whole transaction is prepared where it is executed


@pytest.fixture
def asked(prompt: Connection) -> Callable[..., Any]:
    """Executes a whole statement on `prompt`, and returns its rows and what the server was sent."""

    def ask(query: str, parameters: Any = None) -> Any:
        cursor = prompt.cursor()
        assert isinstance(cursor, LazyBeginCursor)
        cursor.is_whole = True
        cursor.execute(query, parameters)
        assert status(prompt) == extensions.TRANSACTION_STATUS_IDLE
        return cursor.fetchall() if cursor.description else None

    return ask


QUERY = "SELECT %(a)s::int + %(b)s::int, %(a)s::int % 10, current_query()".replace("% 10", "%% 10")


def test_it_is_prepared_once_for_each_connection(asked: Callable[..., Any], prompt: Connection) -> None:
    name = prepared(QUERY).execute.partition("(")[0]
    for a in range(8):  # PostgreSQL plans for the parameters five times, and then for any
        ((total, rest, sent),) = asked(QUERY, {"a": a + 20, "b": 1})
        assert (total, rest) == (a + 21, a)
        assert sent.startswith("PREPARE" if a == 0 else name)
    assert execute(prompt, "SELECT count(*) FROM pg_prepared_statements") == [(1,)]


def test_a_connection_that_forgot_it_learns_it_again(asked: Callable[..., Any], prompt: Connection) -> None:
    for a in range(3):
        ((total, _, sent),) = asked(QUERY, {"a": a, "b": 1})
        assert (total, sent.startswith("PREPARE")) == (a + 1, True)
        execute(prompt, "DEALLOCATE ALL")
        prompt.commit()


def test_what_it_wrote_is_committed_and_what_fails_leaves_nothing(asked: Callable[..., Any], server: URL) -> None:
    insertion = "INSERT INTO seen_by_all SELECT unnest(%(numbers)s::int[]) RETURNING n"
    for turn in (1, 2):
        assert asked(insertion, {"numbers": [turn]}) == [(turn,)]
        assert committed(server) == list(range(1, turn + 1))
        with pytest.raises(psycopg2.errors.UniqueViolation):
            asked(insertion, {"numbers": [7, 1]})
        assert committed(server) == list(range(1, turn + 1))


def test_a_table_that_changed_is_planned_anew(asked: Callable[..., Any], prompt: Connection) -> None:
    counted = "SELECT count(*) FROM seen_by_all WHERE n = %(n)s"
    assert asked(counted, {"n": 1}) == [(0,)]
    execute(prompt, "ALTER TABLE seen_by_all ADD COLUMN further int")
    prompt.commit()
    assert asked(counted, {"n": 1}) == [(0,)]
    execute(prompt, "ALTER TABLE seen_by_all DROP COLUMN further")
    prompt.commit()


@given(name=st.text(max_size=20), value=st.text(max_size=20).filter(lambda text: "\0" not in text))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_given_arrives_as_it_is(asked: Callable[..., Any], name: str, value: str) -> None:
    name = name.replace("\0", "").encode("utf-8", "ignore").decode()
    value = value.encode("utf-8", "ignore").decode()
    assert asked("SELECT %(one)s::text, %(two)s::text, '$1', '100%%'", {"one": name, "two": value}) == [
        (name, value, "$1", "100%")
    ]


# Whatever is done with it, it does what psycopg2's own connection does

STEPS: dict[str, Callable[[Connection, str], Any]] = {
    "insert 1": lambda c, table: execute(c, f"INSERT INTO {table} VALUES (1)"),
    "insert any": lambda c, table: execute(c, f"INSERT INTO {table} SELECT coalesce(max(n), 0) + 1 FROM {table}"),
    "many": lambda c, table: c.cursor().executemany(f"INSERT INTO {table} VALUES (%s)", [(50,), (51,)]),
    "none": lambda c, table: c.cursor().executemany(f"INSERT INTO {table} VALUES (%s)", []),
    "look": lambda c, table: execute(c, f"SELECT n FROM {table} ORDER BY n"),
    "fail": lambda c, _: execute(c, "SELECT 1/0"),
    # as the first statement it opens nothing here: PostgreSQL reads the whole message before it begins
    "misspell": lambda c, _: (execute(c, "SELECT 1"), execute(c, "SELEC")),
    "savepoint": lambda c, _: execute(c, "SAVEPOINT here"),
    "back to it": lambda c, _: execute(c, "ROLLBACK TO SAVEPOINT here"),
    "let it go": lambda c, _: execute(c, "RELEASE SAVEPOINT here"),
    "stricter": lambda c, _: execute(c, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"),
    "commit": lambda c, _: c.commit(),
    "rollback": lambda c, _: c.rollback(),
}


def outcome(connection: Connection, step: str, table: str) -> Any:
    try:
        return STEPS[step](connection, table)
    except psycopg2.Error as problem:
        return type(problem).__name__


@pytest.mark.slow
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=15))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_steps_end_as_with_psycopg2_alone(server: URL, steps: list[str]) -> None:
    results = []
    for kind in (Connection, LazyBeginConnection):
        table = f"steps_{next(TABLES)}"
        connection = connected(server, kind)
        try:
            execute(connection, f"CREATE TABLE {table} (n int PRIMARY KEY)")
            connection.commit()
            done = [outcome(connection, step, table) for step in steps]
            connection.rollback()
            left = execute(connection, f"SELECT n FROM {table} ORDER BY n")
            execute(connection, f"DROP TABLE {table}")
            connection.commit()
        finally:
            connection.close()
        results.append((done, left))
    assert results[0] == results[1]
