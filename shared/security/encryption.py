"""Encryption of patient data and keyed digests. The master key lives apart from the database and its backups
(docs/domain.md#data-protection-health-data).

Each patient has a data key of their own, wrapped by the master key; destroying the wrapped key is erasure (GDPR
Art. 17), in tables and backups alike. AES-256-GCM with a random 96-bit nonce in front of the ciphertext
(NIST SP 800-38D); the additional data ties a ciphertext to its owner, so that it cannot be moved to another row.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import unicodedata
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class Keys:
    """Data keys and blind indexes, each with a key derived from the master key."""

    def __init__(self, master_key: str) -> None:
        """`master_key` is the base64 of 32 bytes."""
        self._wrapping = AESGCM(_derive(master_key, "wrap data keys"))
        self._index = _keyed(_derive(master_key, "blind index"))

    def new_data_key(self, owner: bytes) -> bytes:
        """Returns a new data key, wrapped for this owner (an aggregate's id)."""
        return _encrypt(self._wrapping, AESGCM.generate_key(256), owner)

    def encrypt(self, wrapped_key: bytes, owner: bytes, document: dict[str, Any]) -> bytes:
        """Returns a JSON-serialisable document encrypted with the owner's data key."""
        return _encrypt(self._data_key(wrapped_key, owner), json.dumps(document, ensure_ascii=False).encode(), owner)

    def decrypt(self, wrapped_key: bytes, owner: bytes, sealed: bytes) -> dict[str, Any]:
        """Returns the document; raises `cryptography.exceptions.InvalidTag` when anything was altered."""
        return json.loads(_decrypt(self._data_key(wrapped_key, owner), sealed, owner))  # type: ignore[no-any-return]

    def _data_key(self, wrapped_key: bytes, owner: bytes) -> AESGCM:
        return AESGCM(_decrypt(self._wrapping, wrapped_key, owner))

    def blind_index(self, text: str) -> bytes:
        """Returns a keyed digest, the same for equal texts apart from case, form of accents and outer blanks."""
        word = unicodedata.normalize("NFKC", text).strip().casefold()
        return _digest(self._index, word.encode())[:16]


class SecretBox:
    """Encrypts secrets of a service's own, each tied to the row that holds it."""

    def __init__(self, key: str, purpose: str) -> None:
        """`key` is the base64 of 32 bytes; boxes of different purposes cannot open each other's secrets."""
        self._cipher = AESGCM(_derive(key, purpose))

    def encrypt(self, secret: bytes, owner: bytes) -> bytes:
        """Returns the secret, encrypted for this owner (a row's id)."""
        return _encrypt(self._cipher, secret, owner)

    def decrypt(self, sealed: bytes, owner: bytes) -> bytes:
        """Returns the secret; raises `cryptography.exceptions.InvalidTag` when anything was altered."""
        return _decrypt(self._cipher, sealed, owner)


class Digests:
    """Keyed digests of requests, which recognise a repetition without storing its content."""

    def __init__(self, digest_key: str, purpose: str = "request digest") -> None:
        """`digest_key` is the base64 of 32 bytes; it decrypts nothing."""
        self._key = _keyed(_derive(digest_key, purpose))

    def digest(self, *parts: bytes) -> bytes:
        """Returns the digest of these parts."""
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return _digest(self._key, framed)


def _derive(key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(base64.b64decode(key, validate=True))


def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod=sha256)


def _digest(keyed: hmac.HMAC, message: bytes) -> bytes:
    # not `hmac.digest`, which lets another thread of the process go first each time
    copy = keyed.copy()
    copy.update(message)
    return copy.digest()


def _encrypt(cipher: AESGCM, plaintext: bytes, owner: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + cipher.encrypt(nonce, plaintext, owner)


def _decrypt(cipher: AESGCM, sealed: bytes, owner: bytes) -> bytes:
    return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], owner)
