"""What counts as trouble with the database, what is done again, and how connections are replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions
from sqlalchemy import event, exc, text
from sqlalchemy.orm import Session

from shared import database
from shared.database import (
    WHOLE_TRANSACTION,
    database_answers,
    is_trouble,
    lost_to_others,
    read_rows,
    repeat_if_lost,
    single_statements,
    transaction,
)
from shared.database.session import engine_for
from shared.runtime.jobs import Job, run_once
from tests.conftest import MONDAY
from tests.infrastructure import Infrastructure

# made by PostgreSQL, as psycopg2 and SQLAlchemy hand it on
RAISE = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize("lost", [psycopg2.OperationalError, psycopg2.InterfaceError])
def test_a_connection_lost_outside_a_statement_is_trouble(lost: type[Exception]) -> None:
    # SQLAlchemy wraps only what statements raise
    assert is_trouble(lost("server closed the connection unexpectedly"))
    assert is_trouble(psycopg2.DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq"))
    assert is_trouble(exc.OperationalError("SELECT 1", {}, lost("server closed the connection unexpectedly")))
    assert not is_trouble(psycopg2.ProgrammingError("syntax error"))


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        ("08006", True), ("08P01", True), ("28P01", True), ("3D000", True), ("25006", True), ("25P03", True),
        ("26000", True), ("42P05", True), ("40001", True), ("40P01", True), ("53100", True), ("53200", True),
        ("53300", True), ("55P03", True), ("57014", True), ("57P01", True), ("57P03", True), ("58030", True),
        ("54000", False), ("54001", False), ("54011", False), ("54023", False), ("53400", False), ("0A000", False),
        ("21000", False), ("22001", False), ("22003", False), ("22P05", False), ("23505", False), ("25P02", False),
        ("42501", False), ("42703", False), ("42P01", False), ("55000", False), ("P0001", False), ("XX000", False),
        ("XX001", False),
    ],
)  # fmt: skip
def test_the_class_of_its_sqlstate_decides(session: Session, state: str, passes: bool) -> None:
    with pytest.raises(exc.DBAPIError) as raised:
        session.execute(text(RAISE.format(state)))
    assert database.sqlstate(raised.value) == state
    assert is_trouble(raised.value) == passes
    assert lost_to_others(raised.value) == (state in ("40001", "40P01"))


def test_a_row_that_is_too_long_for_its_index_is_no_trouble(session: Session) -> None:
    long = "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n"
    with pytest.raises(exc.OperationalError) as raised:  # so psycopg2 calls it
        session.execute(text(f"INSERT INTO relay_lease SELECT ({long}), 'x', 1, now()"))
    assert database.sqlstate(raised.value) == "54000"
    assert not is_trouble(raised.value)


# Transactions that lose against others


@pytest.fixture
def leases(settings: Any) -> Iterator[None]:
    """Two rows to fight over, really committed."""
    database.connect(settings.database_url, pool_size=8)
    with transaction() as session:
        session.execute(text("INSERT INTO relay_lease SELECT n, '', 0, now() FROM unnest(ARRAY['a', 'b']) AS n"))
    yield
    with transaction() as session:
        session.execute(text("DELETE FROM relay_lease"))


def count_up(session: Session, name: str) -> None:
    session.execute(text("UPDATE relay_lease SET term = term + 1 WHERE name = :name"), {"name": name})


def terms() -> dict[str, int]:
    with transaction() as session:
        return {row.name: row.term for row in session.execute(text("SELECT name, term FROM relay_lease"))}


def crossing(first: str, second: str, met: threading.Barrier) -> Callable[[], None]:
    """Work that deadlocks with its counterpart the first time."""
    meets = iter([True])

    def work() -> None:
        with transaction() as session:
            count_up(session, first)
            if next(meets, False):
                met.wait(10)
            count_up(session, second)

    return work


@pytest.mark.usefixtures("leases")
def test_a_deadlock_is_not_seen_and_everything_happens_once() -> None:
    met = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(repeat_if_lost, crossing(one, other, met)) for one, other in ("ab", "ba")]:
            done.result(30)
    assert terms() == {"a": 2, "b": 2}


@pytest.mark.usefixtures("leases")
def test_without_the_repetition_one_of_them_loses() -> None:
    """The test above would pass without a deadlock."""
    met = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(crossing(one, other, met)) for one, other in ("ab", "ba")]
        problems = [problem for each in both if (problem := each.exception(30)) is not None]
    assert [database.sqlstate(problem) for problem in problems] == ["40P01"]


@pytest.mark.usefixtures("leases")
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_work_that_loses_again_and_again_gives_up_after_three_times(state: str) -> None:
    tries = []

    def lose() -> None:
        with transaction() as session:
            tries.append(state)
            session.execute(text(RAISE.format(state)))

    with pytest.raises(exc.OperationalError):
        repeat_if_lost(lose)
    assert len(tries) == 3


@pytest.mark.usefixtures("leases")
@pytest.mark.parametrize("commits", ["transaction", "single statement"])
def test_what_was_committed_before_is_not_done_again(commits: str) -> None:
    def commit_and_lose() -> None:
        if commits == "transaction":
            with transaction() as session:
                count_up(session, "a")
        else:
            with single_statements() as executor:
                executor.execute(text("UPDATE relay_lease SET term = term + 1 WHERE name = 'a'"))
        with transaction() as session:
            session.execute(text(RAISE.format("40P01")))

    with pytest.raises(exc.OperationalError):
        repeat_if_lost(commit_and_lose)
    assert terms()["a"] == 1


COUNT_A = text("UPDATE relay_lease SET term = term + 1 WHERE name = 'a'").execution_options(**WHOLE_TRANSACTION)


@pytest.mark.usefixtures("leases")
def test_a_whole_transaction_is_committed_by_its_statement() -> None:
    with transaction() as session:
        session.execute(COUNT_A)
        assert terms()["a"] == 1
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        assert connection.info.transaction_status == extensions.TRANSACTION_STATUS_IDLE
    assert terms()["a"] == 1


@pytest.mark.usefixtures("leases")
@pytest.mark.parametrize("first", [COUNT_A, text("SELECT 1")])
def test_what_is_not_whole_begins_and_ends_as_ever(first: Any) -> None:
    with suppress(RuntimeError), transaction() as session:
        session.execute(first)
        count_up(session, "b")
        session.execute(COUNT_A)
        raise RuntimeError
    # what went before is a transaction of its own, what comes later is a part of the one that is open
    assert terms() == {"a": int(first is COUNT_A), "b": 0}


@pytest.mark.usefixtures("leases")
def test_work_is_not_done_again_after_a_whole_transaction() -> None:
    def commit_and_lose() -> None:
        with transaction() as session:
            session.execute(COUNT_A)
            session.execute(text(RAISE.format("40P01")))

    with pytest.raises(exc.OperationalError):
        repeat_if_lost(commit_and_lose)
    assert terms()["a"] == 1


@pytest.mark.usefixtures("leases")
@pytest.mark.parametrize("whole", [COUNT_A, text("SELECT 1/0").execution_options(**WHOLE_TRANSACTION)])
def test_work_is_done_again_after_one_that_failed_or_joined_another(whole: Any) -> None:
    loses = iter([True, False])

    def lose_once() -> None:
        with suppress(exc.DataError), transaction() as session:
            if whole is COUNT_A:
                session.execute(text("SELECT 1"))
            session.execute(whole)
            if next(loses):
                session.execute(text(RAISE.format("40P01")))
        with transaction() as session:
            if whole is not COUNT_A and next(loses):
                session.execute(text(RAISE.format("40P01")))
            count_up(session, "b")

    repeat_if_lost(lose_once)
    assert terms() == {"a": int(whole is COUNT_A), "b": 1}


def test_whichever_connection_pgbouncer_gives_a_whole_transaction_knows_its_statement(settings: Any) -> None:
    database.connect(settings.database_url, pool_size=4)
    doubled = text("SELECT 2 * CAST(:number AS int)").execution_options(**WHOLE_TRANSACTION)

    def double(number: int) -> bool:
        with transaction() as session:
            if number % 5 == 0:  # one of the connections forgets it
                session.execute(text("DEALLOCATE ALL"))
        with transaction() as session:
            return bool(session.scalar(doubled, {"number": number}) == 2 * number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(double, range(200)))


@pytest.mark.usefixtures("leases")
def test_a_jobs_turn_is_done_again_and_goes_on_with_what_is_left() -> None:
    loses = iter([True])

    def run(now: datetime) -> int:
        with transaction() as session:  # a claim
            count_up(session, "a")
        with transaction() as session:
            count_up(session, "b")
            if next(loses, False):
                session.execute(text(RAISE.format("40P01")))
        return 1

    assert run_once(Job("crossing", timedelta(seconds=1), run), now=MONDAY) == 1
    assert terms() == {"a": 2, "b": 1}


@pytest.mark.usefixtures("leases")
def test_what_fails_otherwise_is_not_done_again() -> None:
    tries = []

    def fail() -> None:
        with transaction() as session:
            tries.append(1)
            session.execute(text(RAISE.format("22003")))

    with pytest.raises(exc.DataError):
        repeat_if_lost(fail)
    assert len(tries) == 1


# Connections that PgBouncer has closed


def use_every_connection(number: int = 4) -> None:
    """Fill both pools, so that several idle connections wait in each."""
    met = threading.Barrier(number)

    def one(_: int) -> None:
        with transaction() as session:
            session.execute(text("SELECT 1"))
            met.wait(10)
        with single_statements() as executor:
            executor.execute(text("SELECT 1"))
            met.wait(10)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, range(number)))


def restart_pgbouncer(infrastructure: Infrastructure) -> None:
    infrastructure.platform.process("pgbouncer").restart()


def close_all_clients(infrastructure: Infrastructure) -> None:
    """As a kill -9 does: nobody says good-bye."""
    infrastructure.platform.process("pgbouncer").kill()
    infrastructure.platform.process("pgbouncer").start()


@pytest.mark.slow
@pytest.mark.parametrize("interrupt", [restart_pgbouncer, close_all_clients])
def test_after_a_restart_of_pgbouncer_the_first_statements_work(
    infrastructure: Infrastructure, settings: Any, app: Any, interrupt: Callable[[Infrastructure], None]
) -> None:
    database.connect(settings.database_url, pool_size=4)
    for first in ("transaction", "single statement", "rows", "readiness", "request"):
        use_every_connection()
        interrupt(infrastructure)
        for _ in range(8):
            if first == "transaction":
                with transaction() as session:
                    assert session.scalar(text("SELECT 1")) == 1
            elif first == "single statement":
                with single_statements() as executor:
                    assert executor.scalar(text("SELECT 1")) == 1
            elif first == "rows":
                assert read_rows("SELECT %(number)s", {"number": 1}) == [(1,)]
            elif first == "readiness":
                assert database_answers()
            else:
                assert app.test_client().get("/api/dead-letters").status_code == 200
        use_every_connection()


def test_a_connection_that_breaks_while_rows_are_read_is_replaced(settings: Any) -> None:
    database.connect(settings.database_url, pool_size=1)
    with pytest.raises(psycopg2.Error) as broken:
        read_rows("SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert is_trouble(broken.value)
    assert read_rows("SELECT 1", {}) == [(1,)]


def test_a_connection_that_is_alive_is_kept(settings: Any) -> None:
    database.connect(settings.database_url, pool_size=1)

    def backend() -> Any:
        with transaction() as session:
            return id(session.connection().connection.dbapi_connection)

    assert len({backend() for _ in range(20)}) == 1


def test_connections_that_a_burst_added_are_kept(settings: Any) -> None:
    engine = engine_for(settings.database_url, pool_size=2)
    opened: list[Any] = []
    event.listen(engine, "connect", lambda *_: opened.append(1))
    for _ in range(3):
        burst = [engine.connect() for _ in range(4)]
        for connection in burst:
            connection.close()
    engine.dispose()
    assert len(opened) == 4
