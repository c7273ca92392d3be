"""The whole platform on real parts, one for all journeys of a run; each journey has its own people and places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from operations.agency import Agency
from operations.platform import Platform
from tests.infrastructure import private_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Every part and every process, ready."""
    with private_platform(
        REQUEST_GATHERING_SECONDS="1", EMAIL_RETRY_SECONDS="2", WITNESS_DATABASE_PASSWORD="witness"
    ) as platform:
        platform.up()
        yield platform


@pytest.fixture
def agency(platform: Platform) -> Iterator[Agency]:
    """Staff at their desk; whatever a journey stopped is started again after it."""
    platform.up()
    yield Agency(platform.settings)
    platform.mailbox.accept()
    platform.up()
