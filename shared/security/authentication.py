"""The caller of a request and their roles. Until accounts exist (`AUTH=none`) everybody is an administrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast
from uuid import UUID

from flask import Request, current_app, g, has_request_context, request

from shared.errors import FieldProblem, Forbidden, RuleBroken
from shared.values.enums import Role
from shared.values.text import has_unstorable, one_line

LONGEST_PURPOSE = 500


Access: TypeAlias = frozenset[Role] | Literal["anyone"]

ANYONE: Final = "anyone"
"""No sign-in is required: health, documentation, and links that carry their own authorisation."""

ADMINS: Final = frozenset({Role.ADMIN})
COORDINATORS: Final = ADMINS | {Role.COORDINATOR}
CALLERS: Final = COORDINATORS | {Role.CALLER}
"""Staff who phone practices; they must not see an anamnesis."""
IMPORTERS: Final = ADMINS | {Role.IMPORTER}
AUDITORS: Final = COORDINATORS | {Role.AUDITOR}
"""Staff who read logs and reports."""
SERVICES: Final = ADMINS | {Role.SERVICE}
READERS: Final = COORDINATORS | {Role.SERVICE}
"""Those who read patients, therapists and requests completely."""
SIGNED_IN: Final = frozenset(Role)


@dataclass(frozen=True)
class Caller:
    """Who sent the request; `id` is None until accounts exist."""

    id: UUID | None
    roles: frozenset[Role]
    session_id: UUID | None = None

    def may(self, access: Access) -> bool:
        """Whether one of the roles has access; an administrator always has."""
        return access == ANYONE or Role.ADMIN in self.roles or not self.roles.isdisjoint(access)


SignIn = Callable[[Request], Caller]

EVERYBODY = Caller(id=None, roles=ADMINS)


def everybody_is_admin(_request: Request) -> Caller:
    """`AUTH=none`: acceptable only because ports are published on 127.0.0.1."""
    return EVERYBODY


SIGN_INS: dict[str, SignIn] = {"none": everybody_is_admin}
"""How the caller of a request is found, by the value of the setting `AUTH`."""


def caller() -> Caller:
    """Returns the caller of the current request."""
    if "caller" not in g:
        g.caller = cast(SignIn, current_app.extensions["sign_in"])(request)
    return cast(Caller, g.caller)


def admit(access: Access) -> None:
    """Raise `Forbidden` when the current caller has no access."""
    if access != ANYONE and not caller().may(access):
        raise Forbidden("role.missing", "Your role does not allow this.")


def purpose() -> str | None:
    """Returns why the caller reads a patient's file, from the header `X-Purpose`; it is recorded with the access."""
    given = request.headers.get("X-Purpose") if has_request_context() else None
    if given is None:
        return None
    # WSGI hands headers over as Latin-1; people type German in UTF-8
    words = given.encode("latin-1", "replace").decode("utf-8", "replace").strip()
    if len(words) > LONGEST_PURPOSE or has_unstorable(words):
        message = f"Write at most {LONGEST_PURPOSE} printable characters."
        raise RuleBroken("purpose.invalid", message, errors=[FieldProblem("X-Purpose", message)])
    return one_line(words) or None
