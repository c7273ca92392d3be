"""Whether a record is the one that was applied before: one comparison in place of a look at every field.

The digest of a record as it was sent is kept with its therapist. It includes the version that the therapist has after
the record was applied: whatever changes the therapist later, counts a version and so makes the digest one of the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from uuid import UUID

from shared.values.enums import ImportAction
from shared.values.postal_codes import SOURCE
from therapist_service.domain.import_records import RawRecord
from therapist_service.domain.schemas import ImportedFields
from therapist_service.store.import_queries import Applied

READING = 1
"""Count on when records are read differently than before, so that unchanged ones are looked at once more."""

_KEY = blake2b(repr((READING, SOURCE, sorted(ImportedFields.model_fields))).encode(), digest_size=32).digest()
_BYTES_OF_VERSION = 8


def digest_of(sent: bytes, *, version: int) -> str:
    """The digest of a record as it stands in the file, applied to a therapist whose version is then this one."""
    salt = version.to_bytes(_BYTES_OF_VERSION, "big")
    return blake2b(sent, digest_size=16, key=_KEY, salt=salt).hexdigest()


def applied_before(portion: Sequence[RawRecord], known: Mapping[str, Applied]) -> dict[int, UUID]:
    """Which of these records were applied before to therapists whom nobody changed since.

    `known` are the source's therapists by external id. Returns their ids by the positions of the records.
    """
    return {
        sent.position: applied.id
        for sent in portion
        if (applied := known.get(sent.external_id or "")) is not None and _is_as_applied(sent, applied)
    }


def _is_as_applied(sent: RawRecord, applied: Applied) -> bool:
    if sent.refused is not None or sent.action == ImportAction.DELETION or applied.digest is None:
        return False
    return applied.digest == digest_of(sent.raw, version=applied.version)
