"""What tests of boundaries stand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.builders.imports import Folder


@pytest.fixture
def folder(tmp_path: Path, settings: Any, connection: Connection) -> Folder:
    """An empty watched folder of the therapist service."""
    return Folder(tmp_path, settings)
