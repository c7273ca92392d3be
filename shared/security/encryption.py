"""Encryption of patient data, blind indexes and keyed digests. The master keys live apart from the database and its
backups (docs/domain.md#data-protection-health-data).

Each patient has a data key of their own, wrapped by a master key; destroying the wrapped key is erasure (GDPR Art. 17).
AES-256-GCM with a random 96-bit nonce in front of the ciphertext (NIST SP 800-38D); the additional data ties a
ciphertext to its owner, so that it cannot be moved to another row.

Every key here may be a ring of several: the first writes, all of them read. So a key is replaced without a pause
(docs/decisions/0028-key-rings.md).
"""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic_core import from_json, to_json

from shared.errors import Unreachable

NONCE = 12
KEY_ID = 8
"""The bytes of a key's id."""


def key_id(key: str) -> bytes:
    """Returns the id of a key (base64), which follows from it: so no key passes for another, and none is revealed."""
    return _derive(key, "id of a key")[:KEY_ID]


class MissingKey(Unreachable):
    """Something was written with a key that this process was not given."""


class MasterKeys:
    """The ring of keys that wrap data keys; a wrapped key begins with the id of the key that wrapped it."""

    def __init__(self, ring: str) -> None:
        """`ring` is the base64 of 32 bytes for each key, with commas between them."""
        self._ciphers = {key_id(each): AESGCM(_derive(each, "wrap data keys")) for each in ring.split(",")}
        self.ids = tuple(self._ciphers)

    def wrap(self, data_key: bytes, owner: bytes) -> bytes:
        """Returns the data key, wrapped by the first key of the ring for this owner."""
        first = self.ids[0]
        return first + _encrypt(self._ciphers[first], data_key, owner)

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """Returns the data key.

        Raises `MissingKey` when the ring lacks the key that wrapped it, `cryptography.exceptions.InvalidTag` when
        anything was altered.
        """
        cipher = self._ciphers.get(wrapped[:KEY_ID])
        if cipher is None:
            raise MissingKey("key.unknown", key=wrapped[:KEY_ID].hex())
        return _decrypt(cipher, wrapped[KEY_ID:], owner)

    def rewrap(self, wrapped: bytes, owner: bytes) -> bytes:
        """Returns the same data key, wrapped by the first key of the ring. Raises as `unwrap`."""
        return self.wrap(self.unwrap(wrapped, owner), owner)


def new_key() -> bytes:
    """Returns 32 random bytes: a key that encrypts."""
    return AESGCM.generate_key(256)


class UnwrappedKey:
    """A key that encrypts, ready for use."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, plaintext: bytes, owner: bytes) -> bytes:
        """Returns the plaintext, encrypted and tied to what is given as its owner."""
        return _encrypt(self._cipher, plaintext, owner)

    def decrypt(self, ciphertext: bytes, owner: bytes) -> bytes:
        """Returns the plaintext; raises `cryptography.exceptions.InvalidTag` when anything was altered."""
        return _decrypt(self._cipher, ciphertext, owner)


class IndexKey:
    """A key of blind indexes."""

    def __init__(self, key: str) -> None:
        """`key` is the base64 of 32 bytes."""
        self.id = key_id(key)
        self._key = _keyed(_derive(key, "blind index"))
        self._search_key = blake2b(key=_derive(key, "search"), digest_size=8)

    def blind_index(self, text: str) -> bytes:
        """Returns a keyed digest, the same for equal texts apart from case, form of accents and outer blanks."""
        word = unicodedata.normalize("NFKC", text).strip().casefold()
        return _digest(self._key, word.encode())[:16]

    def search_value(self, kind: str, word: str) -> int:
        """Returns a keyed digest of a word that is in one spelling already, as a number of 64 bits with a sign."""
        return _number(self._searched(kind, word).digest())

    def search_values(self, kind: str, word: str, *, shortest: int) -> list[int]:
        """Returns those of every beginning of the word, from so many letters on; of a shorter word its own.

        A patient has a dozen, which a table that is searched holds: keyed BLAKE2b (RFC 7693) goes on from one beginning
        to the next, and a number takes half the room of a blind index.
        """
        state = self._searched(kind, word[:shortest])
        found = [_number(state.digest())]
        for letter in word[shortest:]:
            state.update(letter.encode())
            found.append(_number(state.digest()))
        return found

    def _searched(self, kind: str, word: str) -> blake2b:
        state = self._search_key.copy()
        state.update(f"{kind}\x1f{word}".encode())
        return state


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big", signed=True)


class Keys:
    """What encrypts documents and finds them again: the rings of master keys and of index keys."""

    def __init__(self, master_ring: str, index_ring: str) -> None:
        """Both rings are the base64 of 32 bytes for each key, with commas between them."""
        self.masters = MasterKeys(master_ring)
        self.indexes = tuple(map(IndexKey, index_ring.split(",")))

    def new_data_key(self, owner: bytes) -> bytes:
        """Returns a new data key, wrapped for this owner (an aggregate's id)."""
        return self.masters.wrap(new_key(), owner)

    def encrypt(self, wrapped_key: bytes, owner: bytes, document: dict[str, Any] | bytes) -> bytes:
        """Returns a JSON-serialisable document, or what is its JSON already, encrypted with the owner's data key."""
        plaintext = document if isinstance(document, bytes) else to_json(document)
        return self._data_key(wrapped_key, owner).encrypt(plaintext, owner)

    def decrypt(self, wrapped_key: bytes, owner: bytes, sealed: bytes) -> dict[str, Any]:
        """Returns the document; raises `cryptography.exceptions.InvalidTag` when anything was altered."""
        return from_json(self._data_key(wrapped_key, owner).decrypt(sealed, owner))  # type: ignore[no-any-return]

    def _data_key(self, wrapped_key: bytes, owner: bytes) -> UnwrappedKey:
        return UnwrappedKey(self.masters.unwrap(wrapped_key, owner))


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

    def __init__(self, ring: str, purpose: str = "request digest") -> None:
        """`ring` is the base64 of 32 bytes for each key, with commas between them; they decrypt nothing."""
        self._keys = tuple(_keyed(_derive(each, purpose)) for each in ring.split(","))

    def digest(self, *parts: bytes) -> bytes:
        """Returns the digest of these parts with the first key."""
        return _digest(self._keys[0], _framed(parts))

    def is_of(self, digest: bytes, *parts: bytes) -> bool:
        """Whether this is the digest of these parts with any of the keys."""
        framed = _framed(parts)
        return any(hmac.compare_digest(digest, _digest(key, framed)) for key in self._keys)


def _framed(parts: Sequence[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


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
    if len(sealed) < NONCE:
        raise InvalidTag
    return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], owner)
