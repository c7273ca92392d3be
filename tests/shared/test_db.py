"""What counts as trouble with the database, which is waited out, and what as a mistake, which is not."""

from __future__ import annotations

import psycopg2
import pytest
from sqlalchemy import exc

from shared.db import is_trouble


@pytest.mark.parametrize("lost", [psycopg2.OperationalError, psycopg2.InterfaceError])
def test_a_connection_lost_outside_a_statement_is_trouble(lost: type[Exception]) -> None:
    # SQLAlchemy wraps only what statements raise
    assert is_trouble(lost("server closed the connection unexpectedly"))
    assert is_trouble(exc.OperationalError("SELECT 1", {}, lost("server closed the connection unexpectedly")))
    assert not is_trouble(psycopg2.ProgrammingError("syntax error"))
