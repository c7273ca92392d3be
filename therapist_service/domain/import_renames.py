"""Who is deleted by a file and added by it under another id: the same therapist all along, who is never inactive.

Deletions come first, and portions are decided one after the other: whom a later portion finds is asked before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from shared.database import Session
from therapist_service.domain.import_files import ImportFile
from therapist_service.domain.import_portions import NOTHING_PARSED, Portion
from therapist_service.domain.import_records import RawRecord
from therapist_service.domain.imports import ImportClaim
from therapist_service.store import source_queries


def names_of(session: Session, source: str, external_ids: Collection[str]) -> list[tuple[str, str]]:
    """The form in which names are compared of those who are these entries of the source, each with the external id."""
    return source_queries.name_keys(session, source, external_ids)


def renamed(
    session: Session,
    claimed: ImportClaim,
    file: ImportFile,
    records: Sequence[RawRecord],
    *,
    deleted: set[str],
    now: datetime,
) -> set[UUID]:
    """The therapists whom these records find under another id, since the file deletes these external ids."""
    return _AfterDeletions(claimed.import_id, claimed.file, file.metadata, frozenset(), now, NOTHING_PARSED).found(
        session, records, deleted
    )


class _AfterDeletions(Portion):
    """A portion whose records are only looked at."""

    def found(self, session: Session, records: Sequence[RawRecord], deleted: set[str]) -> set[UUID]:
        """The therapists who are found by those records whose external ids are unknown."""
        self._deleted = deleted
        entries = self._parse(records)
        self._take_entries(session, {str(each.external_id) for each in entries})
        self._identify(session, [each for each in entries if each.external_id not in self._entries])
        return self._renamed
