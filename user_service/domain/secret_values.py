"""Secrets that this service gives out and how it recognises them: random, and stored as digests only."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from hashlib import sha256

from shared.security.encryption import Digests, SecretBox

BYTES = 32


@dataclass(frozen=True)
class SecretValues:
    """What is made with the service's own key: none of it can be made with the database alone."""

    box: SecretBox
    """Encrypts signing keys and the keys of one-time passwords, each for its row."""
    digests: Digests
    """Keyed digests: successors of refresh tokens, keys of throttles, recovery codes."""

    @classmethod
    def of(cls, key: str) -> SecretValues:
        """With keys derived from the base64 of 32 bytes."""
        return cls(SecretBox(key, "secrets of the user service"), Digests(key, "digests of the user service"))

    def successor(self, token: str) -> str:
        """The refresh token that follows this one: the same however often it is asked for."""
        return _encoded(self.digests.digest(b"successor", token.encode()))

    def throttle_key(self, kind: str, *parts: str) -> bytes:
        """Under which attempts are counted, without saying of whom."""
        return self.digests.digest(b"throttle", kind.encode(), *(part.encode() for part in parts))


def new_secret() -> str:
    """Returns 256 random bits as text."""
    return _encoded(secrets.token_bytes(BYTES))


def hash_of(secret: str) -> bytes:
    """What is stored of a random secret: nobody can guess 256 bits, so a fast hash is enough."""
    return sha256(secret.encode()).digest()


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
