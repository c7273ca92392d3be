"""What a service writes about patients, each text encrypted with a key of its patient in that service.

An encrypted text begins with the id of its key, so that a page of them is read with one query for all keys, and without
any other row. It is tied to what it is about (the id of a placement request): moved to another row,
it cannot be opened. The key of a patient is made when the first text about them is written; with it, all of them are
lost at once (docs/decisions/0032-texts-about-patients.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from pydantic import SecretStr

from shared.database import Session, patient_keys
from shared.errors import Unreachable
from shared.runtime.logs import logger
from shared.security.encryption import MasterKeys, UnwrappedKey, new_key
from shared.security.key_rings import KeyRings, WrappingRing
from shared.texts import Sentence, TextLanguage

log = logger(__name__)

ID: Final = 16
"""The bytes of the id with which an encrypted text begins."""


class LostText(StrEnum):
    """Why nobody can read any more what was written about a patient."""

    ERASED = "erased"
    """The patient was erased, and the key of their texts was destroyed."""
    DAMAGED = "damaged"

    @property
    def sentence(self) -> Sentence:
        """What stands in its place."""
        return Sentence.of("word.erased_text") if self is LostText.ERASED else Sentence.of("word.damaged_text")


Encrypted = tuple[bytes | None, UUID]
"""An encrypted text (None where there is none) and the id of what it is about."""


@dataclass(frozen=True)
class PatientText:
    """A text, or anything else that JSON has, about a patient."""

    patient_id: UUID
    about: UUID
    """The id of what it is about, without which it cannot be read."""
    content: Any


@dataclass(frozen=True)
class PatientTexts:
    """Encrypts and decrypts what is written about patients."""

    keys: MasterKeys
    """The ring of this service's own, which wraps the keys of patients."""
    language: Callable[[], TextLanguage] = lambda: TextLanguage.DE
    """Says in which language the reader learns that a text was erased; called only then."""

    @classmethod
    def of(cls, ring: SecretStr) -> Self:
        """With the ring of a setting."""
        return cls(MasterKeys(ring.get_secret_value()))

    def for_reader(self, language: Callable[[], TextLanguage]) -> PatientTexts:
        """The same, for a reader of this language."""
        return replace(self, language=language)

    def encrypt(self, session: Session, patient_id: UUID, about: UUID, text: str | None) -> bytes | None:
        """Returns a text about a patient, encrypted; None for None."""
        return None if text is None else self.encrypt_all(session, [PatientText(patient_id, about, text)])[0]

    def encrypt_all(self, session: Session, texts: Sequence[PatientText]) -> list[bytes]:
        """Returns these texts encrypted, in their order.

        Of a text about a patient who was erased nothing is kept but whose it was. Raises `Unreachable` where a
        patient's key cannot be unwrapped.
        """
        keys = self._keys_to_write_with(session, {each.patient_id for each in texts})
        return [_encrypted(keys[each.patient_id], each) for each in texts]

    def decrypt(self, session: Session, encrypted: Iterable[Encrypted]) -> dict[bytes | None, Any]:
        """Returns what was encrypted, by its encrypted form; a `LostText` where it cannot be read any more.

        Raises `MissingKey` where the ring lacks the key that wrapped a patient's.
        """
        known = [(each, about) for each, about in encrypted if each is not None]
        ids = {UUID(bytes=each[:ID]) for each, _ in known if len(each) >= ID}
        keys = {id: self._unwrapped(id, wrapped) for id, wrapped in patient_keys.find(session, ids).items()}
        return {each: _decrypted(keys, each, about) for each, about in known}

    def read(self, session: Session, encrypted: Iterable[Encrypted]) -> dict[bytes | None, str | None]:
        """Returns texts by their encrypted form, None for None; for what cannot be read any more, what became of it.

        Raises as `decrypt`.
        """
        found = self.decrypt(session, encrypted)
        return {None: None} | {each: self.worded(text) for each, text in found.items()}

    def worded(self, text: str | LostText) -> str:
        """The text, or what became of it in the reader's language."""
        return text.sentence.in_language(self.language()) if isinstance(text, LostText) else text

    def unwritable(self, session: Session, patients: Iterable[UUID]) -> set[UUID]:
        """Returns those of these patients about whom nothing can be written until their damaged key is restored."""
        found = patient_keys.find(session, set(patients))
        return {id for id, wrapped in found.items() if self._unwrapped(id, wrapped) is LostText.DAMAGED}

    def _keys_to_write_with(self, session: Session, patients: set[UUID]) -> Mapping[UUID, UnwrappedKey | LostText]:
        found = patient_keys.find(session, patients)
        new = {id: self.keys.wrap(new_key(), id.bytes) for id in patients - found.keys()}
        found |= patient_keys.add(session, new)
        return {id: self._unwrapped(id, wrapped) for id, wrapped in found.items()}

    def _unwrapped(self, id: UUID, wrapped: bytes | None) -> UnwrappedKey | LostText:
        if wrapped is None:
            return LostText.ERASED
        try:
            return UnwrappedKey(self.keys.unwrap(wrapped, id.bytes))
        except InvalidTag:
            log.error("patient_key.damaged", patient_id=str(id))
            return LostText.DAMAGED


def _encrypted(key: UnwrappedKey | LostText, text: PatientText) -> bytes:
    if key is LostText.DAMAGED:
        raise Unreachable("key.damaged")  # a new key would lose what the old one opens, once it is restored
    if isinstance(key, LostText):
        return text.patient_id.bytes
    content = json.dumps(text.content, ensure_ascii=False).encode()
    return text.patient_id.bytes + key.encrypt(content, text.patient_id.bytes + text.about.bytes)


def _decrypted(keys: Mapping[UUID, UnwrappedKey | LostText], encrypted: bytes, about: UUID) -> Any:
    id, ciphertext = encrypted[:ID], encrypted[ID:]
    key = keys.get(UUID(bytes=id), LostText.ERASED) if len(id) == ID else LostText.DAMAGED
    if isinstance(key, LostText):
        return key
    if not ciphertext:
        return LostText.ERASED
    try:
        return json.loads(key.decrypt(ciphertext, id + about.bytes))
    except InvalidTag:
        log.error("patient_text.damaged", about=str(about))
        return LostText.DAMAGED


def rings_of(texts: PatientTexts, setting: str) -> KeyRings:
    """The ring of this setting, whose keys wrap those of patients."""
    return KeyRings(WrappingRing(setting, texts.keys, patient_keys.KEYS))
