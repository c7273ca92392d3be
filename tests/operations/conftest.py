"""What these tests stand on: a platform of their own, on free ports, in a folder that PostgreSQL's user may enter."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.env_file import private
from operations.orchestrator import Platform

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the project's `.env.example` and nothing else."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A platform whose parts each test starts as it needs them."""
    state = Path(tempfile.mkdtemp(prefix="platform-"))
    platform = Platform(ROOT, private(state, ROOT), state, durable=False)
    yield platform
    platform.down()
    platform.remove()
