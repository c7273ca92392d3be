"""A file is asked before its first deletion whom it adds under another id (`domain/import_renames.py`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar
from uuid import UUID

from shared.database import is_trouble, transaction
from shared.runtime.logs import logger
from shared.values.enums import ImportAction
from therapist_service.domain import import_records, import_renames
from therapist_service.domain.import_files import ImportFile
from therapist_service.domain.import_records import RawRecord
from therapist_service.domain.imports import ImportClaim
from therapist_service.jobs.heartbeats import ClaimHeartbeat

log = logger(__name__)

AT_ONCE = 500
"""Records that are asked about in one transaction."""
Item = TypeVar("Item")


def renamed(file: ImportFile, claimed: ImportClaim, heartbeat: ClaimHeartbeat) -> frozenset[UUID]:
    """The therapists whom the file deletes and finds again under another id, in whichever portion.

    Nobody of a file without deletions, or whose deletions were applied before. A record that the database refuses is
    applied alone later; who cannot be found because of it is inactive for a moment, and no file fails.
    """
    deletions = file.number_of(ImportAction.DELETION)
    if claimed.done >= deletions:
        return frozenset()
    try:
        return _renamed(file, claimed, deletions, heartbeat)
    except Exception as problem:
        if is_trouble(problem):
            raise
        log.warning("imports.renames_not_found", import_id=str(claimed.import_id), exc_info=problem)
        return frozenset()


def _renamed(file: ImportFile, claimed: ImportClaim, deletions: int, heartbeat: ClaimHeartbeat) -> frozenset[UUID]:
    names = _deleted_names(file, deletions)
    found: set[UUID] = set()
    for namesakes in _parts(_namesakes(file, deletions, names, heartbeat)):
        records = [record for record, _ in namesakes]
        deleted = set().union(*(names[name] for _, name in namesakes))
        with transaction() as session:
            found |= import_renames.renamed(session, claimed, file, records, deleted=deleted, now=heartbeat.moment())
    return frozenset(found)


def _deleted_names(file: ImportFile, deletions: int) -> Mapping[str, set[str]]:
    """Of each name the external ids that the file deletes, of all that are known."""
    names: dict[str, set[str]] = defaultdict(set)
    records = (import_records.record(file, position) for position in range(deletions) if not file.outdated[position])
    for part in _parts(each.external_id for each in records if each.external_id is not None):
        with transaction() as session:
            for name, external_id in import_renames.names_of(session, file.metadata.source, part):
                names[name].add(external_id)
    return names


def _namesakes(
    file: ImportFile, start: int, names: Mapping[str, set[str]], heartbeat: ClaimHeartbeat
) -> Iterator[tuple[RawRecord, str]]:
    """The records of people who are called like somebody who is deleted."""
    for position in range(start, file.total if names else start):
        sent = import_records.record(file, position)
        name = import_records.name_key_of(sent)
        if name in names and name is not None:
            yield sent, name
        if position % AT_ONCE == 0:
            heartbeat.record_progress()


def _parts(items: Iterable[Item]) -> Iterator[Sequence[Item]]:
    left = iter(items)
    while part := list(islice(left, AT_ONCE)):
        yield part
