"""A platform for these tests alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.private_platform import ROOT, PrivatePlatform, private_platform


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the project's `.env.example` and nothing else."""
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def platform() -> Iterator[PrivatePlatform]:
    """A platform whose processes each test starts as it needs them."""
    with private_platform() as platform:
        yield platform
