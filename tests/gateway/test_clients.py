"""Whom a request is counted for: the peer, or the client that a trusted proxy names; of IPv6 the whole /64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.running import Gateway, gateway

BEHIND_PROXIES = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,2001:db8:ffff::/48"}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Gateway]:
    """A gateway whose proxy is somebody else than its clients here."""
    with gateway(settings={"GATEWAY_TRUSTED_PROXIES": "127.0.0.2"}) as running:
        yield running


@pytest.fixture(scope="module")
def behind_proxies() -> Iterator[Gateway]:
    """A gateway that believes its clients here."""
    with gateway(settings=BEHIND_PROXIES) as running:
        yield running


def address_of(front: Gateway, **headers: str) -> str:
    """The client's address as the services learn it."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    address: str = front.asked("GET", "/api/patients", headers=given).json()["headers"]["X-REAL-IP"]
    return address


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"])
def test_nobody_is_believed_who_is_no_trusted_proxy(front: Gateway, elsewhere: Gateway, header: str) -> None:
    for each in (front, elsewhere):
        assert address_of(each, **{header: "203.0.113.7"}) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3, 2001:db8:ffff::1", "203.0.113.7"),
        ("10.9.9.9, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_its_client_and_what_the_client_said_itself_does_not_count(
    behind_proxies: Gateway, forwarded: str, client: str
) -> None:
    assert address_of(behind_proxies, X_Forwarded_For=forwarded) == client
    assert address_of(behind_proxies, X_Real_IP="192.0.2.9") == "127.0.0.1"


def refused(front: Gateway, addresses: list[str], path: str) -> int:
    """How many requests of these clients are too many."""
    answers = [front.asked("POST", path, json={}, headers={"X-Forwarded-For": each}) for each in addresses]
    return [each.status_code for each in answers].count(429)


@pytest.mark.parametrize(
    ("limit", "path"),
    [("GATEWAY_REQUESTS_PER_SECOND", "/api/patients"), ("GATEWAY_OPEN_REQUESTS_PER_SECOND", "/api/auth/login")],
)
def test_an_ipv6_network_is_one_client_and_ipv4_addresses_are_many(limit: str, path: str) -> None:
    with gateway(settings=BEHIND_PROXIES | {limit: "1"}) as front:
        assert refused(front, [f"2001:db8:1:2::{number:x}" for number in range(12)], path) >= 8
        assert refused(front, [f"2001:db8:1:{number + 3:x}::1" for number in range(12)], path) == 0
        assert refused(front, [f"203.0.113.{number}" for number in range(12)], path) == 0
        assert refused(front, [f"::ffff:198.51.100.{number}" for number in range(12)], path) == 0
        assert refused(front, ["192.0.2.1"] * 12, path) >= 8
