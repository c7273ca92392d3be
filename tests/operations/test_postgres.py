"""The log of the database server names what failed, and nothing of what a statement held."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from patient_service.settings import Settings
from shared import database
from tests.infrastructure import Infrastructure

SECRET = "Frau Herbstwind war 2019 dort in Behandlung"
FAILING = {
    "a constraint": f"WITH x AS (SELECT '{SECRET}') INSERT INTO consents (id) SELECT gen_random_uuid() FROM x",
    "a division": f"SELECT 1 / (length('{SECRET}') - {len(SECRET)})",
    "a form": f"SELECT '{SECRET}', CAST('x' AS uuid)",
    "a lost connection": f"SELECT '{SECRET}', pg_terminate_backend(pg_backend_pid())",
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", FAILING.values(), ids=FAILING.keys())
def test_a_failing_statement_does_not_put_its_values_into_the_servers_log(
    infrastructure: Infrastructure, statement: str
) -> None:
    """psycopg2 writes the values into the statement: what a practice said of a patient would outlive their erasure."""
    log = infrastructure.platform.paths.log("postgresql")
    before = len(log.read_text())
    engine = database.engine_for(Settings().database_url, pool_size=1)
    with pytest.raises(DBAPIError), engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
    logged = log.read_text()[before:]
    assert "ERROR" in logged or "FATAL" in logged
    assert "Herbstwind" not in logged
