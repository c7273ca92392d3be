"""The hash chains of the access log (docs/decisions/0035-chained-access-log.md).

The hash of an entry is SHA-256 of the hash of the entry before (of none, for the first) and the digest of what stands
in the entry. That is what the table stores: a purpose stays ciphertext, so a chain holds after an erasure, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from patient_service.store.access_log import Kind

BEGINNING: Final = b""
"""The hash before the first entry of a chain, and before the first anchor."""
BEFORE_ALL: Final = UUID(int=0)
"""Before the id of every chain."""
_COMPACT: Final = json.JSONEncoder(separators=(",", ":"))


def file_content(
    id: UUID, patient_id: UUID, action: str, purpose: bytes | None, accessed_at: str, accessed_by: UUID | None
) -> bytes:
    """Returns the digest of what stands in an entry of one file."""
    return _digest("file", str(id), str(patient_id), action, _hex(purpose), accessed_at, _id(accessed_by))


def list_content(entry: Any, accessed_at: str) -> bytes:
    """Returns the digest of what stands in an entry of a list: a row of the table, or anything with its columns."""
    return _digest(
        "list",
        str(entry.id),
        [str(each) for each in entry.patient_ids],
        entry.action,
        entry.view,
        None if entry.purposes is None else [_hex(each) for each in entry.purposes],
        _hex(entry.digest),
        accessed_at,
        _id(entry.accessed_by),
    )


def content_of(kind: Kind, row: Any) -> bytes:
    """Returns the digest of what stands in an entry as it is stored; `accessed_at` is a text in the row."""
    if kind == "list":
        return list_content(row, row.accessed_at)
    return file_content(row.id, row.patient_id, row.action, row.purpose, row.accessed_at, row.accessed_by)


def chained(before: bytes, content: bytes) -> bytes:
    """Returns the hash of an entry; `store/access_log.py` has the same in SQL."""
    return sha256(before + content).digest()


def _digest(*parts: Any) -> bytes:
    return sha256(_COMPACT.encode(parts).encode()).digest()


def _hex(stored: bytes | memoryview | None) -> str | None:
    return None if stored is None else bytes(stored).hex()


def as_text(instant: datetime) -> str:
    """Returns an instant as it is hashed; `store/access_log.py` has the same in SQL."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _id(account: UUID | None) -> str | None:
    return None if account is None else str(account)


class AnchorHash:
    """The hash of an anchor: of the one before, its own row, and each chain that had new entries, in their order."""

    def __init__(self, before: bytes, *, number: int, day: str, made_at: str, chains: int) -> None:
        self._hash = sha256(before + _digest("anchor", number, day, made_at, chains))

    def add(self, kind: str, chain: UUID, number: int, hash: bytes) -> None:
        """Take in the last entry of a chain."""
        self._hash.update(_digest(kind, str(chain), number, _hex(hash)))

    def digest(self) -> bytes:
        """Returns the hash of what was taken in so far."""
        return self._hash.digest()


@dataclass
class ChainCheck:
    """Follows the chains of one kind, entry by entry in their order, and says what is wrong with each."""

    kind: Kind
    chain: UUID = BEFORE_ALL
    number: int = 0
    hash: bytes = BEGINNING

    def follow(self, row: Any) -> str | None:
        """What is wrong with the next entry, in a sentence; None where nothing is.

        An entry that is wrong counts as the one before the next, so that one change is one sentence.
        """
        if row.of_chain != self.chain:
            self.chain, self.number, self.hash = row.of_chain, 0, BEGINNING
        expected, before = self.number + 1, self.hash
        self.number, self.hash = row.number, bytes(row.hash)
        if row.number != expected:
            return f"{self._name(row.number)} follows number {expected - 1}: what was between them is missing"
        if self.hash != chained(before, content_of(self.kind, row)):
            return f"{self._name(row.number)} is not what was written there"
        return None

    def _name(self, number: int) -> str:
        return name_of(self.kind, self.chain, number)


def name_of(kind: str, chain: UUID, number: int) -> str:
    """How a sentence names an entry."""
    return f"entry {number} of {'patient' if kind == 'file' else 'lists'} {chain}"
