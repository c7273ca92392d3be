"""All services under one address: what staff use, through the gateway of the running platform."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from gateway.paths import INTERNAL, OF_EVERY_SERVICE, ForwardedPath, forwarded_paths
from shared.runtime import registry
from testkit.private_platform import PrivatePlatform

ID = "0199aa00-0000-7000-8000-000000000001"


@pytest.fixture
def front(platform: PrivatePlatform) -> str:
    """The gateway's address."""
    process = platform.process("gateway")
    process.start()
    return process.spec.address


def asked(front: str, path: ForwardedPath) -> requests.Response:
    return requests.get(front + re.sub("<[^<>]*>", ID, path.path), timeout=20)


def test_every_path_is_answered_by_its_service(platform: PrivatePlatform, front: str) -> None:
    """As the service itself answers there."""
    for path in forwarded_paths():
        own = path.path.removeprefix(f"/{path.service}")
        address = platform.process(f"{path.service}.web").spec.address
        direct, through = asked(address, ForwardedPath(own, path.service)), asked(front, path)
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
    assert "/docs" in OF_EVERY_SERVICE


def test_what_is_internal_stays_so(front: str) -> None:
    for path in INTERNAL:
        for address in (path, *(f"/{service}{path}" for service in registry.names())):
            answer = requests.get(f"{front}{address}", timeout=20)
            assert answer.status_code == (200 if address == "/health/live" else 404), address
            assert "figures" not in answer.text


def test_what_was_made_is_found_where_it_says(front: str) -> None:
    made = requests.post(f"{front}/api/therapists", json={"last_name": "Torweg", "city": "Aachen"}, timeout=20)
    assert made.status_code == 201
    assert requests.get(front + made.headers["Location"], timeout=20).json()["id"] == made.json()["id"]


def test_a_service_that_stops_is_away_and_comes_back(platform: PrivatePlatform, front: str) -> None:
    service = platform.process("geocoding_service.web")
    address = f"{front}/api/geocode?postal_code=52062"
    assert requests.get(address, timeout=20).ok
    service.stop()
    answer = requests.get(address, timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unreachable")
    assert int(answer.headers["Retry-After"]) > 0
    service.start()
    assert requests.get(address, timeout=20).ok
