"""A client of the sample service, once without and once with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import URL, create_engine, text

from shared import database
from tests.infrastructure import Infrastructure
from tests.shared.http.sample import Tables, create_app


@pytest.fixture
def client() -> FlaskClient:
    """A client of the sample service; TESTING is off, so errors become answers."""
    return create_app().test_client()


@pytest.fixture(scope="session")
def benches_url(infrastructure: Infrastructure) -> URL:
    """A database with the sample service's tables. Its commits are real: locks between transactions are tested."""
    server = URL.create(
        "postgresql+psycopg2",
        infrastructure.settings["POSTGRES_ADMIN_USER"],
        infrastructure.settings["POSTGRES_ADMIN_PASSWORD"],
        infrastructure.settings["POSTGRES_HOST"],
        int(infrastructure.settings["POSTGRES_PORT"]),
        "postgres",
    )
    with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS benches"))
        connection.execute(text("CREATE DATABASE benches"))
    url = server.set(database="benches")
    Tables.metadata.create_all(create_engine(url))
    return url


@pytest.fixture
def stored(client: FlaskClient, benches_url: URL) -> Iterator[FlaskClient]:
    """A client whose service has an empty database."""
    database.connect(benches_url)
    with database.transaction() as session:
        session.execute(text("TRUNCATE bench, idempotency"))
    yield client
    database.connect(benches_url.set(port=1))


@pytest.fixture
def without_database(client: FlaskClient, benches_url: URL) -> FlaskClient:
    """A client whose service does not reach its database."""
    database.connect(benches_url.set(port=1))
    return client
