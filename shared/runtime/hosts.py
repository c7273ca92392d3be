"""Under which names this platform is reached: whoever else's page asks it something is refused.

Without accounts whoever reaches a port is an administrator. A web page that somebody here has open reaches ports of
this machine too: it lets its own name point to 127.0.0.1 and reads (`Host` gives it away), or sends a form and changes
something (`Origin` and `Sec-Fetch-Site`, which a page cannot forge, give it away). Programs send neither of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.errors import Forbidden, PlatformError
from shared.runtime.problem_documents import MEDIA_TYPE, problem_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOCAL = "127.0.0.1,localhost,[::1]"
"""The names of this machine, for itself."""

EVERYWHERE = frozenset({"0.0.0.0", "[::]"})  # noqa: S104
"""May be listened on, but is no name: browsers take it for this machine."""
CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
OF_OUR_OWN = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: a page of ours, or a person who typed the address."""

_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?P<port>:\d{1,5})?")


class ForeignHost(PlatformError):
    """The request was meant for a name that is not ours."""


@dataclass(frozen=True)
class Hosts:
    """The names that are ours; only pages that were read under one of them may change anything."""

    names: frozenset[str]

    @classmethod
    def of(cls, names: str, *, bind: str = "") -> Hosts:
        """From a setting, a list with commas.

        The address that is listened on is one of the names, and 127.0.0.1 always is: who watches a process asks there.
        """
        own = f"[{bind}]" if ":" in bind else bind
        return cls(frozenset(_parts(f"{names},{own},127.0.0.1")) - EVERYWHERE)

    def admit(self, environ: WSGIEnvironment) -> None:
        """Raises `ForeignHost` or `Forbidden` where the request is not for us, or comes from somebody else's page."""
        host = environ.get("HTTP_HOST", "").lower()
        found = _AUTHORITY.fullmatch(host)
        if found is None or found["name"] not in self.names:
            raise ForeignHost("host.unknown", "Nobody here has this name; the setting ALLOWED_HOSTS lists ours.")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise _forbidden()
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if site not in OF_OUR_OWN and origin is None and environ["REQUEST_METHOD"] not in CHANGES_NOTHING:
            raise _forbidden()

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """The application, which is asked only what it may be asked."""

        def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            try:
                self.admit(environ)
            except PlatformError as refused:
                return _refused(refused, start_response)
            return app(environ, start_response)

        return guarded


def _forbidden() -> Forbidden:
    return Forbidden("origin.foreign", "Somebody else's page asked for this; pages of this address may.")


def _refused(refused: PlatformError, start_response: StartResponse) -> Iterable[bytes]:
    status = HTTPStatus.MISDIRECTED_REQUEST if isinstance(refused, ForeignHost) else HTTPStatus.FORBIDDEN
    body = problem_document(status, refused.code, refused.message).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _parts(listed: str) -> Iterable[str]:
    return (part.strip().lower() for part in listed.split(",") if part.strip())


def check_host_names(listed: str) -> str:
    """The list itself. Raises `ValueError` where a name has a port or is none."""
    for name in _parts(listed):
        found = _AUTHORITY.fullmatch(name)
        if found is None or found["port"]:
            raise ValueError("each must be the name of a host, without a port")
    return listed
