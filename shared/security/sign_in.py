"""The ways in which a service recognises its callers, by the value of the setting `AUTH`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shared.errors import Unauthenticated, Unreachable
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.logs import logger
from shared.runtime.settings import ServiceSettings
from shared.security import tokens
from shared.security.authentication import ADMINS, Caller, SignIn
from shared.security.keys import TokenKeys
from shared.security.tokens import Claims, GenuineTokens, TokenExpired, TokenRefused, TokenRules, UnknownKey
from shared.values.account_enums import Scope
from shared.values.enums import Role

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logger(__name__)

Confirm = Callable[[Caller], Caller]

UNKNOWN_KEY_SECONDS: Final = 10.0
"""Tokens with invented keys are easily made, so they cause a fetch this often at most."""
EXPIRED_SECONDS: Final = 1.0
"""Only genuine tokens can have run out."""

_BEARER = re.compile(r"bearer +([^ ,]+) *", re.IGNORECASE)


class NoKeys(Unreachable):
    """The issuer's keys have not been fetched yet, so that nobody can be recognised."""


class EverybodyIsAdmin:
    """`AUTH=none`, for development: everybody who reaches the port is an administrator, and every service too."""

    EVERYBODY: Final = Caller(id=None, roles=ADMINS | {Role.SERVICE}, scopes=frozenset(Scope))

    def caller(self, environ: WSGIEnvironment) -> Caller:  # noqa: ARG002
        """Returns an administrator without an account, who may do what services do: they do not sign in either."""
        return self.EVERYBODY

    def checks(self) -> Sequence[ReadinessCheck]:
        """Nothing is needed."""
        return ()

    def stop(self) -> None:
        """Nothing runs."""


class ConfirmedSignIn:
    """A sign-in whose callers the service compares with what it knows of them now."""

    def __init__(self, sign_in: SignIn, confirm: Confirm) -> None:
        self._sign_in, self._confirm = sign_in, confirm
        self.checks, self.stop = sign_in.checks, sign_in.stop

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns the caller as they are now. Raises `Unauthenticated`."""
        recognised = self._sign_in.caller(environ)
        with _count_refused():
            return self._confirm(recognised)


class TokenSignIn:
    """`AUTH=token`: the header `Authorization: Bearer …` brings an access token of the issuer."""

    def __init__(self, rules: TokenRules, keys: TokenKeys) -> None:
        self._tokens, self._keys = GenuineTokens(rules), keys
        self.checks, self.stop = keys.checks, keys.stop

    def caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns whom the token names. Raises `Unauthenticated`; `Unreachable` as long as there are no keys."""
        with _count_refused():
            claims = self._claims(_bearer_token(environ))
        return Caller(claims.subject, claims.roles, claims.scopes, claims.session_id)

    def _claims(self, token: str) -> Claims:
        if not self._keys.by_id:
            raise NoKeys("token_keys.unreachable")
        try:
            return self._verified(token)
        except UnknownKey:
            self._keys.ask_again("unknown key", at_most_every=UNKNOWN_KEY_SECONDS)
        except TokenExpired as expired:
            if expired.expired_at + tokens.LEEWAY <= self._keys.contact:
                raise  # somebody could have fetched a new one: it matters no more whether the issuer is away
            self._keys.ask_again("expired", at_most_every=EXPIRED_SECONDS)
        return self._verified(token)

    def _verified(self, token: str) -> Claims:
        now = clock.now()
        genuine = self._tokens.read(token, self._keys.by_id)
        genuine.refuse_wrong_time(now=now, expired_as_of=self._keys.expired_as_of(now))
        return genuine.claims


@contextmanager
def _count_refused() -> Iterator[None]:
    try:
        yield
    except Unauthenticated as refusal:
        metrics.tokens_refused.labels(refusal.code).inc()
        raise


def _bearer_token(environ: WSGIEnvironment) -> str:
    sent = environ.get("HTTP_AUTHORIZATION")
    if sent is None:
        raise Unauthenticated("token.missing")
    found = _BEARER.fullmatch(sent)  # of two headers, which arrive with a comma between them, neither is taken
    if found is None:
        raise TokenRefused("token.malformed.header")
    return found[1]


def everybody_is_admin(_settings: ServiceSettings) -> SignIn:
    """Returns the sign-in of `AUTH=none`, with a warning in the log."""
    log.warning("auth.none", meaning="everybody who reaches this port is an administrator; set AUTH=token")
    return EverybodyIsAdmin()


def with_tokens(settings: ServiceSettings) -> SignIn:
    """Returns the sign-in of `AUTH=token`, which begins to fetch the issuer's keys. Call it after the fork."""
    keys = TokenKeys(settings.keys_url, grace_seconds=settings.token_outage_grace)
    keys.start()
    return TokenSignIn(rules_of(settings), keys)


def rules_of(settings: ServiceSettings) -> TokenRules:
    """Returns what the settings say about tokens."""
    return TokenRules(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        type=settings.token_type,
        roles_claim=settings.token_roles_claim,
        roles=settings.role_names,
    )


SIGN_INS: dict[str, Callable[[ServiceSettings], SignIn]] = {"none": everybody_is_admin, "token": with_tokens}
"""How the callers of a service are recognised, by the value of the setting `AUTH`."""
