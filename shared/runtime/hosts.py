"""The host names of this platform: requests for other names and from other sites' pages are refused.

With AUTH=none everybody who reaches a port is an administrator. A web page that is open in a browser on this machine
reaches its ports too. Its own host name can point to 127.0.0.1, so that it can read responses: the `Host` header shows
that name. Or it sends a form that changes something: `Origin` and `Sec-Fetch-Site`, which a page cannot forge, show
that. Programs send neither of these two headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from shared.errors import Forbidden, PlatformError
from shared.runtime.problem_documents import LANGUAGE_HEADERS, MEDIA_TYPE, problem_document
from shared.texts import TextLanguage, preferred_language

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOCAL = "127.0.0.1,localhost,[::1]"
"""The names of this machine, for itself."""

REACHED_AT: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""At which address this machine reaches what listens on all of them, which are no host names themselves."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: one of our pages, or a person who typed the address."""

_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?P<port>:\d{1,5})?")


class ForeignHost(PlatformError):
    """The request names a host that is not ours."""


@dataclass(frozen=True)
class Hosts:
    """Our host names; only pages that were loaded under one of them may change anything."""

    names: frozenset[str]

    @classmethod
    def of(cls, names: str, *, bind: str = "") -> Hosts:
        """Returns the hosts of a setting, a list with commas.

        The address at which this machine reaches us is added, and 127.0.0.1, which health probes use. Addresses that
        stand for all of them are no names: browsers take them for this machine.
        """
        return cls(frozenset(_parts(f"{names},{own_host(bind)},127.0.0.1")) - {*map(in_url, REACHED_AT)})

    def admit(self, environ: WSGIEnvironment) -> None:
        """Raise `ForeignHost` for a request to another host name, `Forbidden` for one from another site's page."""
        host = environ.get("HTTP_HOST", "").lower()
        found = _AUTHORITY.fullmatch(host)
        if found is None or found["name"] not in self.names:
            raise ForeignHost("host.unknown")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise _forbidden()
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if site not in OWN_SITES and origin is None and environ["REQUEST_METHOD"] not in SAFE_METHODS:
            raise _forbidden()

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """Returns the application behind these checks."""

        def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            try:
                self.admit(environ)
            except PlatformError as refused:
                return _refused(refused, environ, start_response)
            return app(environ, start_response)

        return guarded


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches what listens there, and what is sent there crosses no network."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def own_address(bind: str) -> str:
    """Returns the address at which this machine reaches what listens on that one."""
    return REACHED_AT.get(bind, bind)


def own_host(bind: str) -> str:
    """Returns the same as URLs write it."""
    return in_url(own_address(bind))


def own_url(bind: str, port: int | str, *, has_tls: bool = False) -> str:
    """Returns the URL, without a path, at which this machine reaches what listens there."""
    return f"{'https' if has_tls else 'http'}://{own_host(bind)}:{port}"


def in_url(address: str) -> str:
    """Returns an address as URLs write it: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def _forbidden() -> Forbidden:
    return Forbidden("origin.foreign")


def _refused(refused: PlatformError, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status = HTTPStatus.MISDIRECTED_REQUEST if isinstance(refused, ForeignHost) else HTTPStatus.FORBIDDEN
    language = preferred_language(environ.get("HTTP_ACCEPT_LANGUAGE"), otherwise=TextLanguage.EN)
    body = problem_document(status, refused.sentence, language).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *LANGUAGE_HEADERS[language].items()]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _parts(listed: str) -> Iterable[str]:
    return (part.strip().lower() for part in listed.split(",") if part.strip())


def check_host_names(listed: str) -> str:
    """Returns the list unchanged; raises `ValueError` for a name with a port, or that is no host name."""
    for name in _parts(listed):
        found = _AUTHORITY.fullmatch(name)
        if found is None or found["port"]:
            raise ValueError("each must be the name of a host, without a port")
    return listed


def check_networks(listed: str) -> str:
    """Returns the list unchanged; raises `ValueError` for what is neither an address nor a network."""
    for each in _parts(listed):
        if "%" in each:  # an interface, which a name of any letters stands for
            raise ValueError("must be addresses or networks, separated by commas")
        try:
            ip_network(each)
        except ValueError:
            raise ValueError("must be addresses or networks, separated by commas") from None
    return listed


def check_url(url: str) -> str:
    """Returns the URL unchanged; raises `ValueError` for one that is not http(s), or that has a user, or no host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("is not an http(s) address")
    _ = parts.port  # raises ValueError for a port that is no number, or too high
    return url
