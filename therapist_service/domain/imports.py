"""Imports: a file is taken once, applied in turn, in portions, by one worker at a time; each record once.

A worker claims an import for a while (`claim`), and every portion of records is applied in one transaction together
with its outcomes, its events and the place that was reached. So a worker that dies leaves nothing half done
(docs/domain.md#import-rule-2): when its claim runs out, another one goes on at the first record without an outcome.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.database.rows import require
from shared.values.enums import ImportAction, ImportOutcome, ImportStatus
from shared.values.lists import Listed, ListRequest
from therapist_service.domain import import_events, states
from therapist_service.domain.import_files import ImportFile, Metadata, NotImportable, refuse_out_of_turn
from therapist_service.domain.import_outcomes import Outcome, write_portion
from therapist_service.domain.import_portions import NOTHING_PARSED, decide_portion
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_rules import ImportDecision
from therapist_service.domain.import_schemas import (
    Counts,
    ImportRecordFilter,
    ImportView,
)
from therapist_service.domain.import_views import hold_of, undo_of
from therapist_service.domain.review_rules import Passes
from therapist_service.store import import_queries as queries
from therapist_service.store import lists, undo_queries
from therapist_service.store.tables import Import

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
    is_judged: bool
    """Whether it was decided that the file need not be held."""
    tries: int
    """How often workers began to look the file through, or to judge it, and have not ended."""


def view(known: Import, held: str | None = None) -> ImportView:
    """The import as clients see it; `held` is the earliest file that is held, if any."""
    counts = Counts.of({name: getattr(known, name) for name in Counts.model_fields})
    fields = ImportView.model_fields.keys() - {"counts", "hold", "undo", "waits_for"}
    more = {"counts": counts, "hold": hold_of(known), "undo": undo_of(known), "waits_for": _waits_for(known, held)}
    return ImportView.of({**{name: getattr(known, name) for name in fields}, **more})


def _waits_for(known: Import, held: str | None) -> str | None:
    has_begun = known.status != ImportStatus.RUNNING or known.total is not None
    return None if has_begun or held is None or known.file < held else held


def list_part(session: Session, wanted: ListRequest[Any]) -> Listed:
    """A part of all imports."""
    found, held = lists.imports(session, wanted.part, statuses=wanted.filters.status), queries.first_held(session)
    return found.shown([view(each, held) for each in found.rows])


def get(session: Session, import_id: UUID) -> ImportView:
    """One import; raises `NotFound`."""
    return view(known_import(session, import_id), queries.first_held(session))


def list_records(session: Session, import_id: UUID, wanted: ListRequest[ImportRecordFilter]) -> Listed:
    """A part of an import's records; raises `NotFound`."""
    known, outcomes = known_import(session, import_id), wanted.filters.outcome
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


def known_import(session: Session, import_id: UUID, *, lock: bool = False) -> Import:
    """The import's row; raises `NotFound`."""
    return require(queries.one(session, import_id, lock=lock), "import")


# Applying them


def claim(session: Session, *, now: datetime, lease: timedelta) -> ImportClaim | None:
    """The import whose turn it is; None where there is none, or another worker is at work on one."""
    held = queries.first_held(session)
    waiting = [each for each in queries.unfinished(session) if held is None or each.file < held]
    if undo_queries.is_any_to_undo(session):
        return None
    if not waiting or any(each.claimed_until is not None and each.claimed_until > now for each in waiting):
        return None
    chosen = waiting[0]
    assert chosen.content_id is not None
    if chosen.total is None:
        chosen.started_at = now  # until then it waited for its turn
    if chosen.judged_at is None:
        _try(chosen, None)
    if chosen.claimed_until is not None:  # neither finished nor given back: the holder died, or something was too much
        chosen.abandoned += 1
    chosen.term += 1
    chosen.claimed_until = now + lease
    is_careful = chosen.abandoned > 0
    return ImportClaim(
        chosen.id,
        chosen.term,
        chosen.file,
        chosen.size,
        chosen.content_id,
        chosen.done,
        is_careful,
        chosen.judged_at is not None,
        chosen.tries,
    )


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
    known = claimed_import(session, claimed)
    _try(known, position)
    return known.tries <= TRIES


def look_through(session: Session, claimed: ImportClaim) -> None:
    """Raise `NotImportable` where workers ended while they looked this file through, and `ClaimLost`."""
    known = claimed_import(session, claimed)
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
    known = claimed_import(session, claimed)
    if known.total is None:
        refuse_out_of_turn(known.file, last_applied=queries.last_applied_file(session), now=now)
        known.tries = 0
    known.source, known.scrape_id = file.metadata.source, file.metadata.scrape_id
    known.scraped_at = file.metadata.timestamp
    known.total = file.total
    known.claimed_until = now + lease
    known.reason = "; ".join(file.notes) or None
    known.updated_at = now


def give_up(session: Session, claimed: ImportClaim, problem: NotImportable, *, now: datetime) -> None:
    """The whole file cannot be applied; raises `ClaimLost`."""
    end(session, claimed_import(session, claimed), problem.status, now, reason=problem.reason)


def release(session: Session, claimed: ImportClaim, *, now: datetime) -> None:
    """Let others claim what is left at once, and the holder of this claim find it gone; raises `ClaimLost`."""
    known = claimed_import(session, claimed)
    known.term += 1
    known.claimed_until = None
    known.tries = max(0, known.tries - 1)  # nothing was to blame
    known.updated_at = now


def finish(session: Session, claimed: ImportClaim, *, now: datetime) -> None:
    """Every record has its outcome; raises `ClaimLost`."""
    end(session, claimed_import(session, claimed), ImportStatus.COMPLETED, now)


def end(session: Session, known: Import, status: ImportStatus, now: datetime, *, reason: str | None = None) -> Import:
    """Nothing more becomes of this import, for this reason; without one that of before stays."""
    known.reason = reason or known.reason
    states.end_import(known, status, now=now)
    drop_content(session, known)
    import_events.record_end(session, known, now=now)
    return known


def drop_content(session: Session, known: Import) -> None:
    """The file is not needed any more."""
    if known.content_id is not None:
        queries.drop_content(session, known.content_id)
        known.content_id = None


def claimed_import(session: Session, claimed: ImportClaim) -> Import:
    """The import of this claim, locked; raises `ClaimLost`."""
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
    passes: Passes,
    now: datetime,
    lease: timedelta,
    parsed: Mapping[int, Entry] = NOTHING_PARSED,
    renamed: Set[UUID] = frozenset(),
) -> None:
    """Apply the next records, with their outcomes, events and reviews, and keep the claim for longer.

    `parsed` has the records that were parsed before, by position: while this parses them, nobody can renew the claim.
    `renamed`: whom later records find under another id, so that they are not gone.

    Raises `ClaimLost` where these are not the next records or the claim is over.
    """
    known = claimed_import(session, claimed)
    if not portion or portion[0].position != known.done:
        raise ClaimLost
    outcomes = decide_portion(
        session,
        claimed.import_id,
        claimed.file,
        metadata,
        portion,
        passes=passes,
        now=now,
        parsed=parsed,
        renamed=renamed,
    )
    write_portion(session, outcomes, metadata, now=now)
    queries.add_records(session, [_record(claimed, o) for o in outcomes])
    _count(known, outcomes)
    known.claimed_until = now + lease
    known.updated_at = now
    if not claimed.is_careful:
        known.abandoned = 0


def refuse(session: Session, claimed: ImportClaim, sent: RawRecord, reason: str, *, now: datetime) -> None:
    """Write down that a record could not be applied; raises `ClaimLost`."""
    known = claimed_import(session, claimed)
    if sent.position != known.done:
        raise ClaimLost
    refused = Outcome(sent, ImportDecision(sent.action, ImportOutcome.REJECTED, reason), None)
    queries.add_records(session, [_record(claimed, refused)])
    _count(known, [refused])
    known.updated_at = now


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
