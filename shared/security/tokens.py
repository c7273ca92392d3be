"""Access tokens (JWT, RFC 9068): which of them are valid, and what they say. Knows neither the clock nor the network.

A key fixes the only algorithm that it is used with, so that a token cannot choose one (`none`, or HMAC with the public
key as its secret). Nothing in a token's header is ever used as a key or as the address of one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from shared.errors import Unauthenticated
from shared.security.jwks import KeysById, VerificationKey
from shared.values.account_enums import Scope
from shared.values.enums import Role

LONGEST_TOKEN: Final = 8192
"""Characters; ours have about 600."""
LONGEST_SUBJECT: Final = 255
MOST_REMEMBERED: Final = 1000
"""Genuine tokens that are remembered at most: fewer people than that work at the same time."""
Word = TypeVar("Word", Role, Scope)

LEEWAY: Final = timedelta(seconds=30)
"""By how much the clocks of issuer and services may differ."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIMESTAMP: Final = 10**11

_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}
_SCOPES: Final[Mapping[str, Scope]] = {scope.value: scope for scope in Scope}
_FORM = re.compile(r"[A-Za-z0-9_-]{1,700}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_NEVER_ACCEPTED = frozenset({"crit", "b64", "enc", "zip", "jwk", "jku", "x5u", "x5c"})
"""Header parameters that change how a token is read, or bring a key of their own."""


class TokenRefused(Unauthenticated):
    """A token was sent, and is not valid."""


class UnknownKey(TokenRefused):
    """The token names a key that is not among those of the issuer."""


class TokenExpired(TokenRefused):
    """The token is genuine and has run out."""

    def __init__(self, expired_at: datetime) -> None:
        super().__init__("token.expired")
        self.expired_at = expired_at


@dataclass(frozen=True)
class TokenRules:
    """What tokens must say to be valid here, and in which claim another kind of issuer puts the roles."""

    issuer: str
    audience: str
    type: str = "at+jwt"
    roles_claim: str = "roles"
    """The name of a claim, or a path with dots to one inside of others."""
    roles: Mapping[str, Role] = field(default_factory=lambda: _ROLES)
    """Our roles by the names that the issuer gives them; other names mean nothing here."""


@dataclass(frozen=True)
class Claims:
    """What an accepted token says of its bearer."""

    subject: UUID
    session_id: UUID | None
    roles: frozenset[Role]
    scopes: frozenset[Scope]


@dataclass(frozen=True)
class GenuineToken:
    """A token that the issuer signed for us: what it says, and when it is valid."""

    claims: Claims
    begins_at: datetime
    ends_at: datetime

    def refuse_wrong_time(self, *, now: datetime, expired_as_of: datetime) -> None:
        """Raises `TokenRefused` for a token that is not valid yet, or not any more.

        `expired_as_of` is the instant that a token must not have run out at: `now`, or an earlier one while the issuer
        cannot be reached.
        """
        if self.begins_at > now + LEEWAY:
            raise TokenRefused("token.not_yet_valid")
        if self.ends_at + LEEWAY <= expired_as_of:
            raise TokenExpired(self.ends_at)


class GenuineTokens:
    """Reads tokens, and remembers those that are genuine: a person sends the same one with hundreds of requests.

    Everything is forgotten with the keys it was read with, so when they are fetched anew, also where none has changed.
    """

    def __init__(self, rules: TokenRules, *, most: int = MOST_REMEMBERED) -> None:
        self._rules, self._most = rules, most
        # one object, so that nobody finds a token among those of other keys
        self._remembered: tuple[KeysById, dict[bytes, GenuineToken]] = ({}, {})

    def read(self, token: str, keys: KeysById) -> GenuineToken:
        """Returns a token that is remembered, or as the function `read` finds it. Raises `TokenRefused`."""
        known = self._known(keys)
        digest = sha256(token.encode()).digest()  # so that no usable token is kept in memory
        found = known.get(digest)
        if found is None:
            found = known[digest] = read(token, keys, self._rules)
        return found

    def _known(self, keys: KeysById) -> dict[bytes, GenuineToken]:
        read_with, known = self._remembered
        if read_with is not keys or len(known) >= self._most:
            known = {}
            self._remembered = (keys, known)
        return known


def read(token: str, keys: KeysById, rules: TokenRules) -> GenuineToken:
    """Returns the token, whose time is not looked at. Raises `TokenRefused`.

    Roles and scopes that are not known here are ignored: an issuer of a newer release may have more.
    """
    header = _header(token, rules)
    key = keys.get(header["kid"])
    if key is None:
        raise UnknownKey("token.unknown_key")
    if header["alg"] != key.algorithm or not _is_signed(token, key):
        raise TokenRefused("token.signature")
    claims = _object(token.split(".")[1])
    _refuse_foreign(claims, rules)
    return GenuineToken(
        Claims(
            subject=_identity(claims.get("sub"), rules),
            session_id=None if claims.get("sid") is None else _identity(claims["sid"], rules),
            roles=_known(rules.roles, _inside(claims, rules.roles_claim)),
            scopes=_known(_SCOPES, claims.get("scope")),
        ),
        begins_at=max((_instant(claims[name]) for name in ("nbf", "iat") if name in claims), default=EPOCH),
        ends_at=_instant(claims.get("exp")),
    )


def _header(token: str, rules: TokenRules) -> dict[str, Any]:
    """Returns the header of a token in its form; its `kid`, `alg` and `typ` are texts."""
    if len(token) > LONGEST_TOKEN or not _FORM.fullmatch(token):
        _refuse_malformed()
    header = _object(token.split(".")[0])
    if not all(isinstance(header.get(name), str) for name in ("kid", "alg", "typ")) or header.keys() & _NEVER_ACCEPTED:
        _refuse_malformed()
    if header["typ"].lower().removeprefix("application/") != rules.type.lower():
        raise TokenRefused("token.foreign.kind")
    return header


def _is_signed(token: str, key: VerificationKey) -> bool:
    _bytes(token.split(".")[2])  # two spellings of one signature would be two tokens
    try:
        jws.deserialize_compact(token, key.key, registry=_registry(key.algorithm))
    except (JoseError, ValueError):
        return False
    return True


@cache
def _registry(algorithm: str) -> JWSRegistry:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = LONGEST_TOKEN
    return registry


def _refuse_foreign(claims: Mapping[str, Any], rules: TokenRules) -> None:
    audiences = claims.get("aud")
    named = audiences if isinstance(audiences, list) else [audiences]
    if claims.get("iss") != rules.issuer or rules.audience not in named:
        raise TokenRefused("token.foreign")


def _instant(seconds: Any) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < LAST_TIMESTAMP:
        _refuse_malformed()
    return EPOCH + timedelta(seconds=seconds)


def _identity(text: Any, rules: TokenRules) -> UUID:
    """Returns the UUID that the issuer uses, or one that is made of an issuer's name and its own kind of identifier."""
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_SUBJECT or not text.isprintable():
        _refuse_malformed()
    try:
        return UUID(text)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{rules.issuer}#{text}")


def _inside(claims: Mapping[str, Any], path: str) -> Any:
    """Returns a claim by its name, which may have dots, or else by a path with dots; None where there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _known(meanings: Mapping[str, Word], given: Any) -> frozenset[Word]:
    """Returns what is known of the names in a list, or in a text with blanks between them (RFC 9068, 2.2.3)."""
    names = given.split(" ") if isinstance(given, str) else [] if given is None else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        _refuse_malformed()
    return frozenset(meanings[name] for name in names if name in meanings)


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part).decode(), object_pairs_hook=_once_each, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        _refuse_malformed()
    if not isinstance(found, dict):
        _refuse_malformed()
    return found


def _bytes(part: str) -> bytes:
    """Returns the decoded bytes; refuses a second spelling of them."""
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        _refuse_malformed()
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        _refuse_malformed()
    return decoded


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice: readers would disagree on which one to take")
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a number of JSON")


def _refuse_malformed() -> NoReturn:
    raise TokenRefused("token.malformed")
