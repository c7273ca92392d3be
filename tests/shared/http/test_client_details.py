"""From where a request was sent: every client writes its own headers, so only those of our proxies count."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from flask import Flask

from shared.http.client_details import LONGEST_USER_AGENT, UNKNOWN, ClientDetails, client_details

PROXIES = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "2001:DB8::0001", "2001:db8::/64"),
        ("2001:db8:1:2:ffff::1", "198.51.100.1", "2001:db8:1:2::/64"),
        ("127.0.0.1", "fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", " 198.51.100.1 ", "198.51.100.1"),
        ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "198.51.100.1", UNKNOWN),
        ("/run/socket", "198.51.100.1", UNKNOWN),
    ],
)
def test_the_header_counts_only_from_a_trusted_proxy(peer: str, forwarded: str, address: str) -> None:
    assert ClientDetails(peer, forwarded, None, {}).address(PROXIES) == address


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Firefox", "Firefox"), ("a\tb", "ab"), ("x" * 10_000, "x" * LONGEST_USER_AGENT), (" ", None), ("", None)],
)
def test_what_is_kept_of_a_program_can_be_stored(sent: str, kept: str | None) -> None:
    headers = {"User-Agent": sent}
    with Flask("example").test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.7"}):
        found = client_details()
    assert (found.user_agent, found.peer, dict(found.cookies)) == (kept, "203.0.113.7", {})
