"""The keys that an issuer of tokens publishes (JWKS, RFC 7517), each with the one algorithm that it is used with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

LARGEST_DOCUMENT: Final = 64 * 1024
"""Bytes."""
MOST_KEYS: Final = 100
LONGEST_KEY_ID: Final = 200
RSA_BITS: Final = range(2048, 8193)
"""Shorter ones can be broken; longer ones would make every request slow."""

_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHMS: Mapping[tuple[Any, Any], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("Ed25519",),
    ("EC", "P-256"): ("ES256",),
    ("RSA", None): ("RS256", "PS256"),
}
"""By kind and curve; the first one is taken where a key does not say its algorithm."""


class BadKeys(ValueError):
    """The document is no set of keys, or has none that can be used. The message quotes nothing of it."""


class BadKey(ValueError):
    """One key of the set cannot be used. The message quotes nothing of it."""


@dataclass(frozen=True)
class VerificationKey:
    """A public key with the only algorithm that its signatures may have."""

    id: str
    algorithm: str
    key: OKPKey | ECKey | RSAKey


KeysById = Mapping[str, VerificationKey]


@dataclass(frozen=True)
class PublishedKeys:
    """The usable keys by their ids, and why others cannot be used."""

    keys: Mapping[str, VerificationKey]
    problems: tuple[str, ...] = ()


def parse(document: bytes) -> PublishedKeys:
    """Returns the keys of a document. Raises `BadKeys`; one bad key among good ones is left out and named."""
    found: dict[str, VerificationKey] = {}
    problems: list[str] = []
    for jwk in _list(document):
        try:
            key = _key(jwk)
            if key.id in found:
                raise BadKey("an id occurs twice")
            found[key.id] = key
        except BadKey as problem:
            problems.append(str(problem))
    if not found:
        raise BadKeys(f"no key can be used: {', '.join(sorted(set(problems))) or 'the set is empty'}")
    return PublishedKeys(found, tuple(problems))


def _list(document: bytes) -> list[Any]:
    if len(document) > LARGEST_DOCUMENT:
        raise BadKeys("the document is too large")
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as problem:
        raise BadKeys("the document is not JSON") from problem
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise BadKeys("the document has no list of keys, or too many of them")
    return keys


def _key(jwk: Any) -> VerificationKey:
    if not isinstance(jwk, dict):
        raise BadKey("a key is not an object")
    if jwk.keys() & _PRIVATE:
        raise BadKey("a private or symmetric key is published: whoever reads it can make tokens")
    key_id = jwk.get("kid")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= LONGEST_KEY_ID:
        raise BadKey("a key has no id")
    if jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
        raise BadKey("a key is not for signatures")
    return VerificationKey(key_id, _algorithm(jwk), _imported(jwk))


def _operations(jwk: Mapping[str, Any]) -> list[Any]:
    operations = jwk.get("key_ops", ["verify"])
    return operations if isinstance(operations, list) else []


def _algorithm(jwk: Mapping[str, Any]) -> str:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    possible = _ALGORITHMS.get((kind, curve), ()) if isinstance(kind, str) and isinstance(curve, str | None) else ()
    chosen = jwk.get("alg", possible[0] if possible else None)
    if chosen not in possible:
        raise BadKey("a key is for an algorithm that is not accepted")
    return str(chosen)


def _imported(jwk: Mapping[str, Any]) -> OKPKey | ECKey | RSAKey:
    members = {name: jwk[name] for name in _MEMBERS if name in jwk}
    if not all(isinstance(value, str) for value in members.values()):
        raise BadKey("a key is not in its form")
    try:
        key = JWKRegistry.import_key(members)
        if isinstance(key, RSAKey) and key.public_key.key_size not in RSA_BITS:
            raise BadKey("an RSA key is too short or too long")
        assert isinstance(key, OKPKey | ECKey | RSAKey)
        key.public_key  # noqa: B018  # a point that is not on its curve shows here
    except BadKey:
        raise
    except (JoseError, ValueError, TypeError, KeyError) as problem:
        raise BadKey("a key is not in its form") from problem
    return key
