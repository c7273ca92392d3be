"""Tokens of links and addresses in e-mails: signed, each for one purpose, one e-mail and until a day.

A token names an e-mail, and nothing of a patient or a practice. Nothing of it is stored: who has the key can read
it, who lacks the key cannot make one. It consists of lower-case letters and digits, since mail programs change
the case of addresses and cut punctuation off links.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from itsdangerous.signer import HMACAlgorithm, Signer
from pydantic import SecretStr

from shared.errors import NotFound
from shared.runtime.settings import keys_in

_BEGINNING: Final = date(2020, 1, 1)
_DAY: Final = slice(16, 18)
_SIGNED: Final = slice(0, 18)
_SIGNATURE: Final = slice(18, 30)
LENGTH: Final = 48
"""Characters of every token: 16 bytes of an id, 2 of a day and 12 of the signature, in base32."""


class LinkPurpose(StrEnum):
    """What a token is for; no token is valid for another purpose."""

    REPLY = "reply"
    """Who was written to answers an e-mail."""
    ADDRESS = "address"
    """An e-mail to the address with this token answers ours; it opens no page."""
    UNSUBSCRIBE = "unsubscribe"
    """The address of an e-mail is to get no more inquiries."""


class _ShortHmac(HMACAlgorithm):
    """HMAC-SHA-256, of which 96 bits are enough: a guess has to be sent to us, where guesses are limited."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[: _SIGNATURE.stop - _SIGNATURE.start]


class LinkTokens:
    """Makes and reads tokens with a ring of keys: the first key signs, all of them are tried."""

    def __init__(self, ring: SecretStr) -> None:
        # itsdangerous signs with the last key
        self._keys = list(reversed(keys_in(ring)))
        self._algorithm = _ShortHmac(hashlib.sha256)

    def issue(self, purpose: LinkPurpose, email_id: UUID, *, last_day: date) -> str:
        """Returns a token for this e-mail that is valid up to and including this Berlin day."""
        said = email_id.bytes + (last_day - _BEGINNING).days.to_bytes(2, "big")
        signature = self._algorithm.get_signature(self._signer(purpose).derive_key(), said)
        return base64.b32encode(said + signature).decode().lower()

    def read(self, purpose: LinkPurpose, token: str, *, today: date) -> UUID:
        """Returns the e-mail that a token for this purpose names.

        Raises `NotFound`, in the same words whatever is wrong: not whole, not signed by us, for another purpose, or
        its day is over.
        """
        sent = _decoded(token)
        last_day = _BEGINNING + timedelta(days=int.from_bytes(sent[_DAY], "big"))
        if not self._is_signed(purpose, sent) or last_day < today:
            raise NotFound("link")
        return UUID(bytes=sent[:16])

    def _is_signed(self, purpose: LinkPurpose, sent: bytes) -> bool:
        signer = self._signer(purpose)
        return any(
            self._algorithm.verify_signature(signer.derive_key(key), sent[_SIGNED], sent[_SIGNATURE])
            for key in signer.secret_keys
        )

    def _signer(self, purpose: LinkPurpose) -> Signer:
        """With a key for this purpose alone, which follows from ours."""
        salt = f"communication_service.{purpose}"
        return Signer(self._keys, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def _decoded(token: str) -> bytes:
    """The bytes of a token. Raises `NotFound`."""
    try:
        sent = base64.b32decode(token.encode(), casefold=True)
    except binascii.Error:
        raise NotFound("link") from None
    if len(token) != LENGTH or len(sent) != _SIGNATURE.stop:
        raise NotFound("link")
    return sent
