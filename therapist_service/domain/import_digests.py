"""Whether a record is the one that was applied before: one comparison in place of a look at every field.

The digest of a record as it was sent is kept with the entry of its source. It includes the therapist and the version
that they have after the record was applied: whatever changes the therapist later, counts a version and so makes the
digest one of the past. An entry of which something waits for a person, or was rejected by one, has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from uuid import UUID

from shared.values.enums import ImportAction
from shared.values.postal_codes import SOURCE
from therapist_service.domain.import_records import RawRecord
from therapist_service.domain.schemas import ImportedFields
from therapist_service.store.source_queries import AppliedEntry

READING = 1
"""Count on when records are read differently than before, so that unchanged ones are looked at once more."""

_KEY = blake2b(repr((READING, SOURCE, sorted(ImportedFields.model_fields))).encode(), digest_size=32).digest()
_BYTES_OF_VERSION = 8


def digest_of(sent: bytes, therapist_id: UUID, *, version: int) -> str:
    """The digest of a record as it stands in the file, applied to a therapist whose version is then this one."""
    salt = version.to_bytes(_BYTES_OF_VERSION, "big")
    return blake2b(sent, digest_size=16, key=_KEY, salt=salt, person=therapist_id.bytes).hexdigest()


def applied_before(portion: Sequence[RawRecord], known: Mapping[str, AppliedEntry]) -> dict[int, AppliedEntry]:
    """Which of these records were applied before to therapists whom nobody changed since.

    `known` are the source's entries by external id. Returns them by the positions of the records.
    """
    return {
        sent.position: entry
        for sent in portion
        if (entry := known.get(sent.external_id or "")) is not None and _is_as_applied(sent, entry)
    }


def _is_as_applied(sent: RawRecord, entry: AppliedEntry) -> bool:
    if sent.refused is not None or sent.action == ImportAction.DELETION or not entry.is_leading or entry.digest is None:
        return False
    return entry.digest == digest_of(sent.raw, entry.therapist_id, version=entry.version)
