"""Callers as their accounts are now: unlike in other services, a token ends here with its session or account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

from shared.errors import Forbidden
from shared.http import Context
from shared.security.authentication import Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from user_service import jobs
from user_service.dependencies import Dependencies
from user_service.domain import sessions

Method = TypeVar("Method", bound=Callable[..., Any])


def confirm(dependencies: Dependencies, caller: Caller) -> Caller:
    """The caller with the roles and scopes that they have now. Raises `Unauthenticated` where they are out.

    Not everybody has an account here: nobody signs in with `AUTH=none`, and another issuer has accounts of its own.
    """
    if caller.id is None or not dependencies.issues_tokens:
        return caller
    roles, scopes = jobs.current_rights(caller.id, caller.session_id)
    return replace(caller, roles=frozenset(map(Role, roles)), scopes=frozenset(map(Scope, scopes)))


def where_tokens_are_ours(method: Method) -> Method:
    """Decorate a method that lets somebody sign in: not where another issuer does, in whose name ours would sign.

    Raises `Forbidden`.
    """

    @wraps(method)
    def checked(self: Any, context: Context[Dependencies], *args: Any, **given: Any) -> Any:
        if not context.dependencies.issues_tokens:
            raise Forbidden("sign_in.elsewhere")
        return method(self, context, *args, **given)

    return checked  # type: ignore[return-value]


def recently_signed_in(method: Method) -> Method:
    """Decorate a method that changes accounts: nobody who finds an open browser may give themselves access.

    Raises `Forbidden` where the caller's session began some time ago. A caller without a session here, such as the
    administrator of `AUTH=none` or of another issuer, is for those to ask.
    """

    @wraps(method)
    def checked(self: Any, context: Context[Dependencies], *args: Any, **given: Any) -> Any:
        me = context.caller
        if me.id is not None and me.session_id is not None:
            sessions.require_recent(context.session, me.id, me.session_id, now=context.now)
        return method(self, context, *args, **given)

    return checked  # type: ignore[return-value]
