"""The environment of a fuzzing campaign: the service's own role and schema, in a transaction that is rolled back."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import database
from tests.fuzz.campaign import Outcome, Prepared, prepare, run
from tests.infrastructure import direct


@contextmanager
def prepared(service: str) -> Iterator[Prepared]:
    """The service with what exists in it; nothing that happens to it stays."""
    settings = importlib.import_module(f"{service}.settings").Settings()
    engine = database.engine_for(direct(settings), pool_size=1)
    with engine.connect() as connection, TemporaryDirectory() as folder:
        outer = connection.begin()
        # minutes may pass in which nothing asks the database
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        database.use(connection)
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield prepare(service, session, settings, Path(folder))
        outer.rollback()
    engine.dispose()


def campaign(service: str, cases: int, number: int) -> Outcome:
    """So many requests to a service, made up from this seed."""
    with prepared(service) as stage:
        return run(stage, cases=cases, number=number)
