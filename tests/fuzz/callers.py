"""Who sends the requests of a campaign: mostly an administrator, else each single role, each scope, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.errors import Unauthenticated
from shared.security.authentication import ADMINS, ANYONE, Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from tests.fakes.callers import FixedCaller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ADMINISTRATOR = Caller(id=None, roles=ADMINS)
SOMEBODY, SOME_MACHINE = UUID("0190a0a0-1111-7000-8000-000000000001"), UUID("0190a0a0-2222-7000-8000-000000000002")


def _headers(token: str) -> dict[str, str]:
    # whatever language is made up for it: a reason (`reasons.py`) is known by its English sentence
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


def _callers() -> dict[str, Caller]:
    people = {role.value: Caller(SOMEBODY, frozenset({role})) for role in Role if role not in ADMINS}
    machine = frozenset({Role.SERVICE})
    return people | {scope.value: Caller(SOME_MACHINE, machine, frozenset({scope})) for scope in Scope}


CALLERS: Mapping[str, Caller] = _callers()
"""By the tokens that they bring."""
UNKNOWN: tuple[dict[str, str], ...] = ({}, _headers("nobody"), {"Authorization": "Basic YWRtaW46YWRtaW4="})
"""Headers of requests whose sender nobody knows."""
ONE_IN = 4
"""Of so many requests one is not the administrator's."""


class SignIn(FixedCaller):
    """Recognises the callers of a campaign by their tokens."""

    headers = _headers("administrator")

    def __init__(self) -> None:
        super().__init__(ADMINISTRATOR)
        self._by_header = {_headers(token)["Authorization"]: caller for token, caller in CALLERS.items()}
        self._by_header[self.headers["Authorization"]] = ADMINISTRATOR

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns the caller; raises `Unauthenticated` for whom nobody knows."""
        found = self._by_header.get(environ.get("HTTP_AUTHORIZATION", ""))
        if found is None:
            raise Unauthenticated("token.missing")
        return found

    def headers_of(self, number: int) -> dict[str, str]:
        """The headers of the sender of a campaign's request with this number."""
        if number % ONE_IN:
            return dict(self.headers)
        others = (*UNKNOWN, *map(_headers, CALLERS))
        return dict(others[number // ONE_IN % len(others)])


SIGN_IN = SignIn()


def refusal(described: Mapping[str, Any], headers: Mapping[str, str]) -> int | None:
    """The status with which the sender must be refused, by what the document says of the operation; None if admitted.

    An address that no operation has is refused before anybody is asked who they are.
    """
    if ANYONE in described["x-roles"]:
        return None
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    if token == SIGN_IN.headers["Authorization"].removeprefix("Bearer "):
        # what only machines do, no person may, an administrator neither
        return None if described["x-roles"] else 403
    if token not in CALLERS:
        return 401
    return None if token in (*described["x-roles"], *described.get("x-scopes", [])) else 403
