"""Imports: a file is taken once, applied in turn, in portions, by one worker at a time; each record once.

A worker claims an import for a while (`claim`), and every portion of records is applied in one transaction together
with its outcomes, its events and the place that was reached. So a worker that dies leaves nothing half done
(docs/domain.md#import-rule-2): when its claim runs out, another one goes on at the first record without an outcome.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.database import Session, new_id
from shared.database.rows import require
from shared.events.event import Event
from shared.events.outbox import record_all
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.lists import Listed, ListRequest
from therapist_service.domain import import_records, search, states, therapists
from therapist_service.domain.import_digests import applied_before, digest_of
from therapist_service.domain.import_files import ImportFile, Metadata, NotImportable, refuse_out_of_turn
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_rules import ImportDecision, decide
from therapist_service.domain.import_schemas import (
    Counts,
    ImportRecordFilter,
    ImportView,
)
from therapist_service.domain.schemas import ImportedFields
from therapist_service.store import import_queries as queries
from therapist_service.store import lists
from therapist_service.store.tables import Import

WRITTEN = (
    "id", "created_at", *ImportedFields.model_fields, "status", "inactive_by", "block_reason", "source_name",
    "external_id", "last_seen_at", "digest", "set_aside", *search.COLUMNS, "protected_fields", "updated_at",
    "updated_by", "version", "sequence",
)  # fmt: skip
"""The columns of a therapist that an import writes; what machines note about contacts is not among them.

`block_reason` is never changed: PostgreSQL checks a row before it finds that it is not a new one.
"""

TRIES = 3
"""How often workers may end at the same record, or while they look the same file through, before it is set aside."""

CHANGED = {
    ImportAction.ADDITION: "additions",
    ImportAction.MODIFICATION: "modifications",
    ImportAction.DELETION: "deletions",
}


class ClaimLost(Exception):
    """The import was taken over by another worker, or is over."""


@dataclass(frozen=True)
class ImportClaim:
    """The right to work on an import for a while."""

    import_id: UUID
    term: int
    file: str
    size: int
    content_id: UUID
    done: int
    """How many records have an outcome."""
    is_careful: bool
    """Whether the last holder ended without a word, perhaps of one of the next records."""


def view(known: Import) -> ImportView:
    """The import as clients see it."""
    counts = Counts.of({name: getattr(known, name) for name in Counts.model_fields})
    fields = ImportView.model_fields.keys() - {"counts"}
    return ImportView.of({**{name: getattr(known, name) for name in fields}, "counts": counts})


def list_part(session: Session, wanted: ListRequest[Any]) -> Listed:
    """A part of all imports."""
    found = lists.imports(session, wanted.part)
    return found.shown([view(each) for each in found.rows])


def get(session: Session, import_id: UUID) -> ImportView:
    """One import; raises `NotFound`."""
    return view(_known(session, import_id))


def list_records(session: Session, import_id: UUID, wanted: ListRequest[ImportRecordFilter]) -> Listed:
    """A part of an import's records; raises `NotFound`."""
    known, outcomes = _known(session, import_id), wanted.filters.outcome
    total = _number(known, outcomes)
    found = lists.import_records(session, import_id, wanted.part, outcomes=outcomes, total=total)
    return found.shown(found.rows)


def _number(known: Import, outcomes: Sequence[ImportOutcome]) -> int:
    """How many records have one of these outcomes, or any; a million need not be counted again."""
    if not outcomes:
        return known.done
    applied = CHANGED.values() if ImportOutcome.APPLIED in outcomes else []
    others = [str(each) for each in outcomes if each != ImportOutcome.APPLIED]
    return sum(getattr(known, name) for name in (*applied, *others))


def _known(session: Session, import_id: UUID) -> Import:
    return require(queries.one(session, import_id), "import")


# Applying them


def claim(session: Session, *, now: datetime, lease: timedelta) -> ImportClaim | None:
    """The import whose turn it is; None where there is none, or another worker is at work on one."""
    waiting = queries.unfinished(session)
    if not waiting or any(each.claimed_until is not None and each.claimed_until > now for each in waiting):
        return None
    chosen = waiting[0]
    assert chosen.content_id is not None
    if chosen.total is None:
        chosen.started_at = now  # until then it waited for its turn
        _try(chosen, None)
    if chosen.claimed_until is not None:  # neither finished nor given back: the holder died, or something was too much
        chosen.abandoned += 1
    chosen.term += 1
    chosen.claimed_until = now + lease
    is_careful = chosen.abandoned > 0
    return ImportClaim(chosen.id, chosen.term, chosen.file, chosen.size, chosen.content_id, chosen.done, is_careful)


def _try(known: Import, position: int | None) -> None:
    known.tries = known.tries + 1 if known.trying == position else 1
    known.trying = position


def renew(session: Session, claimed: ImportClaim, *, now: datetime, lease: timedelta) -> None:
    """Keep the claim for longer while its holder works; raises `ClaimLost`."""
    if not queries.renew(session, claimed.import_id, claimed.term, until=now + lease):
        raise ClaimLost


def try_alone(session: Session, claimed: ImportClaim, position: int) -> bool:
    """Note that a record is looked at, before it is; False where workers ended at it before: it is to be refused.

    Raises `ClaimLost`.
    """
    known = _claimed(session, claimed)
    _try(known, position)
    return known.tries <= TRIES


def look_through(session: Session, claimed: ImportClaim) -> None:
    """Raise `NotImportable` where workers ended while they looked this file through, and `ClaimLost`."""
    known = _claimed(session, claimed)
    if known.total is None and known.tries > TRIES:
        raise NotImportable(f"The file could not be looked through: {TRIES} workers ended while they did.")


def block(session: Session, claimed: ImportClaim, number: int) -> bytes:
    """A block of the file; raises `ClaimLost`."""
    packed = queries.block(session, claimed.content_id, number)
    if packed is None:
        raise ClaimLost
    return zlib.decompress(packed)


def begin(session: Session, claimed: ImportClaim, file: ImportFile, *, now: datetime, lease: timedelta) -> None:
    """Write down what the file is; raises `NotImportable` for one that is out of turn, and `ClaimLost`."""
    known = _claimed(session, claimed)
    if known.total is None:
        refuse_out_of_turn(known.file, last_applied=queries.last_applied_file(session), now=now)
        known.tries = 0
    known.source, known.scrape_id = file.metadata.source, file.metadata.scrape_id
    known.total = file.total
    known.claimed_until = now + lease
    known.reason = "; ".join(file.notes) or None
    known.updated_at = now


def give_up(session: Session, claimed: ImportClaim, problem: NotImportable, *, now: datetime) -> None:
    """The whole file cannot be applied; raises `ClaimLost`."""
    end(session, _claimed(session, claimed), problem.status, now).reason = problem.reason


def release(session: Session, claimed: ImportClaim, *, now: datetime) -> None:
    """Let others claim what is left at once, and the holder of this claim find it gone; raises `ClaimLost`."""
    known = _claimed(session, claimed)
    known.term += 1
    known.claimed_until = None
    known.tries = max(0, known.tries - 1)  # nothing was to blame
    known.updated_at = now


def finish(session: Session, claimed: ImportClaim, *, now: datetime) -> None:
    """Every record has its outcome; raises `ClaimLost`."""
    end(session, _claimed(session, claimed), ImportStatus.COMPLETED, now)


def end(session: Session, known: Import, status: ImportStatus, now: datetime) -> Import:
    """Nothing more becomes of this import."""
    states.end_import(known, status, now=now)
    if known.content_id is not None:
        queries.drop_content(session, known.content_id)
        known.content_id = None
    return known


def _claimed(session: Session, claimed: ImportClaim) -> Import:
    known = queries.one(session, claimed.import_id, lock=True)
    if known is None or known.term != claimed.term or known.status != ImportStatus.RUNNING:
        raise ClaimLost
    return known


def apply(
    session: Session,
    claimed: ImportClaim,
    metadata: Metadata,
    portion: Sequence[RawRecord],
    *,
    now: datetime,
    lease: timedelta,
) -> None:
    """Apply the next records, with their outcomes and events, and keep the claim for longer.

    Raises `ClaimLost` where these are not the next records or the claim is over.
    """
    known = _claimed(session, claimed)
    if not portion or portion[0].position != known.done:
        raise ClaimLost
    wanted = {sent.external_id for sent in portion if sent.external_id is not None and sent.refused is None}
    as_before = applied_before(portion, queries.lock_known(session, metadata.source, wanted))
    others = wanted - {sent.external_id for sent in portion if sent.position in as_before}
    by_id = queries.known_to_source(session, metadata.source, others)
    outcomes = [
        _unchanged(sent, as_before[sent.position])
        if sent.position in as_before
        else _outcome(sent, by_id.get(sent.external_id or ""), metadata, now)
        for sent in portion
    ]
    queries.write_therapists(session, [o.row for o in outcomes if o.row is not None])
    queries.note_seen(session, [o.seen for o in outcomes if o.seen is not None], metadata.timestamp)
    record_all(session, [o.event for o in outcomes if o.event is not None], now=now)
    queries.add_records(session, [_record(claimed, o) for o in outcomes])
    _count(known, outcomes)
    known.claimed_until = now + lease
    known.updated_at = now
    if not claimed.is_careful:
        known.abandoned = 0


def _unchanged(sent: RawRecord, therapist_id: UUID) -> Outcome:
    decision = ImportDecision(ImportAction.MODIFICATION, ImportOutcome.UNCHANGED)
    return Outcome(sent, decision, therapist_id, seen=therapist_id)


def refuse(session: Session, claimed: ImportClaim, sent: RawRecord, reason: str, *, now: datetime) -> None:
    """Write down that a record could not be applied; raises `ClaimLost`."""
    known = _claimed(session, claimed)
    if sent.position != known.done:
        raise ClaimLost
    refused = Outcome(sent, ImportDecision(sent.action, ImportOutcome.REJECTED, reason), None)
    queries.add_records(session, [_record(claimed, refused)])
    _count(known, [refused])
    known.updated_at = now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be written for one record."""

    sent: RawRecord
    decision: ImportDecision
    therapist_id: UUID | None
    row: dict[str, Any] | None = None
    event: tuple[UUID, int, Event] | None = None
    seen: UUID | None = None
    """A therapist of whom nothing is written but that the source still shows them."""


def _outcome(sent: RawRecord, known: dict[str, Any] | None, metadata: Metadata, now: datetime) -> Outcome:
    entry = import_records.entry(sent)
    decision = decide(entry, known)
    if not decision.changes and not _is_to_be_known_again(entry, decision):
        is_there = decision.outcome == ImportOutcome.UNCHANGED and decision.action != ImportAction.DELETION
        therapist_id = known["id"] if known else None
        return Outcome(sent, decision, therapist_id, seen=therapist_id if is_there else None)
    row = {**(known or _newcomer(entry, metadata, now)), **decision.changes}
    if decision.action != ImportAction.DELETION:
        row["last_seen_at"] = metadata.timestamp
    row |= search.columns(row)
    event = None
    if decision.event is not None:
        row |= {"updated_at": now, "updated_by": None, "version": row["version"] + 1, "sequence": row["sequence"] + 1}
        event_of_row = decision.event.model_construct(therapist=therapists.public_row(row))
        event = (row["id"], row["sequence"], event_of_row)
    is_known_again = _is_to_be_known_again(entry, decision)
    row["digest"] = digest_of(sent.raw, version=row["version"]) if is_known_again else None
    return Outcome(sent, decision, row["id"], {name: row[name] for name in WRITTEN}, event)


def _is_to_be_known_again(entry: Entry, decision: ImportDecision) -> bool:
    """Whether the same record need not be looked at once more; one with a note is, so that its outcome has the note."""
    return (
        decision.outcome != ImportOutcome.REJECTED and entry.action != ImportAction.DELETION and decision.reason is None
    )


def _newcomer(entry: Entry, metadata: Metadata, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "created_at": now,
        "version": 0,
        "sequence": 0,
        "source_name": metadata.source,
        "external_id": entry.external_id,
        "inactive_by": None,
        "block_reason": None,
        "block_until": None,
    }


def _record(claimed: ImportClaim, outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "import_id": claimed.import_id,
        "position": outcome.sent.position,
        "external_id": outcome.sent.external_id,
        "action": decision.action,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "therapist_id": outcome.therapist_id,
        "difference": decision.difference,
    }


def _count(known: Import, outcomes: Sequence[Outcome]) -> None:
    applied = ImportOutcome.APPLIED
    counted = Counter(
        CHANGED[o.decision.action] if o.decision.outcome == applied else str(o.decision.outcome) for o in outcomes
    )
    for name, count in counted.items():
        setattr(known, name, getattr(known, name) + count)
    known.done += len(outcomes)
