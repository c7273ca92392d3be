"""What tests stand on: a real PostgreSQL built by the migrations, where every test's work is rolled back.

A test under `tests/<service>/` gets that service's role and schema; one under `tests/shared/` those of the therapist
service, as an example of any. Time is an argument everywhere, so tests pass it; nothing here sleeps.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.orm import Session

from migrations.connections import as_owner
from migrations.settings import MigrationSettings
from shared import database
from shared.http.web import web_app
from shared.runtime import memory, registry
from tests.infrastructure import Infrastructure, direct

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""An ordinary Monday, ten o'clock in Berlin."""


SLOW_TO_START = {"platform", "kafka", "spare_broker", "cluster", "short_campaign", "trials"}
"""Fixtures that start Kafka or a whole platform."""


def pytest_configure() -> None:
    """Nothing is timed by hypothesis, and failures are logged with Python's traceback, which is drawn in no time."""
    gc.disable()  # until all tests are collected: what is loaded is no garbage
    hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis.settings.load_profile("untimed")
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a fixture that is slow to start."""
    for item in items:
        if SLOW_TO_START & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What was loaded stays until the end: from here on no collection of garbage visits it again."""
    gc.enable()
    memory.freeze()
    # a test leaves little garbage in cycles: collections took a twelfth of the time
    gc.set_threshold(3 * memory.YOUNGEST_THRESHOLD)


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Infrastructure]:
    """PostgreSQL and PgBouncer of our own, every schema migrated; its settings are in the environment."""
    with Infrastructure.started() as started:
        yield started


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """The service under test, from the test file's folder."""
    folder = Path(request.path).relative_to(Path(__file__).parent).parts[0]
    return folder if folder.endswith("_service") else "therapist_service"


@pytest.fixture(scope="session")
def engines(infrastructure: Infrastructure) -> Iterator[dict[str, Engine]]:
    """An engine per service, as its own role."""
    made: dict[str, Engine] = {}
    yield made
    for engine in made.values():
        engine.dispose()


@pytest.fixture(scope="session")
def settings_of(infrastructure: Infrastructure) -> Callable[[str], Any]:
    """Reads a service's settings from the environment as its processes read them, once as they do."""
    return cache(lambda service: registry.settings_of(service)())


@pytest.fixture
def settings(settings_of: Callable[[str], Any], service: str) -> Any:
    """The settings of the service under test."""
    return settings_of(service)


@pytest.fixture
def connection(engines: dict[str, Engine], settings: Any, service: str) -> Iterator[Connection]:
    """A connection whose transaction is rolled back; every `transaction()` takes part in it."""
    if service not in engines:
        engines[service] = database.engine_for(direct(settings), pool_size=2)
    with engines[service].connect() as connection:
        outer = connection.begin()
        database.use(connection)
        yield connection
        outer.rollback()


@pytest.fixture
def real_commits(settings: Any, service: str, empty: Callable[[str], None]) -> Iterator[None]:
    """The service's transactions commit, so that several can be at work; its tables are emptied afterwards."""
    database.connect(settings.database_url, pool_size=8)
    yield
    database.connect(settings.database_url)  # closes nothing that is still at work
    empty(service)


@pytest.fixture(scope="session")
def empty(infrastructure: Infrastructure) -> Iterator[Callable[[str], None]]:
    """Empties a service's tables, as soon as nobody writes to them any more.

    It deletes what a test left, some rows: a TRUNCATE makes the files of all tables and indexes anew, for 50 ms.
    """
    with ExitStack() as stack:

        @cache
        def emptying(service: str) -> tuple[Connection, str]:
            owner = stack.enter_context(as_owner(MigrationSettings(), service))
            tables = reversed(inspect(owner).get_sorted_table_and_fkc_names(service))  # who refers to others first
            names = [name for name, _ in tables if name and name != "alembic_version"]
            owner.commit()
            return owner, "; ".join([f"LOCK TABLE {', '.join(names)}", *(f"DELETE FROM {name}" for name in names)])

        def run(service: str) -> None:
            owner, statements = emptying(service)
            owner.exec_driver_sql(statements)
            owner.commit()

        yield run


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    """A session in the test's transaction."""
    with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
        yield session


@pytest.fixture
def app(settings: Any, service: str) -> Flask:
    """The service's web application as it runs in production: TESTING is off, so errors become answers."""
    return web_app(registry.load(service), settings)


@pytest.fixture
def client(app: Flask, connection: Connection) -> FlaskClient:
    """A client whose requests run in the test's transaction."""
    return app.test_client()
