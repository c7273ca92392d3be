"""What tests of boundaries stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from tests.boundaries.endpoints import Endpoints
from tests.boundaries.worlds import world_of
from tests.builders.imports import Folder
from tests.fakes.elsewhere import answer_instead


@pytest.fixture
def folder(tmp_path: Path, settings: Any, connection: Connection) -> Folder:
    """An empty watched folder of the therapist service."""
    return Folder(tmp_path, settings)


@pytest.fixture
def endpoints(
    service: str, client: FlaskClient, connection: Connection, session: Session, settings: Any
) -> Iterator[Endpoints]:
    """The endpoints of the service under test, with objects to work on."""
    answer_instead(client.application)
    found = Endpoints(service, client, connection, world_of(service, session, settings))
    session.flush()
    yield found
    assert found.faults == []
