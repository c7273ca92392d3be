"""Files that arrive: asked for or found, read once into the database, known again by their look or their content."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Session, first_version, new_id
from shared.errors import Conflict, NotFound
from shared.values.enums import ImportStatus
from therapist_service.domain import imports, states
from therapist_service.domain.import_schemas import ImportView
from therapist_service.store import import_queries as queries
from therapist_service.store.tables import Import

FORGOTTEN_AFTER = timedelta(days=1)
"""Reading a file never takes this long; content without an import is what a worker left when it died."""


class ImportedBefore(Conflict):
    """A file with this look or content is known, perhaps under another name."""

    def __init__(self, import_id: UUID) -> None:
        super().__init__("import.known", existing_id=import_id)


@dataclass(frozen=True)
class FileLook:
    """A file as it lies in the folder: enough to know it again without reading it."""

    name: str
    size: int
    modified_at: datetime | None
    """None where the storage does not say."""
    problem: str | None = field(default=None, compare=False)
    """Why it is not to be read at all."""


@dataclass(frozen=True)
class FileSearch:
    """What looking for a file in the folder brought."""

    look: FileLook | None
    otherwise: NotFound
    """Where there is none: the refusal that says why."""


@dataclass(frozen=True)
class Content:
    """A file's bytes, which lie in the database and belong to no import yet."""

    id: UUID
    checksum: str
    """SHA-256, in hexadecimal."""
    size: int


def unfamiliar(session: Session, looks: Sequence[FileLook]) -> list[FileLook]:
    """Those of the files that nobody has imported or asked for, as they look now."""
    known = queries.looks_of(session, [look.name for look in looks])
    return [look for look in looks if (look.name, look.size, look.modified_at) not in known]


def unread(session: Session, looks: Sequence[FileLook]) -> list[FileLook]:
    """Those of the files that are new or asked for, and have not been read as they look now."""
    waiting = {each.file for each in queries.asked_for(session)}
    new = set(unfamiliar(session, looks))
    return [look for look in looks if look in new or look.name in waiting]


def ask(
    session: Session,
    look: FileLook | None,
    *,
    by: UUID | None,
    now: datetime,
    otherwise: NotFound | None = None,
) -> ImportView:
    """Have a worker read and apply this file, also once more after its import was undone.

    Raises `ImportedBefore`, and where there is no file `otherwise`, or a plain `NotFound`.
    """
    if look is None:
        raise otherwise or NotFound("import_file")
    queries.take_in_turn(session)
    known = queries.looks_of(session, [look.name]).get((look.name, look.size, look.modified_at))
    if known is not None and imports.known_import(session, known).status != ImportStatus.UNDONE:
        raise ImportedBefore(known)
    return imports.view(_begun(session, look, by=by, now=now), queries.first_held(session))


def keep_block(session: Session, content_id: UUID, number: int, block: bytes) -> None:
    """Store the next block of a file that is being read."""
    queries.add_block(session, content_id, number, zlib.compress(block, 1))


def drop(session: Session, content: Content) -> None:
    """Forget content that is not wanted."""
    queries.drop_content(session, content.id)


def take(session: Session, look: FileLook, content: Content, *, now: datetime) -> ImportView:
    """Import this content. What was imported before is rejected, and names that import; its undo lets people ask anew.

    Returns the import, or the one that was there before.
    """
    queries.take_in_turn(session)
    asked = [each for each in queries.asked_for(session) if each.file == look.name]
    original = queries.with_checksum(session, content.checksum)
    if original is None or (asked and original.status == ImportStatus.UNDONE):
        original = asked.pop(0) if asked else _begun(session, look, by=None, now=now)
        original.checksum, original.content_id, original.reason = content.checksum, content.id, None
        original.size, original.modified_at = content.size, look.modified_at
        copies = asked
    else:
        queries.drop_content(session, content.id)
        copies = asked or _new_copy(session, look, original, now=now)
    for copy in copies:
        _reject_copy(session, copy, look, original, now=now)
    session.flush()
    return imports.view(original)


def _new_copy(session: Session, look: FileLook, original: Import, *, now: datetime) -> list[Import]:
    """The import of a copy under a new name; none of one that is known and was touched or taken by another worker."""
    known = queries.with_content_of(session, original.id, look.name)
    if known is None:
        return [_begun(session, look, by=None, now=now)]
    known.modified_at = look.modified_at
    return []


def _reject_copy(session: Session, copy: Import, look: FileLook, original: Import, *, now: datetime) -> None:
    copy.duplicate_of, copy.size, copy.modified_at = original.id, look.size, look.modified_at
    reason = f"A file with this content was imported before, as {original.file} (import {original.id})."
    if original.status == ImportStatus.UNDONE:
        reason += " That import was undone: who asks for the file by its name has it imported again."
    imports.end(session, copy, ImportStatus.REJECTED, now, reason=reason)


def wait_for_the_rest(session: Session, look: FileLook, *, now: datetime) -> None:
    """Say of the imports of this file that were asked for why they do not begin: it ends too early."""
    for each in queries.asked_for(session):
        if each.file == look.name:
            each.reason, each.updated_at = "The file ends too early; it may still be being written.", now


def fail(session: Session, look: FileLook, reason: str, *, now: datetime) -> None:
    """This file cannot be read; it is not tried again unless it changes."""
    queries.take_in_turn(session)
    asked = [each for each in queries.asked_for(session) if each.file == look.name]
    for each in asked or [_begun(session, look, by=None, now=now)]:
        each.size, each.modified_at = look.size, look.modified_at
        imports.end(session, each, ImportStatus.FAILED, now, reason=reason)


def fail_missing(session: Session, names: Iterable[str], *, now: datetime) -> int:
    """Files that were asked for and lie in the folder no more, all of whose names are given; returns their number."""
    there = set(names)
    missing = [each for each in queries.asked_for(session) if each.file not in there]
    for each in missing:
        imports.end(session, each, ImportStatus.FAILED, now, reason="The file is gone.")
    return len(missing)


def forget_left_content(session: Session, *, now: datetime) -> int:
    """Forget what workers that died had read of files; returns the number of blocks."""
    before = int((now - FORGOTTEN_AFTER).timestamp() * 1000)
    return queries.drop_left_content(session, older_than=UUID(int=before << 80))


def _begun(session: Session, look: FileLook, *, by: UUID | None, now: datetime) -> Import:
    file = {"file": look.name, "size": look.size, "modified_at": look.modified_at}
    begun = Import(id=new_id(), started_at=now, started_by=by, **file, **first_version(by=by, now=now))
    states.begin_import(begun)
    session.add(begun)
    session.flush()
    return begun
