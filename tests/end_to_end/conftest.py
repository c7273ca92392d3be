"""The whole platform on real parts, one for all tests of a run; each test has its own people and places."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from operations.sign_in import AccessTokens
from shared import database
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform, private_platform
from tests.infrastructure import Infrastructure


@pytest.fixture(scope="session")
def platform() -> Iterator[PrivatePlatform]:
    """Every part and every process, ready."""
    with private_platform(
        CONTACT_GATHERING_SECONDS="1", CONTACT_EMAIL_RETRY_SECONDS="2", WITNESS_DATABASE_PASSWORD="witness"
    ) as platform:
        platform.up()
        yield platform


@pytest.fixture(scope="session")
def tokens(platform: PrivatePlatform) -> AccessTokens:
    """The sign-in of the first administrator, once for all tests."""
    return AccessTokens(platform.settings)


@pytest.fixture
def api(platform: PrivatePlatform, tokens: AccessTokens) -> ApiClient:
    """Staff at their desk; whatever a test stopped is started again before the next one."""
    start_what_is_missing(platform)
    platform.mailbox.accept()
    return ApiClient(platform.settings, tokens)


def start_what_is_missing(platform: PrivatePlatform) -> None:
    """Start the processes that do not run, without the tasks of a first start: they would cost two seconds a test."""
    platform.up([spec.name for spec in platform.process_specs])


@pytest.fixture(scope="session")
def world_engines(infrastructure: Infrastructure) -> Iterator[dict[str, tuple[Engine, Any]]]:
    """An engine as each service's role, and its settings."""
    made = {}
    for name in ("patient", "matching", "communication"):
        read = importlib.import_module(f"{name}_service.settings").Settings()
        made[name] = (database.engine_for(read.database_url, pool_size=1), read)
    yield made
    for engine, _ in made.values():
        engine.dispose()
