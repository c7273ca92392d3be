"""Three services in one process and one database, without Kafka: `World` carries the events between them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from shared import database
from tests.infrastructure import Infrastructure, direct


@pytest.fixture(scope="session")
def world_engines(infrastructure: Infrastructure) -> Iterator[dict[str, tuple[Engine, Any]]]:
    """An engine as each service's role, and its settings."""
    made = {}
    for name in ("patient", "matching", "communication"):
        read = importlib.import_module(f"{name}_service.settings").Settings()
        made[name] = (database.engine_for(direct(read), pool_size=1), read)
    yield made
    for engine, _ in made.values():
        engine.dispose()
