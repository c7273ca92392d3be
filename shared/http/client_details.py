"""From where a request was sent, as far as the connection and its headers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from flask import request

LONGEST_USER_AGENT = 200
Networks = tuple[IPv4Network | IPv6Network, ...]

UNKNOWN = "unknown"
"""The address of a client that has none, as in a test or on a Unix socket."""


@dataclass(frozen=True)
class ClientDetails:
    """The client of a request. Nothing but `peer` is proven: every client writes its headers itself."""

    peer: str
    """The address at the other end of the connection: the client's own, or that of a proxy."""
    forwarded: str
    """What `X-Real-IP` says, which our gateway sets: the address of the gateway's client."""
    user_agent: str | None
    cookies: Mapping[str, str]

    def address(self, trusted_proxies: Networks) -> str:
        """The client's address, of IPv6 its network; the header counts only where a trusted proxy sent the request."""
        found = _normal(self.forwarded) if _is_in(self.peer, trusted_proxies) else None
        return _subscriber(found or _normal(self.peer))


def client_details() -> ClientDetails:
    """Returns the client of the current request."""
    agent = "".join(filter(str.isprintable, request.headers.get("User-Agent", "")))[:LONGEST_USER_AGENT].strip()
    return ClientDetails(
        peer=request.remote_addr or "",
        forwarded=request.headers.get("X-Real-IP", ""),
        user_agent=agent or None,
        cookies=request.cookies,
    )


def _normal(address: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 address that was mapped to IPv6 is the IPv4 address."""
    try:
        found = ip_address(address.strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _subscriber(address: IPv4Address | IPv6Address | None) -> str:
    """What belongs to one subscriber: of IPv6 a /64, from which a device takes any address at any time."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address or UNKNOWN)


def _is_in(address: str, networks: Networks) -> bool:
    normal = _normal(address)
    return normal is not None and any(normal in network for network in networks)
