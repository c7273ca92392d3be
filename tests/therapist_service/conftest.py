"""What tests of imports stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from shared import database
from tests.builders.imports import Folder


@pytest.fixture
def folder(tmp_path: Path, settings: Any, connection: Connection) -> Folder:
    """An empty watched folder."""
    return Folder(tmp_path, settings)


@pytest.fixture
def committed(real_commits: None, settings: Any) -> Iterator[Session]:
    """A database in which work is committed, as workers do; emptied afterwards."""
    engine = database.engine_for(settings.database_url, pool_size=1)
    with Session(engine) as session:
        yield session
    engine.dispose()
