"""Three services in the transactions of one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from patient_service.dependencies import Dependencies
from tests.builders.world import World


@contextmanager
def a_world(engines: dict[str, tuple[Engine, Any]]) -> Iterator[World]:
    """A world that is gone at the end of the block."""
    with ExitStack() as stack:
        sessions = {}
        for name, (engine, _) in engines.items():
            connection = stack.enter_context(engine.connect())
            stack.callback(connection.begin().rollback)
            sessions[name] = stack.enter_context(
                Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
            )
        keys = Dependencies.of(engines["patient"][1]).keys
        yield World(sessions["patient"], sessions["matching"], sessions["communication"], keys)
