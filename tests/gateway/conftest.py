"""One gateway for the tests that change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.running import Gateway, gateway


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Gateway]:
    """A gateway as it was committed; its limits for one client are out of reach."""
    with gateway() as running:
        yield running


@pytest.fixture
def front(shared_gateway: Gateway) -> Gateway:
    """The same, with services that remember nothing."""
    for service in shared_gateway.services.values():
        service.requests.clear()
        service.headers, service.status, service.size = [], "200 OK", 0
    return shared_gateway
