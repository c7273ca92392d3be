"""All services under one address: what staff use, through the gateway of the running platform."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from gateway.paths import INTERNAL, OF_EVERY_SERVICE, forwarded_paths
from operations import gateway
from operations.postman import files as postman
from shared.runtime import registry
from testkit.api_client import ApiClient, RequestRefused
from testkit.private_platform import PrivatePlatform

ID = "0199aa00-0000-7000-8000-000000000001"


@pytest.fixture
def front(platform: PrivatePlatform) -> str:
    """The gateway's address."""
    process = platform.process("gateway")
    process.start()
    return process.spec.address


class ThroughTheGateway(ApiClient):
    """Staff who know one address for all services."""

    def url(self, service: str, path: str = "") -> str:
        """The address of the gateway."""
        return f"{gateway.url(self.settings)}{path}"


@pytest.fixture
def staff(platform: PrivatePlatform, front: str) -> ThroughTheGateway:
    """Staff of the platform."""
    return ThroughTheGateway(platform.settings)


def asked(front: str, path: str, headers: dict[str, str]) -> requests.Response:
    return requests.get(front + re.sub("<[^<>]*>", ID, path), headers=headers, timeout=20)


QUERIES = {"/api/access-log": "?from=2099-01-01", "/api/phone-calls/callable-now": "?at=2099-01-01T09:00:00Z"}
"""Where the answer is another one each time: reading the log of accesses is an access, and a moment passes."""


def test_every_path_is_answered_by_its_service(platform: PrivatePlatform, front: str) -> None:
    """As the service itself answers there."""
    headers = ApiClient(platform.settings).tokens.headers()
    for path in forwarded_paths():
        own = path.path.removeprefix(f"/{path.service}")
        query = QUERIES.get(own, "")
        address = platform.process(f"{path.service}.web").spec.address
        direct, through = asked(address, own + query, headers), asked(front, path.path + query, headers)
        assert (through.status_code, _shown(through)) == (direct.status_code, _shown(direct)), path
        assert through.headers["Content-Type"] == direct.headers["Content-Type"]


def _shown(answer: requests.Response) -> Any:
    if "json" not in answer.headers["Content-Type"]:
        return answer.content
    body = answer.json()
    return {**body, "correlation_id": None} if isinstance(body, dict) else body


@pytest.mark.parametrize("service", registry.names())
def test_the_page_of_a_service_and_all_that_it_loads_are_there(front: str, service: str) -> None:
    page = requests.get(f"{front}/{service}/docs/", timeout=20)
    assert page.url == f"{front}/{service}/docs", "a slash at the end leads to the page"
    loaded = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert {requests.get(f"{front}/{service}/{name}", timeout=20).status_code for name in loaded} == {200}
    document = requests.get(f"{front}/{service}/openapi.json", timeout=20).json()
    assert document["servers"] == [{"url": "/"}]
    assert document == postman.documents()[service], "the collection of `make postman` is made from the same"
    assert "/docs" in OF_EVERY_SERVICE


def test_what_is_internal_stays_so(front: str) -> None:
    for path in INTERNAL:
        for address in (path, *(f"/{service}{path}" for service in registry.names())):
            answer = requests.get(f"{front}{address}", timeout=20)
            assert answer.status_code == (200 if address == "/health/live" else 404), address
            assert "figures" not in answer.text


def test_what_was_made_is_found_where_it_says(staff: ThroughTheGateway) -> None:
    made = staff.post("therapist", "/api/therapists", {"last_name": "Torweg", "city": "Aachen"})
    assert staff.get("therapist", f"/api/therapists/{made['id']}")["last_name"] == "Torweg"


def test_a_service_that_stops_is_away_and_comes_back(platform: PrivatePlatform, staff: ThroughTheGateway) -> None:
    service = platform.process("geocoding_service.web")
    assert staff.get("geocoding", "/api/geocode", postal_code="52062")
    service.stop()
    with pytest.raises(RequestRefused, match=r"service\.unreachable") as refused:
        staff.get("geocoding", "/api/geocode", postal_code="52062")
    assert refused.value.status == 503
    service.start()
    assert staff.get("geocoding", "/api/geocode", postal_code="52062")
