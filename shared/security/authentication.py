"""The caller of a request, their roles and scopes, and who may call what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast
from uuid import UUID

from flask import current_app, g, has_request_context, request

from shared.errors import FieldProblem, Forbidden, RuleBroken
from shared.texts import OneOf
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.text import has_unstorable, one_line

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from shared.runtime.health import ReadinessCheck

LONGEST_PURPOSE = 500


Access: TypeAlias = frozenset[Role | Scope] | Literal["anyone"]
"""Who may call: people with one of the roles, machines with one of the scopes."""

ANYONE: Final = "anyone"
"""No access token is required: health, documentation, public keys, the sign-in itself, what a cookie or the token of a
link proves, and the pages behind such links."""

ADMINS: Final = frozenset({Role.ADMIN})
COORDINATORS: Final = ADMINS | {Role.COORDINATOR}
CALLERS: Final = COORDINATORS | {Role.CALLER}
"""Staff who phone practices; they must not see an anamnesis."""
IMPORTERS: Final = ADMINS | {Role.IMPORTER}
AUDITORS: Final = COORDINATORS | {Role.AUDITOR}
"""Staff who read logs and reports."""
READERS: Final = COORDINATORS
"""Those who read patients and requests completely."""
SIGNED_IN: Final = frozenset(Role) - {Role.SERVICE}
"""Everybody with an account for a person."""


@dataclass(frozen=True)
class Caller:
    """Who sent the request; `id` is None where nobody had to sign in."""

    id: UUID | None
    roles: frozenset[Role]
    scopes: frozenset[Scope] = frozenset()
    session_id: UUID | None = None
    """The session that a person opened by signing in; machines have none."""

    def may(self, access: Access) -> bool:
        """Whether the caller has access. An administrator has it wherever people have it.

        The role of machines opens nothing by itself: scopes are valid only with it.
        """
        if access == ANYONE:
            return True
        if Role.ADMIN in self.roles and any(isinstance(each, Role) for each in access):
            return True
        scopes = self.scopes if Role.SERVICE in self.roles else frozenset()
        return not access.isdisjoint((self.roles - {Role.SERVICE}) | scopes)


class SignIn(Protocol):
    """Recognises callers in the way that the setting `AUTH` names (shared/security/sign_in.py)."""

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns who sends a request. Raises `Unauthenticated`; `Unreachable` where nobody can be recognised."""

    def checks(self) -> Sequence[ReadinessCheck]:
        """Returns what is needed to recognise anybody."""

    def stop(self) -> None:
        """End what runs in the background."""


NOBODY: Final = Caller(id=None, roles=frozenset())
"""The caller of an endpoint that is open to anyone; a token that comes along is not looked at."""


def caller() -> Caller:
    """Returns the caller of the current request, as `admit` found them."""
    return cast(Caller, g.caller)


def admit(access: Access) -> None:
    """Find the caller of the current request. Raises `Unauthenticated`, and `Forbidden` for one without access."""
    if access == ANYONE:
        g.caller = NOBODY
        return
    g.caller = cast(SignIn, current_app.extensions["sign_in"]).caller(request.environ)
    if not caller().may(access):
        raise Forbidden("role.missing", needed=OneOf(sorted(str(each) for each in access)))


def purpose() -> str | None:
    """Returns why the caller reads a patient's file, from the header `X-Purpose`; it is recorded with the access."""
    given = request.headers.get("X-Purpose") if has_request_context() else None
    if given is None:
        return None
    # WSGI hands headers over as Latin-1; people type German in UTF-8
    words = given.encode("latin-1", "replace").decode("utf-8", "replace").strip()
    if len(words) > LONGEST_PURPOSE or has_unstorable(words):
        problem = FieldProblem.of("X-Purpose", "field.purpose", longest=LONGEST_PURPOSE)
        raise RuleBroken("purpose.invalid", longest=LONGEST_PURPOSE, errors=[problem])
    return one_line(words) or None
